/** Numbers of the agent made small in a copy of it, so that a short recording holds what a large file does. @module */
import type { Edit } from "../planted-copy.ts";

/** A file of three messages is stored in two steps, instead of one of some thousands. */
export const IN_STEPS: readonly Edit[] = [
  {
    file: "agent/limits.ts",
    search: "FILE_STEP_MAX_COUNT = 1_000;",
    replacement: "FILE_STEP_MAX_COUNT = 2;",
  },
];
