/** Repeats that came while no message did. @module */
import { translated } from "../format/fault.ts";
import type { GroupCommit } from "../writing/group-commit.ts";

/** Writes down how many there were. A disk without room leaves them in memory. */
export function writeRepeats(store: GroupCommit): void {
  if (!store.hours.hasRepeats) return;
  try {
    store.inTransaction(() => store.hours.writeRepeats());
  } catch (error) {
    store.hours.reload();
    if (translated(error).disposition === "halt") throw error;
  }
}
