/**
 * Deleting what has been kept long enough (04 P30), a step at a time. Only plain files, only where we put them; no
 * link is followed. Nothing is flushed: what a power cut brings back is deleted again.
 *
 * @module
 */
import { FOLDER_PRUNE_FILES } from "../limits.ts";
import type { WorkerVoice } from "./conversation.ts";
import { stepFaultOf } from "./faults.ts";
import type { Entry, Folder } from "./folder.ts";
import type { FolderRole, PickupMethods } from "./messages.ts";
import { type ByteName, byteNameOf, joined } from "./names.ts";
import { REASON_END } from "./reason-file.ts";
import type { Visit } from "./roots.ts";

type Ask = Omit<PickupMethods["prune"]["ask"], "folder"> & { readonly folder: FolderRole };
type Answer = PickupMethods["prune"]["answer"];
const DAY_MS = 86_400_000;

class Step {
  deleted = 0;
  bytes = 0;
  more = false;
  readonly #kept: ReadonlySet<ByteName>;
  readonly #voice: WorkerVoice;

  constructor(kept: ReadonlySet<ByteName>, voice: WorkerVoice) {
    this.#kept = kept;
    this.#voice = voice;
  }

  isKept(name: ByteName): boolean {
    const of = name.endsWith(REASON_END) ? name.slice(0, -REASON_END.length) : name;
    return this.#kept.has(name) || this.#kept.has(of);
  }

  /** Files of one folder. @param isOld by the time of its last change of status: the other one is its sender's */
  prune(folder: Folder, path: ByteName, isOld: (changedMs: number) => boolean): void {
    for (const { name, kind } of folder.list() as Iterable<Entry>) {
      this.#voice.touched();
      if (kind !== "file" || this.isKept(joined(path, name))) continue;
      const status = folder.look(name);
      if (status?.isFile() !== true || !isOld(Number(status.ctimeMs))) continue;
      if (this.deleted >= FOLDER_PRUNE_FILES) {
        this.more = true;
        return;
      }
      if (!isRemoved(folder, name)) continue;
      this.deleted += 1;
      this.bytes += Number(status.size);
    }
  }
}

/** One that may not be deleted keeps nobody else: it is tried again an hour later. */
function isRemoved(folder: Folder, name: ByteName): boolean {
  try {
    return folder.remove(name);
  } catch (error) {
    stepFaultOf(error);
    return false;
  }
}

export function prune(
  visit: Visit,
  { folder: role, beforeMs, kept }: Ask,
  voice: WorkerVoice,
): Answer {
  const step = new Step(new Set(kept.map(byteNameOf)), voice);
  const root = visit.root(role);
  if (role === "error") step.prune(root, "", (changedMs) => changedMs < beforeMs);
  else pruneDays(step, root, "", beforeMs);
  return { deleted: step.deleted, bytes: step.bytes, more: step.more };
}

/** `yyyy`, `mm` and `dd`; what is named otherwise is not ours. */
function pruneDays(step: Step, folder: Folder, path: ByteName, beforeMs: number): void {
  const depth = path === "" ? 0 : path.split("/").length;
  if (depth === 3) {
    // What is planted there goes with its day, whatever its time.
    step.prune(folder, path, () => true);
    return;
  }
  const names = [...folder.list()].filter(({ name, kind }) => {
    return kind === "folder" && (depth === 0 ? /^\d{4}$/ : /^\d{2}$/).test(name);
  });
  for (const { name } of names.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (step.more) return;
    const below = joined(path, name);
    if (!isOver(below, beforeMs)) continue;
    using sub = folder.sub(name);
    if (sub === undefined) continue;
    pruneDays(step, sub, below, beforeMs);
    folder.removeSub(name);
  }
}

/** Whether a day, or the first one of a month or a year, was over by then. */
function isOver(path: ByteName, beforeMs: number): boolean {
  const [year = "", month = "01", day = "01"] = path.split("/");
  const beginMs = Date.parse(`${year}-${month}-${day}T00:00:00Z`);
  return !Number.isNaN(beginMs) && beginMs + DAY_MS <= beforeMs;
}
