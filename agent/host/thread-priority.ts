/** Work that may wait: a thread of its own gives way to all others. @module */
import { setPriority } from "node:os";

/** What `nice` gives by default. */
const LOW = 10;

/** Lowers the priority of the calling thread. Elsewhere than on Linux it would be the whole process. */
export function lowerThreadPriority(): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(LOW);
  } catch {
    // Only politeness: where the system does not allow it, the work is done all the same.
  }
}
