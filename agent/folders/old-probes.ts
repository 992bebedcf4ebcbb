/**
 * Trial files of a start that did not get further: empty, and in nobody's way, but in the drop folder senders see them.
 *
 * @module
 */
import type { WorkerVoice } from "./conversation.ts";
import { stepFaultOf } from "./faults.ts";
import type { Folder } from "./folder.ts";
import { PROBE_PREFIX } from "./probes.ts";

/** A younger one may be at work: of another agent on the same folder, by a server's clock. */
const OLD_MS = 3_600_000;

/** @param nowMs wall time */
export function removeOldProbes(folder: Folder, nowMs: number, voice: WorkerVoice): void {
  for (const { name, kind } of folder.list()) {
    voice.touched();
    if (kind !== "file" || !name.startsWith(PROBE_PREFIX)) continue;
    try {
      const status = folder.look(name);
      if (status?.isFile() !== true || nowMs - Number(status.mtimeMs) < OLD_MS) continue;
      folder.remove(name);
    } catch (error) {
      // Where this account may not delete, it stays: it does no harm, and anybody can have put it there.
      stepFaultOf(error);
    }
  }
}
