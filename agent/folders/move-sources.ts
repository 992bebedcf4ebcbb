/** Where a file that is to be moved comes from, held so that nothing is put in its place meanwhile. @module */
import type { BigIntStats } from "node:fs";
import { closeSync } from "node:fs";
import { isWindows } from "../host/platform.ts";
import { folderFault, stepFaultOf } from "./faults.ts";
import { fileStateOf, isSameState } from "./file-state.ts";
import { setMode } from "./folder.ts";
import type { PickupSettings } from "./messages.ts";
import { heldName } from "./names.ts";
import { newWorkPlace, type Part, type Place, placeOf, tidyWork } from "./placement.ts";
import { putBack } from "./put-back.ts";
import type { Visit } from "./roots.ts";

/** One file of a move: `place` and `status` are missing if it is not where it was claimed any more. */
export interface Source {
  readonly part: Part;
  readonly place: Place | undefined;
  readonly status: BigIntStats | undefined;
}

type Rules = Pick<PickupSettings, "claimBy" | "folderMode">;

/**
 * A file that is still in the drop folder, for it was left there or the disk forgot a rename, gets a name of ours
 * first: what is deleted later is then what was looked at.
 */
export function sourceOf(visit: Visit, part: Part, rules: Rules): Source {
  const found = placeOf(visit, part);
  const place = found?.at === "drop" ? hold(visit, part, found, rules) : found;
  return { part, place, status: place?.folder.look(place.name) };
}

function hold(visit: Visit, part: Part, from: Place, rules: Rules): Place | undefined {
  const place: Place =
    rules.claimBy === "row"
      ? { folder: from.folder, name: heldName(part.claim, part.index, from.name), at: "held" }
      : newWorkPlace(visit, part, rules.folderMode);
  if (place.folder.look(place.name) !== undefined) {
    throw folderFault(place.folder.role, "rename", { code: "EEXIST" });
  }
  const renamed = from.folder.rename(from.name, place.folder, place.name);
  if (renamed === "gone") return undefined;
  if (renamed !== "done") throw folderFault("drop", "rename", { code: "EXDEV" });
  visit.changed(from.folder);
  visit.changed(place.folder);
  const status = place.folder.look(place.name);
  if (status !== undefined && isSameState(fileStateOf(status), part.file)) return place;
  putBack(visit, [[part, place]], rules.folderMode);
  return undefined;
}

/** 04 P33, as far as the account may. On Windows a file has the rights of the folder that it was made in. */
export function fixMode({ place, status }: Source, fileMode: number): void {
  if (isWindows || place === undefined || !status?.isFile()) return;
  if ((status.mode & 0o7777n) === BigInt(fileMode)) return;
  try {
    const descriptor = place.folder.openToRead(place.name);
    if (typeof descriptor === "string") return;
    try {
      setMode(descriptor, fileMode);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    // One that we may not even read goes as it is.
    stepFaultOf(error);
  }
}

/** Deletes what has been moved, and the folders that were made for its long name. */
export function removeSource(visit: Visit, { part, place }: Source): void {
  if (place === undefined) return;
  place.folder.remove(place.name);
  visit.changed(place.folder);
  tidyWork(visit, part, place);
}
