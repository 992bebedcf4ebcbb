/** Small HL7 files that lie in a folder: how many a second are stored and archived, beside files written by hand. @module */
import { join } from "node:path";
import { rawFiles } from "./file-drop-raw.ts";
import { DropRig, HL7_BYTES } from "./file-drop-rig.ts";
import { quantile } from "./limits.ts";
import { megabytes, type Row, ratio, whole } from "./table.ts";

const COUNT = 5_000;
/** Fewer: each costs flushes of its own. */
const RAW_COUNT = 500;
const RAW_GROUP = 64;
const RAW_GROUPS_COUNT = 50 * RAW_GROUP;

interface Round {
  readonly perSecond: number;
  readonly rawPerSecond: number;
  readonly rawTogetherPerSecond: number;
  /** Of the agent, from its start; and while it had no files. */
  readonly cpuMs: number;
  readonly idleCpuMs: number;
  readonly memoryBytes: number;
}

export async function measureFiles(folder: string, rounds: number): Promise<Row[]> {
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    all.push(await measureRound(folder));
    console.error(`files: round ${round} of ${rounds} done`);
  }
  return rows(all);
}

async function measureRound(folder: string): Promise<Round> {
  const raw = join(folder, "files.raw");
  const rawPerSecond = rawFiles(raw, RAW_COUNT, 1);
  await using rig = await DropRig.make(join(folder, "files"), "    completion: rename\n");
  await rig.rig.startAgent();
  await rig.beganMs();
  const idleCpuMs = rig.rig.agentCpuMs();
  await rig.rig.stopAgent();
  rig.fill(COUNT);
  await rig.rig.startAgent();
  const beganMs = await rig.beganMs();
  const tookMs = (await rig.movedMs()) - beganMs;
  const cpuMs = rig.rig.agentCpuMs();
  const memoryBytes = rig.rig.agentMemoryBytes();
  await rig.rig.stopAgent();
  const rawTogetherPerSecond = rawFiles(raw, RAW_GROUPS_COUNT, RAW_GROUP);
  const perSecond = COUNT / (tookMs / 1000);
  return { perSecond, rawPerSecond, rawTogetherPerSecond, cpuMs, idleCpuMs, memoryBytes };
}

function rows(all: readonly Round[]): Row[] {
  const median = (pick: (round: Round) => number): number => quantile(all.map(pick), 0.5);
  const name = `files/s of ${whole(HL7_BYTES)} B, ${whole(COUNT)} in the folder, until all are archived`;
  const perSecond = `${whole(median((r) => r.perSecond))}/s`;
  const cpuMicros = median((r) => ((r.cpuMs - r.idleCpuMs) * 1000) / COUNT);
  return [
    [
      name,
      perSecond,
      `${whole(median((r) => r.rawPerSecond))}/s written, flushed and renamed by hand, one by one`,
      ratio(median((r) => r.perSecond / r.rawPerSecond)),
      "",
    ],
    [
      "the same",
      perSecond,
      `${whole(median((r) => r.rawTogetherPerSecond))}/s by hand, the folder flushed each ${RAW_GROUP}`,
      ratio(median((r) => r.perSecond / r.rawTogetherPerSecond)),
      "",
    ],
    ["agent CPU per file", `${whole(cpuMicros)} µs`, "", "", ""],
    ["agent memory after them", megabytes(median((r) => r.memoryBytes)), "", "", ""],
  ];
}
