/** Where the files of a claim are now: in `work/`, or still in the drop folder (04 P51). @module */
import { fileStateOf, isSameState } from "./file-state.ts";
import type { Folder } from "./folder.ts";
import type { DroppedFile } from "./messages.ts";
import {
  type ByteName,
  baseOf,
  byteNameOf,
  heldName,
  isBelow,
  joined,
  NAME_MAX_BYTES,
  parentOf,
  workHead,
  workName,
} from "./names.ts";
import type { Visit } from "./roots.ts";

/** A file by the folder that it is in. */
export interface Place {
  readonly folder: Folder;
  readonly name: ByteName;
  /** `held`: in the drop folder, under a name of ours. */
  readonly at: "work" | "held" | "drop";
}

/** One file of a claim, with its place among the files of it. */
export interface Part {
  readonly claim: string;
  readonly index: number;
  readonly file: DroppedFile;
  readonly name: ByteName;
}

export function partsOf(claim: string, files: readonly DroppedFile[]): readonly Part[] {
  return files.map((file, index) => ({ claim, index, file, name: byteNameOf(file.name) }));
}

/** The place of a file in `work/` that is to be put there. Folders are made if its name is too long for one component. */
export function newWorkPlace(visit: Visit, part: Part, folderMode: number): Place {
  const flat = workName(part.claim, part.file.part, part.name);
  if (flat.length <= NAME_MAX_BYTES) return { folder: visit.root("work"), name: flat, at: "work" };
  const inside = joined(workHead(part.claim, part.file.part), parentOf(part.name));
  return { folder: visit.made("work", inside, folderMode), name: baseOf(part.name), at: "work" };
}

/** @returns nothing if it is in none of these places, or what is in the drop folder under its name is another file */
export function placeOf(visit: Visit, part: Part): Place | undefined {
  if (!isBelow(part.name)) return undefined;
  return inWork(visit, part) ?? inDrop(visit, part);
}

function inWork(visit: Visit, part: Part): Place | undefined {
  const work = visit.root("work");
  const flat = workName(part.claim, part.file.part, part.name);
  if (flat.length <= NAME_MAX_BYTES) {
    return work.look(flat) === undefined ? undefined : { folder: work, name: flat, at: "work" };
  }
  const inside = joined(workHead(part.claim, part.file.part), parentOf(part.name));
  const folder = visit.below("work", inside);
  const name = baseOf(part.name);
  return folder?.look(name) === undefined ? undefined : { folder, name, at: "work" };
}

function inDrop(visit: Visit, part: Part): Place | undefined {
  const folder = visit.below("drop", parentOf(part.name));
  if (folder === undefined) return undefined;
  const name = baseOf(part.name);
  const held = heldName(part.claim, part.index, name);
  if (folder.look(held) !== undefined) return { folder, name: held, at: "held" };
  const status = folder.look(name);
  const isIt = status !== undefined && isSameState(fileStateOf(status), part.file);
  return isIt ? { folder, name, at: "drop" } : undefined;
}

/** Removes the folders that a long name needed, once it has gone. */
export function tidyWork(visit: Visit, part: Part, { at, folder }: Place): void {
  const work = visit.root("work");
  if (at !== "work" || folder === work) return;
  const head = workHead(part.claim, part.file.part);
  for (let inside = parentOf(part.name); inside !== ""; inside = parentOf(inside)) {
    visit.below("work", joined(head, parentOf(inside)))?.removeSub(baseOf(inside));
  }
  if (work.removeSub(head)) visit.changed(work);
}
