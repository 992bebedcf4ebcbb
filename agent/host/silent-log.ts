/** A log that keeps nothing, for commands that speak to a person instead; without what a log is written with. @module */
import type { Log } from "./log.ts";

export const silentLog: Log = { write: () => {}, fault: () => {} };
