/** A recording of configurations that come into force under rig A, and its images judged. @module */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recorded } from "#test/rigs/recorder.ts";
import { type Replay, type Replayed, replay } from "#test/rigs/replayer.ts";
import { Started } from "#test/support/processes.ts";

/**
 * @param root the tree that runs
 * @throws {Error} if the load did not end well, or the recording does not explain what it left
 */
export async function cutConfigurationPower(
  root: string,
  { points, models, seed = 1 }: Pick<Replay, "points" | "models"> & { readonly seed?: number },
): Promise<Replayed> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-configuration-cut-"));
  try {
    const dir = join(folder, "state");
    const log = join(folder, "calls.log");
    mkdirSync(dir, { mode: 0o700 });
    const workload = join(root, "test/faults/configuration-power-cut/workload.ts");
    await using program = new Started(recorded({ dir, log }, [process.execPath, workload]));
    const { code } = await program.ended;
    if (code !== 0) throw new Error(`the workload ended with ${code}\n${program.errors}`);
    return await replay({
      ...{ log, final: dir, json: join(folder, "summary.json") },
      checker: join(import.meta.dirname, "check.ts"),
      ...{ points, seed },
      ...(models === undefined ? {} : { models }),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
