/**
 * Taking files out of the drop folder by a rename into `work/` (04 P17), or by its row alone (P19). Of the files that belong
 * together all are taken or none.
 *
 * @module
 */
import { stepFaultOf } from "./faults.ts";
import { fileStateOf, isPlainFile, isSameState } from "./file-state.ts";
import { type FlushRules, flushContent } from "./flushing.ts";
import type { Folder } from "./folder.ts";
import type { Candidate, FileState, PickupSettings, StepFault } from "./messages.ts";
import { type ByteName, baseOf, parentOf } from "./names.ts";
import { newWorkPlace, type Part, type Place, partsOf } from "./placement.ts";
import type { Visit } from "./roots.ts";
import type { Stranded } from "./stranded.ts";

export type Taken =
  | "claimed"
  /** It vanished, or became another file, or no file. */
  | "gone"
  | "changed"
  | "refused"
  /** Somebody has it open. */
  | "busy"
  /** On Windows also access denied, as of a file that is held for a moment, or for good (P62). */
  | StepFault;

type Rules = Pick<PickupSettings, "claimBy" | "rejectHardLinks" | "folderMode"> & FlushRules;

/** The caller flushes both folders once for many. @throws {AgentError} what concerns the folder itself */
export function takeFiles(
  visit: Visit,
  rules: Rules,
  candidate: Candidate,
  claim: string,
  stranded: Stranded,
): Taken {
  const taken: [Part, Place][] = [];
  let result: Taken = "claimed";
  for (const part of partsOf(claim, candidate.files)) {
    try {
      result = takeOne(visit, rules, part, taken);
    } catch (error) {
      result = takenBy(stepFaultOf(error));
    }
    if (result !== "claimed") break;
  }
  if (result !== "claimed") {
    const places = new Map(taken);
    stranded.putBack(visit, [...places.keys()], (part) => places.get(part));
  }
  return result;
}

const takenBy = (fault: StepFault): Taken => (fault.sysCode === "EBUSY" ? "busy" : fault);

function takeOne(visit: Visit, rules: Rules, part: Part, taken: [Part, Place][]): Taken {
  const folder = visit.below("drop", parentOf(part.name));
  if (folder === undefined) return "gone";
  const base = baseOf(part.name);
  const before = check(folder, base, part.file, rules.rejectHardLinks);
  if (before !== "claimed") return before;
  if (folder.isHeld(base)) return "busy";
  const other = flushContent(folder, base, part.file, rules);
  if (other !== undefined) return other;
  if (rules.claimBy === "row") return "claimed";
  const place = newWorkPlace(visit, part, rules.folderMode);
  const fault = { step: "rename", folder: "work" } as const;
  // Renaming replaces what is there.
  if (place.folder.look(place.name) !== undefined) return { ...fault, sysCode: "EEXIST" };
  const renamed = folder.rename(base, place.folder, place.name);
  if (renamed === "gone") return "gone";
  if (renamed === "otherFileSystem") return { ...fault, sysCode: "EXDEV" };
  taken.push([part, place]);
  visit.changed(folder);
  visit.changed(place.folder);
  // Something else may have been put there between the look and the rename (04 attack 2).
  return check(place.folder, place.name, part.file, rules.rejectHardLinks);
}

function check(folder: Folder, name: ByteName, state: FileState, rejectHardLinks: boolean): Taken {
  const status = folder.look(name);
  if (status === undefined) return "gone";
  if (!isPlainFile(status, rejectHardLinks)) return "refused";
  return isSameState(fileStateOf(status), state) ? "claimed" : "changed";
}
