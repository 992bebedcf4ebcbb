/**
 * `npm run bench`: what the agent does, beside the limit measured in the same run.
 *
 *   npm run bench                         five interleaved rounds of everything, a backlog of 1,000,000
 *   npm run bench -- --rounds 3 --seconds 3 --backlog 0
 *   npm run bench -- --only mllp          one part: ingest, backlog, mllp or crowd
 *
 * Prints a table in Markdown: medians, and each round's ratio. `bench/RESULTS.md` keeps the ones worth
 * keeping, with date, commit and machine.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type BacklogResult, measureBacklog } from "./backlog.ts";
import { measureCrowd } from "./crowd.ts";
import { type Limits, measureLimits, quantile } from "./limits.ts";
import { measureMllp } from "./mllp.ts";
import { type LoadResult, Rig } from "./rig.ts";
import { megabytes, print, type Row, ratio, whole } from "./table.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    backlog: { type: "string", default: "1000000" },
    only: { type: "string" },
  },
});
const PARTS = ["ingest", "backlog", "mllp", "crowd"] as const;
const { only } = values;
if (only !== undefined && !PARTS.some((part) => part === only)) {
  throw new Error(`--only takes one of ${PARTS.join(", ")}`);
}
const wanted = (part: (typeof PARTS)[number]): boolean => only === undefined || only === part;
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const backlog = Number(values.backlog);

interface Round {
  readonly limits: Limits;
  readonly ingest: { readonly 1: LoadResult; readonly 10: LoadResult; readonly 100: LoadResult };
  readonly paced: LoadResult;
  /** Agent's processor time per message at 100 connections, in µs. */
  readonly cpuMicros: number;
  readonly memoryBytes: number;
  readonly endToEndPerSecond: number;
}

async function measureRound(folder: string): Promise<Round> {
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
    endToEndPerSecond: await endToEnd(folder),
  };
}

/** Messages a second from senders into the receiver's durable store, both on this machine. */
async function endToEnd(folder: string): Promise<number> {
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

function backlogRows(count: number, result: BacklogResult): Row[] {
  const more = result.memoryBytes - result.emptyMemoryBytes;
  return [
    [
      `start-up with ${whole(count)} waiting`,
      `${whole(result.startMs)} ms`,
      `${whole(result.emptyStartMs)} ms, empty`,
      ratio(result.startMs / result.emptyStartMs),
      "≤ 1.2",
    ],
    [
      `memory with ${whole(count)} waiting`,
      megabytes(result.memoryBytes),
      `${megabytes(result.emptyMemoryBytes)}, empty`,
      `${more < 0 ? "" : "+"}${megabytes(more)}`,
      "≤ +50 MB",
    ],
    [
      "drain of it, nothing else going on",
      `${whole(result.drainPerSecond)}/s`,
      "",
      "",
      "≥ 40,000/s",
    ],
    ["memory after the drain", megabytes(result.memoryAfterDrainBytes), "", "", "< 200 MB"],
  ];
}

async function measureIngest(folder: string): Promise<Row[]> {
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    all.push(await measureRound(folder));
    console.error(`round ${round} of ${rounds} done`);
  }
  return rows(all);
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(root, "build-bench-"));
  try {
    const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], {
      cwd: root,
      encoding: "utf8",
    });
    const machine = `${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 1e9)} GB`;
    console.log(
      `${new Date().toISOString()}, commit ${commit.trim()}, ${machine}, Node ${process.version}`,
    );
    const table: Row[] = [];
    if (wanted("ingest")) table.push(...(await measureIngest(folder)));
    if (wanted("backlog") && backlog > 0) {
      await using rig = await Rig.make(join(folder, "backlog"));
      table.push(...backlogRows(backlog, await measureBacklog(rig, backlog)));
    }
    if (wanted("mllp")) table.push(...(await measureMllp(folder, rounds, seconds)));
    if (wanted("crowd")) table.push(...(await measureCrowd(folder, rounds, seconds)));
    print(table);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
