/** Back into the drop folder, under the original name or one like it, never over another file (04 P20). @module */
import { closeSync } from "node:fs";
import { folderFault, stepFaultOf } from "./faults.ts";
import { isEmpty } from "./file-state.ts";
import type { Folder } from "./folder.ts";
import { type ByteName, baseOf, cutTo, NAME_MAX_BYTES, parentOf, stemOf } from "./names.ts";
import { type Part, type Place, tidyWork } from "./placement.ts";
import type { Visit } from "./roots.ts";

const TRIES = 1_000;
const CLAIM_DIGITS = 8;
/** Of names that are made unique; what is in the way then would have to guess the claim. */
const EMPTY_MODE = 0o640;
/**
 * The subfolder that a file came from is a file or a link by now, or nobody may write there any more. Whoever may write
 * into the drop folder can do that at any moment.
 */
const NO_WAY_THERE = ["ENOTDIR", "EACCES", "EPERM", "EEXIST", "ENAMETOOLONG"];

/**
 * Files that belong together; they keep one stem. Those that are in the drop folder already stay. What cannot get back
 * to its subfolder goes into the drop folder itself.
 *
 * @throws {AgentError} `FOLDER_FAILED`; some of them may be back
 */
export function putBack(
  visit: Visit,
  files: readonly (readonly [Part, Place])[],
  folderMode: number,
): void {
  const [first] = files;
  if (first === undefined) return;
  const stem = stemOf(first[0].name);
  const left = files.filter(([, place]) => place.at !== "drop");
  try {
    putInto(visit, left, stem, ({ name }) => visit.made("drop", parentOf(name), folderMode));
  } catch (error) {
    const isBelow = left.some(([{ name }]) => parentOf(name) !== "");
    if (!isBelow || !NO_WAY_THERE.includes(stepFaultOf(error).sysCode)) throw error;
    putInto(visit, left, stem, () => visit.root("drop"));
  }
}

/** @param left those that are put back are taken from it */
function putInto(
  visit: Visit,
  left: (readonly [Part, Place])[],
  stem: ByteName,
  folderOf: (part: Part) => Folder,
): void {
  const [first] = left;
  if (first === undefined) return;
  const targets = left.map((entry) => ({
    entry,
    place: entry[1],
    folder: folderOf(entry[0]),
    nameWith: (suffix: string) => uniqueName(entry[0].name, stem, suffix),
  }));
  for (const suffix of suffixes(first[0].claim)) {
    const isFree = targets.every(({ place, folder, nameWith }) => {
      const there = folder.look(nameWith(suffix));
      return there === undefined || there.ino === place.folder.look(place.name)?.ino;
    });
    if (!isFree) continue;
    const taken = targets.filter(({ entry, place, folder, nameWith }) => {
      if (!moveTo(place, folder, nameWith(suffix))) return true;
      for (const changed of [folder, place.folder]) visit.changed(changed);
      tidyWork(visit, entry[0], place);
      left.splice(left.indexOf(entry), 1);
      return false;
    });
    // Somebody was faster with one of the names: that one gets another.
    targets.splice(0, targets.length, ...taken);
    if (targets.length === 0) return;
  }
  throw folderFault("drop", "putBack", { code: "EEXIST" });
}

function* suffixes(claim: string): Generator<string> {
  yield "";
  const mark = `_${claim.slice(0, CLAIM_DIGITS)}`;
  yield mark;
  for (let count = 2; count < TRIES; count++) yield `${mark}_${count}`;
}

function uniqueName(name: ByteName, stem: ByteName, suffix: string): ByteName {
  const base = baseOf(name);
  if (suffix === "") return base;
  const cut = name.startsWith(stem) ? baseOf(stem) : baseOf(stemOf(name));
  const rest = base.slice(cut.length);
  const kept = cutTo(cut, NAME_MAX_BYTES - suffix.length - rest.length);
  return cutTo(`${kept}${suffix}${rest}`, NAME_MAX_BYTES);
}

/** @returns whether it is there now; not if the name is another file's */
function moveTo({ folder: from, name }: Place, to: Folder, toName: ByteName): boolean {
  if (from.look(name)?.isDirectory() === true) {
    // Put in a file's place just before it was claimed; it has no second name, and replaces no file.
    return to.look(toName) === undefined && from.rename(name, to, toName) === "done";
  }
  const linked = from.link(name, to, toName);
  if (linked === "refused") {
    // An exclusive name without a link: an empty file of that name, replaced at once.
    const empty = to.create(toName, EMPTY_MODE);
    if (empty === undefined) return false;
    closeSync(empty);
    return replace(from, name, to, toName);
  }
  if (linked === "otherFileSystem") throw folderFault("drop", "putBack", { code: "EXDEV" });
  if (linked === "exists") {
    // By a link of ours, before the process ended.
    const [source, target] = [from.look(name), to.look(toName)];
    if (source === undefined || source.ino !== target?.ino || source.dev !== target.dev)
      return false;
  }
  from.remove(name);
  return true;
}

/** Over an empty file of ours, which does not stay if that fails. */
function replace(from: Folder, name: ByteName, to: Folder, toName: ByteName): boolean {
  let isDone = false;
  try {
    isDone = from.rename(name, to, toName) === "done";
    return isDone;
  } finally {
    if (!isDone && isEmpty(to.look(toName))) to.remove(toName);
  }
}
