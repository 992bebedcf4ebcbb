/**
 * PF04: a disk that takes 10 ms for each flush, and a hundred senders.
 *
 * Whether the event loop stays free is seen from outside: a question that the main thread answers by itself,
 * without the writer, is asked again and again over the local socket. Each answer takes at least two turns
 * of the loop (accept, read) besides the way there and back, so its time is above that of a turn, never below.
 *
 * @module
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { askLocal } from "#agent/host/local-socket.ts";
import { compiledLibrary } from "./compile.ts";
import { flushTimesIn } from "./flush-times.ts";
import { quantile } from "./limits.ts";
import { type LoadResult, Rig } from "./rig.ts";
import { milliseconds, type Row, ratio, whole } from "./table.ts";

const FLUSH_MS = 10;
const CONNECTIONS = 100;
const WARM_UP_SECONDS = 1;
/** Between an answer and the next question: some 150 a second, which cost the main thread a few percent. */
const ASK_EVERY_MS = 5;
/** No question at all: refused by the main thread where it enters. */
const UNKNOWN_QUESTION = { ask: "nothing" };

interface Round {
  /** Of the slow disk, as measured. */
  readonly flushMs: number;
  readonly load: LoadResult;
  /** Of an answer, in ms: while nothing goes on, and under the load. */
  readonly idleP99Ms: number;
  readonly loadedP50Ms: number;
  readonly loadedP99Ms: number;
  readonly loadedMaxMs: number;
}

/** @param seconds of each load */
export async function measureSlowFlush(
  folder: string,
  rounds: number,
  seconds: number,
): Promise<Row[]> {
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    all.push(await measureRound(join(folder, "slow-flush"), seconds));
    console.error(`slow flush: round ${round} of ${rounds} done`);
  }
  return rows(all);
}

async function measureRound(folder: string, seconds: number): Promise<Round> {
  await using rig = await Rig.make(folder);
  const slow = {
    LD_PRELOAD: compiledLibrary("slow-flush"),
    SLOW_FLUSH_FOLDER: folder,
    SLOW_FLUSH_MS: String(FLUSH_MS),
  };
  const flushMs = quantile(flushTimesIn(folder, slow), 0.5);
  if (flushMs < FLUSH_MS) throw new Error(`a flush takes ${flushMs} ms: it was not slowed`);
  await rig.startAgent(slow);
  await rig.load(CONNECTIONS, WARM_UP_SECONDS);
  const idle = await answerTimes(rig, sleep(seconds * 1000));
  const loading = rig.load(CONNECTIONS, seconds);
  const loaded = await answerTimes(rig, loading);
  const load = await loading;
  if (load.p50Ms < FLUSH_MS) throw new Error("the agent flushes in a way that is not slowed");
  return {
    flushMs,
    load,
    idleP99Ms: quantile(idle, 0.99),
    loadedP50Ms: quantile(loaded, 0.5),
    loadedP99Ms: quantile(loaded, 0.99),
    loadedMaxMs: Math.max(...loaded),
  };
}

/** How long each answer took until `meanwhile` ends, in ms. */
async function answerTimes(rig: Rig, meanwhile: Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  const ended = meanwhile.then(() => true);
  for (;;) {
    const startMs = performance.now();
    await askLocal(rig.stateDir, UNKNOWN_QUESTION);
    times.push(performance.now() - startMs);
    if (await Promise.race([ended, sleep(ASK_EVERY_MS, false)])) return times;
  }
}

function rows(all: readonly Round[]): Row[] {
  const median = (pick: (round: Round) => number): number => quantile(all.map(pick), 0.5);
  const limit = (round: Round): number => CONNECTIONS / (round.flushMs / 1000);
  const p50 = median((r) => r.load.p50Ms);
  const p99 = median((r) => r.load.p99Ms);
  return [
    [
      `durable acknowledgments/s, ${CONNECTIONS} connections, slow flush`,
      `${whole(median((r) => r.load.perSecond))} (p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms)`,
      `${whole(median(limit))}, connections ÷ flush of ${milliseconds(median((r) => r.flushMs))}`,
      ratio(median((r) => r.load.perSecond / limit(r))),
      "≥ 0.5",
    ],
    [
      "an answer by the main thread alone meanwhile: p50, p99, longest",
      [
        median((r) => r.loadedP50Ms),
        median((r) => r.loadedP99Ms),
        Math.max(...all.map((r) => r.loadedMaxMs)),
      ]
        .map(milliseconds)
        .join(", "),
      `p99 ${milliseconds(median((r) => r.idleP99Ms))}, agent idle`,
      "",
      "event loop p99 < 20 ms",
    ],
  ];
}
