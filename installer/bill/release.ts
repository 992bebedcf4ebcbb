/** What a build is a build of: its version, and the time that stands for all times in it (09 PK13). @module */
import { spawnSync } from "node:child_process";
import manifest from "../../package.json" with { type: "json" };
import { ROOT } from "../root.ts";

export interface Release {
  readonly version: string;
  /** `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly time: string;
}

/** Without a commit (sources out of an archive) the time must be said, or is the first second of all. */
export function releaseOf(env: Readonly<Record<string, string | undefined>>): Release {
  const said = env["SOURCE_DATE_EPOCH"] ?? timeOfCommit();
  const seconds = /^\d{1,11}$/.test(said) ? Number(said) : 0;
  return {
    version: manifest.version,
    time: `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`,
  };
}

function timeOfCommit(): string {
  const args = ["-C", ROOT, "log", "-1", "--format=%ct"];
  const { stdout, status } = spawnSync("git", args, { encoding: "utf8" });
  return status === 0 ? stdout.trim() : "";
}
