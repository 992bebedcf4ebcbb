/**
 * What a sender and the machine see of a backlog that grows: latency of acknowledgments, memory of the agent.
 *
 * @module
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fill } from "./fill.ts";
import { quantile } from "./limits.ts";
import { Rig } from "./rig.ts";
import { megabytes, milliseconds, type Row, whole } from "./table.ts";

const CONNECTIONS = 20;
/** As in PF03. Few, for what is measured makes the backlog grow. */
const PER_SECOND = 100;
const MESSAGE_BYTES = 1_024;
const WARM_UP_SECONDS = 1;
const REST_MS = 2_000;

/** What the figures are figures of. */
export const CURVE_LOAD = `${PER_SECOND} messages a second of 1 KB over ${CONNECTIONS} connections, receiver away, medians`;

/** Medians of all rounds. */
export interface CurvePoint {
  readonly backlog: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Resident, before the first message and after the last. */
  readonly atRestBytes: number;
  readonly loadedBytes: number;
}

type Measured = Omit<CurvePoint, "backlog">;

/**
 * Every round visits every backlog, each in a store of its own, so that what the machine does meanwhile
 * hits all of them alike.
 *
 * @param backlogs in messages
 * @param seconds of each load
 */
export async function measureCurve(
  folder: string,
  backlogs: readonly number[],
  rounds: number,
  seconds: number,
): Promise<CurvePoint[]> {
  await using stack = new AsyncDisposableStack();
  const series: { rig: Rig; backlog: number; all: Measured[] }[] = [];
  for (const backlog of [...backlogs].sort((a, b) => a - b)) {
    const rig = stack.use(await Rig.make(join(folder, `backlog-${backlog}`)));
    const filledMs = await fill(rig, backlog);
    series.push({ rig, backlog, all: [] });
    console.error(`plot: ${whole(backlog)} filled in ${Math.round(filledMs / 1000)} s`);
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { rig, all } of series) all.push(await visit(rig, seconds));
    console.error(`plot: round ${round} of ${rounds} done`);
  }
  return series.map(({ backlog, all }) => ({ backlog, ...medians(all) }));
}

async function visit(rig: Rig, seconds: number): Promise<Measured> {
  await rig.startAgent();
  await sleep(REST_MS);
  const atRestBytes = rig.agentMemoryBytes();
  await rig.load(CONNECTIONS, WARM_UP_SECONDS, MESSAGE_BYTES, PER_SECOND);
  const { p50Ms, p99Ms } = await rig.load(CONNECTIONS, seconds, MESSAGE_BYTES, PER_SECOND);
  const loadedBytes = rig.agentMemoryBytes();
  await rig.stopAgent();
  return { p50Ms, p99Ms, atRestBytes, loadedBytes };
}

function medians(all: readonly Measured[]): Measured {
  const median = (pick: (one: Measured) => number): number => quantile(all.map(pick), 0.5);
  return {
    p50Ms: median((one) => one.p50Ms),
    p99Ms: median((one) => one.p99Ms),
    atRestBytes: median((one) => one.atRestBytes),
    loadedBytes: median((one) => one.loadedBytes),
  };
}

export function curveRows(points: readonly CurvePoint[]): Row[] {
  return points.map(({ backlog, p50Ms, p99Ms, atRestBytes, loadedBytes }) => [
    `${whole(backlog)} waiting, ${PER_SECOND} msg/s over ${CONNECTIONS} connections`,
    `p50 ${milliseconds(p50Ms)}, p99 ${milliseconds(p99Ms)}`,
    `memory ${megabytes(atRestBytes)} at rest, ${megabytes(loadedBytes)} after`,
    "",
    "",
  ]);
}
