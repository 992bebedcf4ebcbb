/** Every method that a folder worker knows. @module */
import type { PickupMethods } from "./messages.ts";

/** Of a folder that files are picked up from, and (names that begin with `outlet`) of one that is written to. */
export type FolderMethods = PickupMethods;
export type FolderMethod = keyof FolderMethods;
