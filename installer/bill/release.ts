/** What a build is a build of: its version, and the time that stands for all times in it (09 PK13). @module */
import manifest from "../../package.json" with { type: "json" };
import { sourceDate } from "../source-date.ts";

export interface Release {
  readonly version: string;
  /** `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly time: string;
}

/** @throws {Error} where there is no commit, and nobody says its time */
export function releaseOf(seconds = sourceDate()): Release {
  const { version } = manifest;
  return { version, time: `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z` };
}
