/** One large PDF: how fast it is stored, beside a copy and beside SQLite alone, and what memory that takes. @module */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { rawCopy, rawSlices } from "./file-drop-raw.ts";
import { DropRig } from "./file-drop-rig.ts";
import { quantile } from "./limits.ts";
import { Rig } from "./rig.ts";
import { megabytes, type Row, ratio, whole } from "./table.ts";

export const PDF_BYTES = 500 * 1024 ** 2;
/** What the agent commits together at most while a file comes in: 1 MiB. */
const TOGETHER = 8;
/** Until what only the start needed was collected, or will not be. */
const REST_MS = 2_000;

interface Round {
  readonly bytesPerSecond: number;
  readonly rawCopy: number;
  readonly rawSlices: number;
  readonly rawTogether: number;
  readonly cpuMs: number;
  /** Of an agent without a drop folder; with one, before the file came; the most while it was read. */
  readonly withoutBytes: number;
  readonly beforeBytes: number;
  readonly peakBytes: number;
}

export async function measureLargeFile(folder: string, rounds: number): Promise<Row[]> {
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    all.push(await measureRound(folder));
    console.error(`large file: round ${round} of ${rounds} done`);
  }
  return rows(all);
}

async function measureRound(folder: string): Promise<Round> {
  const withoutBytes = await withoutFolder(folder);
  await using drop = await DropRig.make(
    join(folder, "large"),
    "    completion: rename\n    content: binary\n",
  );
  const { rig } = drop;
  const source = join(drop.drop, "x.tmp");
  drop.pdf("x.tmp", PDF_BYTES);
  const raw = {
    rawCopy: rawCopy(source, join(folder, "large.raw")),
    rawSlices: rawSlices(source, join(folder, "slices.db"), 1),
    rawTogether: rawSlices(source, join(folder, "slices.db"), TOGETHER),
  };
  await rig.startAgent();
  await drop.beganMs();
  await sleep(REST_MS);
  const beforeBytes = rig.agentMemoryBytes();
  const cpuBeforeMs = rig.agentCpuMs();
  rig.forgetPeak();
  const startMs = Date.now();
  renameSync(source, join(drop.drop, "x.pdf"));
  const tookMs = (await drop.movedMs()) - startMs;
  const bytesPerSecond = PDF_BYTES / (tookMs / 1000);
  const cpuMs = rig.agentCpuMs() - cpuBeforeMs;
  const peakBytes = rig.agentPeakBytes();
  return { ...raw, bytesPerSecond, cpuMs, withoutBytes, beforeBytes, peakBytes };
}

async function withoutFolder(folder: string): Promise<number> {
  await using rig = await Rig.make(join(folder, "without"));
  await rig.startAgent();
  await sleep(REST_MS);
  return rig.agentMemoryBytes();
}

function rows(all: readonly Round[]): Row[] {
  const median = (pick: (round: Round) => number): number => quantile(all.map(pick), 0.5);
  const name = `${whole(PDF_BYTES / 1024 ** 2)} MiB PDF, from its rename until it is archived`;
  const row = (limit: string, pick: (round: Round) => number): Row => [
    name,
    `${megabytes(median((r) => r.bytesPerSecond))}/s`,
    `${megabytes(median(pick))}/s ${limit}`,
    ratio(median((r) => r.bytesPerSecond / pick(r))),
    "",
  ];
  const [before, peak] = [median((r) => r.beforeBytes), Math.max(...all.map((r) => r.peakBytes))];
  return [
    row("copied by 128 KiB, one flush", (r) => r.rawCopy),
    row("into bare SQLite, a slice a commit", (r) => r.rawSlices),
    row(`into bare SQLite, ${TOGETHER} slices a commit`, (r) => r.rawTogether),
    ["agent CPU for it", `${whole(median((r) => r.cpuMs))} ms`, "", "", ""],
    [
      "agent memory, most in any round, while it is read",
      megabytes(peak),
      `${megabytes(before)} before; ${megabytes(median((r) => r.withoutBytes))} without a drop folder`,
      `+${megabytes(peak - before)}`,
      "< 150 MB",
    ],
  ];
}
