/** Rig A for tests: builds the recorder where that is possible, and wraps a command in it. @module */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const RIGS = import.meta.dirname;
const RECORD = join(RIGS, "preload/record.sh");

/** What `preload/record.sh` is told. */
export interface Recording {
  /** Calls below this folder are recorded; it exists. */
  readonly dir: string;
  readonly log: string;
  /** `OP:ERR:N[+]`, for example `fsync:EIO:40`. */
  readonly fail?: string;
  /** Socket writes that hold this text become marks. */
  readonly markWrites?: string;
}

/** Builds the recorder. @returns why rig A cannot run here, for the line of a skipped test; else `false` */
export function recorderMissing(): string | false {
  if (process.platform !== "linux") return "rig A not run: it needs Linux";
  const made = spawnSync("make", ["-s", "-C", RIGS], { encoding: "utf8" });
  if (made.error === undefined && made.status === 0) return false;
  return "rig A not run: it needs gcc and make (Debian: gcc libc6-dev make)";
}

/** The command line that runs `command` recorded. */
export function recorded(recording: Recording, command: readonly string[]): readonly string[] {
  const { dir, log, fail, markWrites } = recording;
  return [
    RECORD,
    ...["--dir", dir, "--log", log],
    ...(fail === undefined ? [] : ["--fail", fail]),
    ...(markWrites === undefined ? [] : ["--mark-writes", markWrites]),
    "--",
    ...command,
  ];
}

/** Numbers of `preload/crashrec.c`. */
const EVENTS = { write: 2, fsync: 4, directoryFsync: 5 } as const;

/** How many writes and flushes a recording holds: from there a test counts the call that it fails. */
export async function countCalls(log: string): Promise<{ writes: number; fsyncs: number }> {
  const { readLog } = (await import(join(RIGS, "preload/crashlog.mjs"))) as {
    readLog: (file: string) => readonly { readonly type: number }[];
  };
  const types = readLog(log).map(({ type }) => type);
  const count = (...wanted: number[]): number =>
    types.filter((type) => wanted.includes(type)).length;
  return {
    writes: count(EVENTS.write),
    fsyncs: count(EVENTS.fsync, EVENTS.directoryFsync),
  };
}
