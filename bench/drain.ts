/**
 * PF07: a backlog is drained while senders go on: what it costs their acknowledgments, and how fast it goes
 * beside them and alone.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { quantile } from "./limits.ts";
import type { LoadResult, Rig } from "./rig.ts";
import { megabytes, milliseconds, type Row, ratio, whole } from "./table.ts";

const LIVE_PER_SECOND = 1_000;
const LIVE_CONNECTIONS = 20;
const MESSAGE_BYTES = 1_024;
const WARM_UP_SECONDS = 1;
/** After the end of a drain: settling is written, what waits for a collection is seen as it is. */
const REST_MS = 2_000;
/** A store that did not become smaller for so long has done what it will do. */
const SHRINK_QUIET_MS = 60_000;
const SHRINK_MAX_MS = 900_000;
const SHRINK_POLL_MS = 1_000;

interface Round {
  /** Live traffic with the backlog there and no receiver. */
  readonly without: LoadResult;
  readonly beside: LoadResult;
  readonly besidePerSecond: number;
  readonly alonePerSecond: number;
}

/**
 * Rounds until the backlog gives out: a window that sees its end says nothing.
 *
 * @param rig filled, and neither agent nor receiver running; the same afterwards
 * @param seconds of each load
 */
export async function measureDrain(rig: Rig, rounds: number, seconds: number): Promise<Row[]> {
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    const withoutFirst = round % 2 === 1;
    const early = withoutFirst ? await withoutReceiver(rig, seconds) : undefined;
    const drained = await draining(rig, seconds);
    if (drained === undefined) {
      console.error(`drain: the backlog ends in round ${round} of ${rounds}; give a larger one`);
      break;
    }
    all.push({ without: early ?? (await withoutReceiver(rig, seconds)), ...drained });
    console.error(`drain: round ${round} of ${rounds} done`);
  }
  return all.length === 0 ? [] : rows(all);
}

/**
 * Drains what is left, then keeps nothing of it any more.
 *
 * @param rig as for `measureDrain`
 */
export async function drainRest(rig: Rig): Promise<Row[]> {
  await rig.startReceiver();
  await rig.startAgent();
  const { acked, waiting } = await rig.progress();
  const startMs = waiting > 0 ? await rig.streaming(acked) : performance.now();
  const endMs = await rig.drained();
  await sleep(REST_MS);
  const memoryBytes = rig.agentMemoryBytes();
  await rig.stopAgent();
  const drainedBytes = rig.storeBytes();
  const shrunk = await shrinking(rig);
  await rig.stopReceiver();
  const perSecond = waiting / ((endMs - startMs) / 1000);
  const rest = `drain of the remaining ${whole(waiting)}`;
  return [
    ...(waiting > 0 ? [[rest, `${whole(perSecond)}/s`, "", "", "≥ 40,000/s"] as const] : []),
    ["memory after the drain", megabytes(memoryBytes), "", "", "< 200 MB"],
    [
      "store with nothing retained",
      `${megabytes(shrunk.bytes)} after ${whole(shrunk.ms / 1000)} s, its smallest`,
      `${megabytes(drainedBytes)} after the drain`,
      ratio(shrunk.bytes / drainedBytes),
      "",
    ],
  ];
}

/** Retains nothing (05 S14) and waits until the store has not become smaller for a while (05 S15). */
async function shrinking(rig: Rig): Promise<{ readonly bytes: number; readonly ms: number }> {
  rig.addSetting("retainHours: 0");
  await rig.startAgent();
  const startMs = performance.now();
  let [bytes, ms] = [rig.storeBytes(), 0];
  for (let nowMs = 0; nowMs < ms + SHRINK_QUIET_MS && nowMs < SHRINK_MAX_MS; ) {
    await sleep(SHRINK_POLL_MS);
    nowMs = performance.now() - startMs;
    const nowBytes = rig.storeBytes();
    if (nowBytes < bytes) [bytes, ms] = [nowBytes, nowMs];
  }
  await rig.stopAgent();
  return { bytes, ms };
}

const live = (rig: Rig, seconds: number): Promise<LoadResult> =>
  rig.load(LIVE_CONNECTIONS, seconds, MESSAGE_BYTES, LIVE_PER_SECOND);

async function withoutReceiver(rig: Rig, seconds: number): Promise<LoadResult> {
  await rig.startAgent();
  await live(rig, WARM_UP_SECONDS);
  const load = await live(rig, seconds);
  await rig.stopAgent();
  return load;
}

/** @returns `undefined` if nothing waits any more at the end */
async function draining(rig: Rig, seconds: number): Promise<Omit<Round, "without"> | undefined> {
  await rig.startReceiver();
  // A new agent connects at once; one that lost its receiver would back off first.
  await rig.startAgent();
  await rig.streaming((await rig.progress()).acked);
  await live(rig, WARM_UP_SECONDS);
  const beside = await drainedDuring(rig, () => live(rig, seconds));
  const alone = await drainedDuring(rig, () => sleep(seconds * 1000));
  const { waiting } = await rig.progress();
  await rig.stopAgent();
  await rig.stopReceiver();
  if (waiting === 0) return undefined;
  return {
    beside: beside.result,
    besidePerSecond: beside.perSecond,
    alonePerSecond: alone.perSecond,
  };
}

/** Messages that the receiver acked while `work` went on, a second. */
async function drainedDuring<T>(
  rig: Rig,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly perSecond: number }> {
  const before = await rig.progress();
  const startMs = performance.now();
  const result = await work();
  const after = await rig.progress();
  const seconds = (performance.now() - startMs) / 1000;
  return { result, perSecond: (after.acked - before.acked) / seconds };
}

function rows(all: readonly Round[]): Row[] {
  const median = (pick: (round: Round) => number): number => quantile(all.map(pick), 0.5);
  const row = (name: string, pick: (load: LoadResult) => number, target: string): Row => [
    `acknowledgment ${name} at ${whole(LIVE_PER_SECOND)} msg/s beside the drain`,
    milliseconds(median((r) => pick(r.beside))),
    `${milliseconds(median((r) => pick(r.without)))}, without it`,
    ratio(median((r) => pick(r.beside) / pick(r.without))),
    target,
  ];
  return [
    row("p50", ({ p50Ms }) => p50Ms, ""),
    row("p99", ({ p99Ms }) => p99Ms, "≤ 2.5"),
    ["drain beside it", `${whole(median((r) => r.besidePerSecond))}/s`, "", "", "≥ 10,000/s"],
    ["drain alone", `${whole(median((r) => r.alonePerSecond))}/s`, "", "", "≥ 40,000/s"],
  ];
}
