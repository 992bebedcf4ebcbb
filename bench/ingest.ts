/** PF01, PF02, PF03, PF05, PF11: small messages, alone and end to end, beside what SQLite does at most. @module */
import { join } from "node:path";
import { type Limits, measureLimits, quantile } from "./limits.ts";
import { type LoadResult, Rig } from "./rig.ts";
import { megabytes, type Row, ratio, whole } from "./table.ts";

interface Round {
  readonly limits: Limits;
  readonly ingest: { readonly 1: LoadResult; readonly 10: LoadResult; readonly 100: LoadResult };
  readonly paced: LoadResult;
  /** Agent's processor time per message at 100 connections, in µs. */
  readonly cpuMicros: number;
  readonly memoryBytes: number;
  readonly endToEndPerSecond: number;
}

/** @param seconds of each load */
export async function measureIngest(
  folder: string,
  rounds: number,
  seconds: number,
): Promise<Row[]> {
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    all.push(await measureRound(folder, seconds));
    console.error(`round ${round} of ${rounds} done`);
  }
  return rows(all);
}

async function measureRound(folder: string, seconds: number): Promise<Round> {
  const limits = measureLimits(folder);
  await using rig = await Rig.make(join(folder, "ingest"));
  await rig.startAgent();
  await rig.load(10, 1);
  const one = await rig.load(1, seconds);
  const ten = await rig.load(10, seconds);
  const cpuBeforeMs = rig.agentCpuMs();
  const hundred = await rig.load(100, seconds);
  const cpuMicros = ((rig.agentCpuMs() - cpuBeforeMs) * 1000) / hundred.acknowledged;
  const paced = await rig.load(20, seconds, 1_024, 100);
  const memoryBytes = rig.agentMemoryBytes();
  return {
    limits,
    ingest: { 1: one, 10: ten, 100: hundred },
    paced,
    cpuMicros,
    memoryBytes,
    endToEndPerSecond: await endToEnd(folder, seconds),
  };
}

/** Messages a second from senders into the receiver's durable store, both on this machine. */
async function endToEnd(folder: string, seconds: number): Promise<number> {
  await using rig = await Rig.make(join(folder, "end-to-end"));
  await rig.startReceiver();
  await rig.startAgent();
  await rig.load(10, 1);
  await rig.drained();
  const startMs = performance.now();
  const { acknowledged } = await rig.load(100, seconds);
  const endMs = await rig.drained();
  return Math.round(acknowledged / ((endMs - startMs) / 1000));
}

const median = (all: readonly Round[], pick: (round: Round) => number): number =>
  quantile(all.map(pick), 0.5);

function ingestRow(all: readonly Round[], connections: 1 | 10 | 100, target: number): Row {
  const rate = (round: Round): number => round.ingest[connections].perSecond;
  const limit = (round: Round): number => round.limits.rowsPerSecond[connections];
  const p50 = median(all, (round) => round.ingest[connections].p50Ms);
  const p99 = median(all, (round) => round.ingest[connections].p99Ms);
  return [
    `durable acknowledgments/s, ${connections} connection${connections === 1 ? "" : "s"}`,
    `${whole(median(all, rate))} (p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms)`,
    `${whole(median(all, limit))} raw rows/s, ${connections} a commit`,
    ratio(median(all, (round) => rate(round) / limit(round))),
    `≥ ${target}`,
  ];
}

function rows(all: readonly Round[]): Row[] {
  const commit = (round: Round): number => round.limits.commitP50Ms;
  return [
    [
      "one flush (4 KiB, fdatasync)",
      `p50 ${median(all, (r) => r.limits.flushP50Ms).toFixed(3)} ms, p99 ${median(all, (r) => r.limits.flushP99Ms).toFixed(3)} ms`,
      "",
      "",
      "",
    ],
    ingestRow(all, 1, 0.65),
    ingestRow(all, 10, 0.35),
    ingestRow(all, 100, 0.45),
    [
      "acknowledgment p50 at 100 msg/s over 20 connections",
      `${median(all, (r) => r.paced.p50Ms).toFixed(2)} ms`,
      `${median(all, commit).toFixed(3)} ms, one raw commit`,
      ratio(median(all, (r) => r.paced.p50Ms / commit(r))),
      "≤ 5",
    ],
    [
      "acknowledgment p99 at 100 msg/s over 20 connections",
      `${median(all, (r) => r.paced.p99Ms).toFixed(2)} ms`,
      `${median(all, commit).toFixed(3)} ms, one raw commit`,
      ratio(median(all, (r) => r.paced.p99Ms / commit(r))),
      "≤ 12",
    ],
    [
      "end to end into the receiver's store, 100 connections",
      `${whole(median(all, (r) => r.endToEndPerSecond))}/s`,
      `${whole(median(all, (r) => r.ingest[100].perSecond))}/s, ingest alone`,
      ratio(median(all, (r) => r.endToEndPerSecond / r.ingest[100].perSecond)),
      "≥ 0.4",
    ],
    [
      "agent CPU per message, 100 connections",
      `${median(all, (r) => r.cpuMicros).toFixed(1)} µs`,
      "",
      "",
      "≤ 60 µs",
    ],
    ["agent memory after it", megabytes(median(all, (r) => r.memoryBytes)), "", "", "< 200 MB"],
  ];
}
