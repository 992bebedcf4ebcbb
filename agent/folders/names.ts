/**
 * Names of files as the system has them: bytes, of any kind (04 P34). In this part they are strings of one
 * character a byte ("latin1"), which compare and sort as the bytes do; never shown as such.
 *
 * @module
 */
import { isWindows } from "../host/platform.ts";
import type { FileName, FilePart } from "./messages.ts";

/** One character a byte. */
export type ByteName = string;

export const byteNameOf = (name: Uint8Array): ByteName =>
  Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString("latin1");

export const fileNameOf = (name: ByteName): FileName => new Uint8Array(Buffer.from(name, "latin1"));

/** Text of ours, such as a setting, as the system writes it. */
export const byteNameFrom = (text: string): ByteName =>
  Buffer.from(text, "utf8").toString("latin1");

/** As text, for patterns: what is no UTF-8 becomes U+FFFD. */
export const textOf = (name: ByteName): string => Buffer.from(name, "latin1").toString("utf8");

/**
 * Whether a file is the one of that name (04 P34).
 *
 * @param onSmb a server that may not tell case apart: there, as on Windows, case is no difference
 */
export function isNamed(
  name: ByteName,
  text: string,
  onSmb: boolean,
  onWindows = isWindows,
): boolean {
  if (name === byteNameFrom(text)) return true;
  return (onSmb || onWindows) && textOf(name).toLowerCase() === text.toLowerCase();
}

/** The last component. */
export const baseOf = (name: ByteName): ByteName => name.slice(name.lastIndexOf("/") + 1);

/** All before it, `` if it is alone. */
export const parentOf = (name: ByteName): ByteName =>
  name.slice(0, Math.max(0, name.lastIndexOf("/")));

export const joined = (parent: ByteName, base: ByteName): ByteName =>
  parent === "" || base === "" ? `${parent}${base}` : `${parent}/${base}`;

/** `x.tar.gz`: `x.tar`. A leading dot begins no extension. */
export function stemOf(name: ByteName): ByteName {
  const base = baseOf(name);
  const dot = base.lastIndexOf(".");
  return dot <= 0 ? name : name.slice(0, name.length - base.length + dot);
}

/** What systems allow in one component, in bytes. */
export const NAME_MAX_BYTES = 255;

/**
 * Whether a relative name can lead nowhere but below its folder. Names come from listings, where it always holds, and
 * from rows: what is in a row is not believed either (04 attack 15).
 */
export function isBelow(name: ByteName, onWindows = isWindows): boolean {
  return name.split("/").every((part) => {
    if (part === "" || part === "." || part === ".." || part.includes("\0")) return false;
    // After `:` comes the name of a stream within the file (04 P61).
    return !onWindows || !/[\\:]/.test(part);
  });
}

/** At a character, not within one of UTF-8: Windows has no name for half a character. */
export function cutTo(name: ByteName, maxBytes: number): ByteName {
  if (name.length <= maxBytes) return name;
  let end = Math.max(0, maxBytes);
  while (end > 0 && /[\x80-\xbf]/.test(name[end] ?? "")) end -= 1;
  return name.slice(0, end);
}

const LETTERS: Readonly<Record<FilePart, string>> = { data: "d", control: "c", sidecar: "s" };

/** What of a work name comes before the escaped original: `<claim>.<d|c|s>`. */
export const workHead = (claim: string, part: FilePart): ByteName => `${claim}.${LETTERS[part]}`;

/** 04 P17: one component for a whole relative name; reversible. */
export const workName = (claim: string, part: FilePart, name: ByteName): ByteName =>
  `${workHead(claim, part)}.${name.replaceAll("%", "%25").replaceAll("/", "%2F")}`;

/** What lies in `work/` under `name`. @returns nothing if we did not put it there */
export function readWorkName(
  name: ByteName,
):
  | { readonly claim: string; readonly part: FilePart; readonly original: ByteName | undefined }
  | undefined {
  const found = /^([0-9a-f]{16})\.([dcs])(?:\.(.+))?$/s.exec(name);
  if (found === null) return undefined;
  const [, claim = "", letter = "", escaped] = found;
  const part = letter === "d" ? "data" : letter === "c" ? "control" : "sidecar";
  // Without one it is a folder, in which the original name stands: it was too long to be put behind the claim.
  return { claim, part, original: escaped?.replaceAll("%2F", "/").replaceAll("%25", "%") };
}

/** Where a file in the drop folder is put for a moment, so that nothing is put in its place meanwhile. Never read as a drop. */
export const OWN_PREFIX: ByteName = ".holdfast-";
export function heldName(claim: string, index: number, base: ByteName): ByteName {
  const head = `${OWN_PREFIX}${claim}.${index}`;
  const whole = `${head}.${base}`;
  return whole.length <= NAME_MAX_BYTES ? whole : head;
}

/** @returns nothing if it is not such a name; the original name is missing where it was too long */
export function readHeldName(
  base: ByteName,
):
  | { readonly claim: string; readonly index: number; readonly original: ByteName | undefined }
  | undefined {
  const found = /^\.holdfast-([0-9a-f]{16})\.(\d+)(?:\.(.+))?$/s.exec(base);
  if (found === null) return undefined;
  const [, claim = "", index, original] = found;
  return { claim, index: Number(index), original };
}
