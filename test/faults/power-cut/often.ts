/** Numbers of the agent made small in a copy of it, so that a short recording holds what a day does. @module */
import type { Edit } from "../planted-copy.ts";

/** Under load the log wraps around every few commits instead of every few hundred. */
export const CHECKPOINT_OFTEN: readonly Edit[] = [
  {
    file: "agent/limits.ts",
    search: "WAL_CHECKPOINT_PAGES = 1_000;",
    replacement: "WAL_CHECKPOINT_PAGES = 100;",
  },
];

/** Bodies go while others come, and not once a second only. */
export const PRUNE_OFTEN: readonly Edit[] = [
  {
    file: "agent/outbox/space/prune.ts",
    search: "const LOOK_MS = 1_000;",
    replacement: "const LOOK_MS = 20;",
  },
];
