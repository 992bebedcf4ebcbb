/**
 * PF06: what a large backlog costs an agent that cannot get rid of it: start-up, memory and ingest beside
 * those of an empty store. Then PF07 on the same backlog, for filling it takes a minute or two.
 *
 * @module
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { drainRest, measureDrain } from "./drain.ts";
import { fill } from "./fill.ts";
import { quantile } from "./limits.ts";
import { Rig } from "./rig.ts";
import { megabytes, type Row, ratio, whole } from "./table.ts";

const CONNECTIONS = 20;
const WARM_UP_SECONDS = 1;
/** Until what only the start needed was collected, or will not be. */
const REST_MS = 2_000;

/** An agent on a store, without a receiver. */
interface Standing {
  readonly startMs: number;
  /** At rest, before the first message. */
  readonly memoryBytes: number;
  readonly perSecond: number;
}

interface Round {
  readonly empty: Standing;
  readonly full: Standing;
}

/** @param seconds of each load */
export async function measureBacklog(
  folder: string,
  count: number,
  rounds: number,
  seconds: number,
): Promise<Row[]> {
  await using full = await Rig.make(join(folder, "full"));
  const filledMs = await fill(full, count);
  console.error(`backlog: filled in ${Math.round(filledMs / 1000)} s`);
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    // A new one each round: what the load leaves would be a backlog, too.
    await using empty = await Rig.make(join(folder, "empty"));
    const emptyFirst = round % 2 === 1;
    const early = emptyFirst ? await standing(empty, seconds) : undefined;
    const loaded = await standing(full, seconds);
    all.push({ empty: early ?? (await standing(empty, seconds)), full: loaded });
    console.error(`backlog: round ${round} of ${rounds} done`);
  }
  const filled: Row = [
    `store with ${whole(count)} waiting`,
    `${megabytes(full.storeBytes())} on disk`,
    `filled in ${whole(filledMs / 1000)} s`,
    "",
    "",
  ];
  const drain = await measureDrain(full, rounds, seconds);
  return [filled, ...rows(all, count), ...drain, ...(await drainRest(full))];
}

async function standing(rig: Rig, seconds: number): Promise<Standing> {
  // The first start on an empty folder makes the store; what is compared is the start on one that is there.
  await rig.startAgent();
  await rig.stopAgent();
  const startMs = await rig.startAgent();
  await sleep(REST_MS);
  const memoryBytes = rig.agentMemoryBytes();
  await rig.load(CONNECTIONS, WARM_UP_SECONDS);
  const { perSecond } = await rig.load(CONNECTIONS, seconds);
  await rig.stopAgent();
  return { startMs, memoryBytes, perSecond };
}

function rows(all: readonly Round[], count: number): Row[] {
  const median = (pick: (round: Round) => number): number => quantile(all.map(pick), 0.5);
  const more = median((r) => r.full.memoryBytes - r.empty.memoryBytes);
  return [
    [
      `start-up with ${whole(count)} waiting`,
      `${whole(median((r) => r.full.startMs))} ms`,
      `${whole(median((r) => r.empty.startMs))} ms, empty`,
      ratio(median((r) => r.full.startMs / r.empty.startMs)),
      "≤ 1.2",
    ],
    [
      `memory at rest with ${whole(count)} waiting`,
      megabytes(median((r) => r.full.memoryBytes)),
      `${megabytes(median((r) => r.empty.memoryBytes))}, empty`,
      `${more < 0 ? "" : "+"}${megabytes(more)}`,
      "≤ +50 MB",
    ],
    [
      `durable acknowledgments/s, ${CONNECTIONS} connections, ${whole(count)} waiting`,
      whole(median((r) => r.full.perSecond)),
      `${whole(median((r) => r.empty.perSecond))}, empty`,
      ratio(median((r) => r.full.perSecond / r.empty.perSecond)),
      "≥ 0.95",
    ],
  ];
}
