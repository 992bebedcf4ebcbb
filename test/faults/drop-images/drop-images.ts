/** A recording of drop folders under rig A, and its images judged: for tests and for the long runs. @module */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recorded } from "#test/rigs/recorder.ts";
import { type Replay, type Replayed, replay } from "#test/rigs/replayer.ts";
import { Started } from "#test/support/processes.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** Most events are writes of SQLite, whose order is other tests' business. */
const CUT_AFTER = [
  ...["CREATE", "TRUNC", "FSYNC", "DIRSYNC", "UNLINK", "RENAME", "MKDIR", "RMDIR", "LINK", "MARK"],
];

export interface DropCut extends Pick<Replay, "seed" | "points" | "models" | "keep"> {
  /** The tree whose agent is recorded; absent: this one. It is started on the images by this one. */
  readonly root?: string;
}

/**
 * Records an agent at work on its drop folders, killed once, and judges the images.
 *
 * @throws {Error} if the load did not end well, or the recording does not explain what it left
 */
export async function cutDropPower({ root = ROOT, seed, ...cut }: DropCut): Promise<Replayed> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-drop-cut-"));
  try {
    const dir = join(folder, "base");
    const log = join(folder, "calls.log");
    mkdirSync(dir, { mode: 0o700 });
    const workload = join(root, "test/faults/drop-images/workload.ts");
    const load = [process.execPath, workload, "--root", root, "--seed", String(seed)];
    await using program = new Started(recorded({ dir, log }, load));
    const { code } = await program.ended;
    if (code !== 0) throw new Error(`the workload ended with ${code}\n${program.errors}`);
    const checker = join(import.meta.dirname, "check.ts");
    const json = join(folder, "summary.json");
    return await replay({ ...cut, seed, only: CUT_AFTER, log, final: dir, json, checker });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
