/**
 * Whether archived files are still what was committed (04 P11): on Linux a writer that holds a file writes on after
 * any rename, and this is the only way to notice.
 *
 * @module
 */
import type { BigIntStats } from "node:fs";
import { FOLDER_NAMES_MAX_COUNT } from "../limits.ts";
import { type CopyRules, copyFile, hashOf } from "./copying.ts";
import { folderFault, stepFaultOf } from "./faults.ts";
import { fileStateOf, isSameState } from "./file-state.ts";
import type { FileState, LateWrite, Move, PickupMethods, Reason } from "./messages.ts";
import { baseOf, byteNameOf, isBelow, OWN_PREFIX, parentOf } from "./names.ts";
import type { Place } from "./placement.ts";
import { isReasonOf, putUnder, REASON_END, reasonName, writeReason } from "./reason-file.ts";
import type { Visit } from "./roots.ts";
import { collisionMark, targetNames } from "./target-names.ts";

type Asked = PickupMethods["lookBack"]["ask"][number];

/**
 * @returns nothing where it is as it was, or that it was written to is known: a copy of what is there now lies in the
 *   error folder
 */
export function lookBack(visit: Visit, asked: Asked, rules: CopyRules): LateWrite | undefined {
  let isWritten = false;
  try {
    const place = writtenPlace(visit, asked, rules);
    if (place === undefined) return undefined;
    isWritten = true;
    return copyAside(visit, asked, place, rules) ? "copied" : undefined;
  } catch (error) {
    // One that cannot be looked at, or copied, keeps nobody from the others.
    stepFaultOf(error);
    return isWritten ? "uncopied" : "unread";
  }
}

function writtenPlace(visit: Visit, asked: Asked, rules: CopyRules): Place | undefined {
  const [data] = asked.files;
  const target = byteNameOf(asked.targets[0] ?? new Uint8Array());
  if (data === undefined || !isBelow(target)) return undefined;
  const folder = visit.below("archive", parentOf(target));
  const status = folder?.look(baseOf(target));
  // Whoever took it out of the archive may do so.
  if (folder === undefined || status?.isFile() !== true) return undefined;
  const place: Place = { folder, name: baseOf(target), at: "work" };
  return wasWritten(visit, place, status, data, asked.sha256, rules) ? place : undefined;
}

/** The very file: by size and time. A copy, across file systems: by size and content, for its time may not be kept. */
function wasWritten(
  visit: Visit,
  { folder, name }: Place,
  status: BigIntStats,
  committed: FileState,
  sha256: Uint8Array | undefined,
  { voice }: CopyRules,
): boolean {
  const now = fileStateOf(status);
  const isOnDisk = status.dev === visit.root("work").status().dev;
  if (isOnDisk && now.inode === committed.inode) return !isSameState(now, committed);
  if (now.size !== committed.size) return true;
  if (sha256 === undefined) return false;
  return hashOf(folder, name, { voice }) !== Buffer.from(sha256).toString("hex");
}

/** @returns whether it is a new copy */
function copyAside(
  visit: Visit,
  move: Move & { readonly reason: Reason },
  from: Place,
  rules: CopyRules,
): boolean {
  const error = visit.root("error");
  const [data] = move.files;
  const named = [{ part: "data" as const, name: byteNameOf(data?.name ?? new Uint8Array()) }];
  const hash = Buffer.from(move.sha256 ?? []).toString("hex") || move.claim;
  for (let index = 0; index < FOLDER_NAMES_MAX_COUNT; index++) {
    const [name = ""] = targetNames(
      named,
      collisionMark(move.atMs, hash, index),
      REASON_END.length,
    );
    // Of an earlier try: there is one copy, however often it is asked.
    if (isReasonOf(error, reasonName(name), move.claim, move.reason.code)) return false;
    if (error.look(name) !== undefined || error.look(reasonName(name)) !== undefined) continue;
    const temporary = `${OWN_PREFIX}${move.claim}.late.tmp`;
    copyFile(from, error, temporary, rules);
    visit.changed(error);
    if (!putUnder(error, temporary, name, rules.fileMode)) continue;
    if (writeReason(error, reasonName(name), move, move.reason, rules.fileMode)) return true;
    error.remove(name);
  }
  throw folderFault("error", "link", { code: "EEXIST" });
}
