/** Every method that a folder worker knows. @module */
import type { PickupMethods } from "./messages.ts";
import type { OutletMethods } from "./outlet-messages.ts";
import type { ProbeMethods } from "./probe-method.ts";
import type { TrialMethods } from "./standing.ts";

/** Of a folder that files are picked up from, and (names that begin with `outlet`) of one that is written to. */
export type FolderMethods = PickupMethods & OutletMethods & ProbeMethods & TrialMethods;
export type FolderMethod = keyof FolderMethods;
