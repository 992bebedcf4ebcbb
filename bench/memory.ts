/** PF08: what the agent's process takes at most, with a receiver: a thousand connections; large messages at once. @module */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { descriptorLimit, OWN_DESCRIPTORS } from "./crowd.ts";
import { quantile } from "./limits.ts";
import { type LoadResult, Rig } from "./rig.ts";
import { megabytes, milliseconds, type Row, whole } from "./table.ts";

const CONNECTIONS = 1_000;
const MESSAGE_BYTES = 1_024;
const LARGE_CONNECTIONS = 10;
const LARGE_MIB = 5;
const LARGE_BYTES = LARGE_MIB * 1024 ** 2;
const WARM_UP_SECONDS = 1;
const REST_MS = 2_000;

/** The agent's resident memory, in bytes. */
interface Footprint {
  readonly before: number;
  readonly peak: number;
  /** Once all is delivered and nobody sends. */
  readonly after: number;
  readonly load: LoadResult;
}

interface Round {
  readonly crowd: Footprint;
  /** One large message a connection. */
  readonly burst: Footprint;
  /** Large messages one after another on each connection. */
  readonly stream: Footprint;
}

/** @param seconds of each load */
export async function measureMemory(
  folder: string,
  rounds: number,
  seconds: number,
): Promise<Row[]> {
  const crowd = Math.min(CONNECTIONS, descriptorLimit() - OWN_DESCRIPTORS);
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    all.push({
      // A message a second each.
      crowd: await footprint(folder, (rig) => rig.load(crowd, seconds, MESSAGE_BYTES, crowd)),
      burst: await footprint(folder, (rig) => rig.load(LARGE_CONNECTIONS, 0, LARGE_BYTES)),
      stream: await footprint(folder, (rig) => rig.load(LARGE_CONNECTIONS, seconds, LARGE_BYTES)),
    });
    console.error(`memory: round ${round} of ${rounds} done`);
  }
  return rows(all, crowd);
}

/** Of a new agent each time: a process does not give back all that it once took. */
async function footprint(
  folder: string,
  work: (rig: Rig) => Promise<LoadResult>,
): Promise<Footprint> {
  await using rig = await Rig.make(join(folder, "memory"), CONNECTIONS);
  await rig.startReceiver();
  await rig.startAgent();
  await rig.load(LARGE_CONNECTIONS, WARM_UP_SECONDS, MESSAGE_BYTES);
  await rig.drained();
  const before = rig.agentMemoryBytes();
  rig.forgetPeak();
  const load = await work(rig);
  await rig.drained();
  const peak = rig.agentPeakBytes();
  await sleep(REST_MS);
  return { before, peak, after: rig.agentMemoryBytes(), load };
}

function rows(all: readonly Round[], crowd: number): Row[] {
  const row = (name: string, pick: (round: Round) => Footprint, target: string): Row => {
    const median = (of: (footprint: Footprint) => number): number =>
      quantile(
        all.map((round) => of(pick(round))),
        0.5,
      );
    // The worst of all rounds: a bound is no bound if it holds half of the time.
    const peak = Math.max(...all.map((round) => pick(round).peak));
    const took = `${whole(median((f) => f.load.acknowledged))} taken, p99 ${milliseconds(median((f) => f.load.p99Ms))}`;
    return [
      `agent memory, most in any round: ${name}`,
      `${megabytes(peak)}, ${megabytes(median((f) => f.after))} afterwards`,
      `${megabytes(median((f) => f.before))} before; ${took}`,
      "",
      target,
    ];
  };
  return [
    row(`${whole(crowd)} connections, a message a second each`, (r) => r.crowd, "< 200 MB"),
    row(`${LARGE_CONNECTIONS} × ${LARGE_MIB} MiB at once`, (r) => r.burst, "< 300 MB"),
    row(`the same again and again`, (r) => r.stream, ""),
  ];
}
