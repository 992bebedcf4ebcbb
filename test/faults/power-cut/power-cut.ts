/** A recording of the workload under rig A or B, and its images judged: for tests and for the long runs. @module */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePair, type Pair } from "#scripts/make-pair.ts";
import { type DiskKind, dataFolderOf, recordedOnDisk } from "#test/rigs/disk-recorder.ts";
import { replayDisk } from "#test/rigs/disk-replayer.ts";
import { recorded } from "#test/rigs/recorder.ts";
import { onWholeRecording, type Replay, type Replayed, replay } from "#test/rigs/replayer.ts";
import { Started, startReceiver } from "#test/support/processes.ts";
import { CHANNELS, KEK_FILE, type WorkloadKind } from "./workload-kinds.ts";

const ROOT = join(import.meta.dirname, "../../..");
/** Under rig B senders mark what they hear: a flush so slow shows a commit that comes a little late. */
const SLOW_FLUSH_MS = 5;

export interface PowerCut {
  /** Decides messages, the moment of the kill, the moments of the cuts, and what survives. */
  readonly seed: number;
  /** Messages of each of eight connections in each of three phases. */
  readonly messages: number;
  /** Absent: `mixed`. */
  readonly workload?: WorkloadKind;
  readonly points: Replay["points"];
  readonly models?: readonly string[];
  /** The tree whose agent runs; absent: this one. */
  readonly root?: string;
  /** Where the first bad image is kept. */
  readonly keep?: string;
}

/**
 * Records a load with rig A and judges the images.
 *
 * @throws {Error} if the load did not end well, or the recording does not explain what it left
 */
export function cutPower(cut: PowerCut): Promise<Replayed> {
  return onWholeRecording(() => recordedAndJudged(cut));
}

function recordedAndJudged(cut: PowerCut): Promise<Replayed> {
  return withPair(cut, async (folder, pair) => {
    const dir = join(folder, "agent/state");
    const log = join(folder, "calls.log");
    const load = workloadOf(cut, pair);
    await ended(new Started(recorded({ dir, log, markWrites: "MSA|" }, load)));
    return await replay({ ...judging(cut, folder), log, final: dir });
  });
}

/**
 * The same with rig B: the agent's state lies on a real file system, and each image is mounted.
 *
 * @throws {Error} if the load did not end well; the rig has said before whether it can run here
 */
export function cutDiskPower(cut: PowerCut & { readonly disk: DiskKind }): Promise<Replayed> {
  return withPair(cut, async (folder, pair) => {
    const out = join(folder, "disk");
    putState(pair.agentConfig, dataFolderOf(out));
    const load = [...workloadOf(cut, pair), "--mark-replies"];
    const recording = { out, disk: cut.disk, slowFlushMs: SLOW_FLUSH_MS };
    await ended(new Started(recordedOnDisk(recording, load)));
    return await replayDisk({ ...judging(cut, folder), out, disk: cut.disk });
  });
}

async function withPair(
  { workload }: PowerCut,
  run: (folder: string, pair: Pair) => Promise<Replayed>,
): Promise<Replayed> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-power-cut-"));
  try {
    const agentYaml = workload === "pruning" ? "retainHours: 0\n" : "";
    const pair = await makePair({ folder, agentYaml, moreChannels: CHANNELS.slice(1) });
    await using receiver = startReceiver(pair.receiverConfig);
    await receiver.ready();
    return await run(folder, pair);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function workloadOf({ seed, messages, workload, root }: PowerCut, pair: Pair): string[] {
  return [
    ...[process.execPath, join(import.meta.dirname, "workload.ts")],
    ...["--config", pair.agentConfig, "--root", root ?? ROOT],
    ...["--seed", String(seed), "--messages", String(messages), "--kind", workload ?? "mixed"],
    ...CHANNELS.map((name) => String(pair.ports[name])),
  ];
}

function judging(
  { seed, points, models, keep }: PowerCut,
  folder: string,
): Omit<Replay, "log" | "final"> {
  return {
    json: join(folder, "summary.json"),
    checker: join(import.meta.dirname, "check.ts"),
    env: { [KEK_FILE]: join(folder, "agent/kek/holdfast.kek") },
    ...{ points, seed },
    ...(models === undefined ? {} : { models }),
    ...(keep === undefined ? {} : { keep }),
  };
}

async function ended(started: Started): Promise<void> {
  await using load = started;
  const { code } = await load.ended;
  if (code !== 0) throw new Error(`the workload ended with ${code}\n${load.errors}`);
}

function putState(config: string, stateDir: string): void {
  const yaml = readFileSync(config, "utf8").replace(/^stateDir: .*$/m, `stateDir: ${stateDir}`);
  writeFileSync(config, yaml);
}
