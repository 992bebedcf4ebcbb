/**
 * Replaces the key-encryption key, so that old copies of the state folder no longer open what was deleted
 * before (08 2.3).
 *
 * ```
 * FILE = old                       every key file wrapped by old
 * FILE = old, FILE.next = new      by old or new: both are there, so each opens
 * FILE = new                       every key file wrapped by new; the old KEK is gone
 * ```
 *
 * @module
 */
import { existsSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { flushFolder, replaceFile } from "../host/atomic-file.ts";
import { KEK_MODE, newKekText, nextKekFile, readKek, realPathOf } from "./kek-file.ts";

/**
 * Makes a new KEK, has every key wrapped by it, and puts it in the old one's place, in steps. Interrupted anywhere,
 * or thrown out of by `rewrap`, nothing is lost and the same call completes it: with the KEK that it has
 * begun with. A copy that was kept of the old KEK is of no use afterwards.
 *
 * @param file where the KEK is, in custody `file` or `dpapi`
 * @param rewrap ends when every key file is wrapped by `kek`, flushed; see `KeyRing.rewrap`
 * @param opened what `FILE.next` holds, where this thread cannot open it: see `nextWrappedKek`
 * @throws {AgentError} `KEK_MISSING` if there is no KEK to replace; `KEK_MALFORMED` if what an
 *   earlier attempt left in `FILE.next` is none
 * @throws the operating system's error, untranslated, and whatever `rewrap` throws
 */
export function* rotateKek(
  file: string,
  rewrap: (kek: Uint8Array) => Iterable<void>,
  opened?: Uint8Array,
): Generator<void> {
  // Of a link the KEK itself is replaced: the old one must go.
  const real = realPathOf(file);
  const next = nextKekFile(real);
  if (opened !== undefined) realPathOf(next);
  else if (!existsSync(next)) replaceFile(next, newKekText(), KEK_MODE);
  // What is there from an earlier attempt may have a name that is not on disk yet.
  flushFolder(dirname(real));
  // Read back: keys are wrapped by what the disk holds, not by what it was told to hold.
  yield* rewrap(opened ?? readKek(next));
  renameSync(next, real);
  flushFolder(dirname(real));
}
