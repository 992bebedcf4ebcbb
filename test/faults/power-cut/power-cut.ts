/** A recording of the workload under rig A, and its images judged: for the test and for `npm run soak`. @module */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePair } from "#scripts/make-pair.ts";
import { recorded } from "#test/rigs/recorder.ts";
import { type Replay, type Replayed, replay } from "#test/rigs/replayer.ts";
import { Started, startReceiver } from "#test/support/processes.ts";
import { CHANNELS } from "./workload.ts";

const ROOT = join(import.meta.dirname, "../../..");

export interface PowerCut {
  /** Decides messages, the moment of the kill, the moments of the cuts, and what survives. */
  readonly seed: number;
  /** Messages of each of eight connections in each of three phases. */
  readonly messages: number;
  readonly points: Replay["points"];
  readonly models?: readonly string[];
  /** The tree whose agent runs; absent: this one. */
  readonly root?: string;
  /** Where the first bad image is kept. */
  readonly keep?: string;
}

/**
 * Records a load and judges the images.
 *
 * @throws {Error} if the load did not end well, or the recording does not explain what it left
 */
export async function cutPower(cut: PowerCut): Promise<Replayed> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-power-cut-"));
  try {
    const pair = await makePair({ folder, moreChannels: CHANNELS.slice(1) });
    const dir = join(folder, "agent/state");
    const log = join(folder, "calls.log");
    await using receiver = startReceiver(pair.receiverConfig);
    await receiver.ready();
    const workload = [
      ...[process.execPath, join(import.meta.dirname, "workload.ts")],
      ...["--config", pair.agentConfig, "--root", cut.root ?? ROOT],
      ...["--seed", String(cut.seed), "--messages", String(cut.messages)],
      ...CHANNELS.map((name) => String(pair.ports[name])),
    ];
    await using load = new Started(recorded({ dir, log, markWrites: "MSA|" }, workload));
    const { code } = await load.ended;
    if (code !== 0) throw new Error(`the workload ended with ${code}\n${load.errors}`);
    return await replay({
      ...{ log, final: dir, json: join(folder, "summary.json") },
      checker: join(import.meta.dirname, "check.ts"),
      ...{ points: cut.points, seed: cut.seed },
      ...(cut.models === undefined ? {} : { models: cut.models }),
      ...(cut.keep === undefined ? {} : { keep: cut.keep }),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
