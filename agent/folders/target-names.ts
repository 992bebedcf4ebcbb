/** Names in the archive and error folder (04 P27). @module */
import type { FilePart } from "./messages.ts";
import { type ByteName, cutTo, NAME_MAX_BYTES, stemOf } from "./names.ts";

/** More is no extension. */
const EXTENSION_MAX_BYTES = 64;
const HASH_DIGITS = 8;

/** What Windows takes for a device, whatever comes after the dot (04 attack 16). */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(?:[. ]|$)/i;
/** What Windows, or a share of it, does not take in a name; `/` stands in relative names alone. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced.
const NOT_EVERYWHERE = /[\x00-\x1f\x7f<>:"|?*\\]/g;

/** Characters that every system takes. */
const plain = (name: ByteName): string =>
  name.replaceAll("/", "%2F").replaceAll(NOT_EVERYWHERE, "_");

/** And no name that Windows has for something else, or cannot write. */
function whole(name: string): ByteName {
  const written = name.replace(/[. ]+$/, "_");
  return DEVICE.test(written) ? `_${written}` : written;
}

export interface NamedPart {
  readonly part: FilePart;
  readonly name: ByteName;
}

/**
 * The names of files that belong together: what is inserted stands before the extension, behind the stem that
 * they have in common.
 *
 * @param inserted such as `_20250102T030405_89abcdef.dup`
 * @param spareBytes what may be put behind each
 */
export function targetNames(
  files: readonly NamedPart[],
  inserted: string,
  spareBytes: number,
): ByteName[] {
  const first = files[0]?.name ?? "";
  const extension = first.length - stemOf(first).length;
  const stem = extension > EXTENSION_MAX_BYTES ? first : stemOf(first);
  return files.map(({ name }) => {
    const own = name.startsWith(stem) ? stem : stemOf(name);
    const rest = plain(name.slice(own.length, own.length + EXTENSION_MAX_BYTES));
    const room = NAME_MAX_BYTES - spareBytes - rest.length - inserted.length - 1;
    return whole(`${cutTo(plain(own), room)}${inserted}${rest}`);
  });
}

/**
 * What is tried in turn: nothing, time and hash, and these with a number. The same each time for one file, so that
 * what was begun is found again.
 */
export function collisionMark(atMs: number, hash: string, index: number): string {
  if (index === 0) return "";
  const time = new Date(atMs).toISOString().replaceAll(/[-:]|\.\d+Z$/g, "");
  const mark = `_${time}_${hash.slice(0, HASH_DIGITS)}`;
  return index === 1 ? mark : `${mark}_${index}`;
}

/** P27, UTC. */
export const dayFolder = (atMs: number): ByteName =>
  new Date(atMs).toISOString().slice(0, 10).replaceAll("-", "/");
