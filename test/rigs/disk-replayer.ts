/** Rig B's replayer for tests: every image of a recorded disk, mounted and judged. @module */
import { join } from "node:path";
import type { DiskKind } from "./disk-recorder.ts";
import { type Replay, type Replayed, replayWith } from "./replayer.ts";

const REPLAY = join(import.meta.dirname, "disk/replay.mjs");

/** What of a recorded disk is replayed. */
export interface DiskReplay
  extends Pick<Replay, "checker" | "points" | "seed" | "models" | "json" | "keep" | "env"> {
  /** Where the recording lies. */
  readonly out: string;
  readonly disk: DiskKind;
}

/** Judges the images; one that does not mount is a violation. @throws {Error} if the checker is broken */
export function replayDisk(options: DiskReplay): Promise<Replayed> {
  const { out, disk, ...common } = options;
  return replayWith(REPLAY, common, [
    ...["--out", out, "--fs", disk.fs],
    ...(disk.mountOptions === undefined ? [] : ["--mount-options", disk.mountOptions]),
  ]);
}
