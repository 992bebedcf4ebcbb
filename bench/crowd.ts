/**
 * A thousand connections on one channel: what a hundred slow or hostile ones among them cost the others.
 *
 * Good senders, alone with idle peers and among hostile ones, in turns on the same agent.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CROWD_KINDS, type HostileKind } from "#test/support/hostile-peers.ts";
import { quantile } from "./limits.ts";
import { type LoadResult, Rig } from "./rig.ts";
import { megabytes, milliseconds, type Row, ratio, whole } from "./table.ts";

const CONNECTIONS = 1_000;
const HOSTILE_PART = 0.1;
const MESSAGE_BYTES = 1_024;
/** What the agent, and each of the two others, has open besides the connections. */
export const OWN_DESCRIPTORS = 100;
const POLL_MS = 100;
const SETTLED_MS = 10_000;

/** The agent's process. */
interface Footprint {
  readonly memoryBytes: number;
  readonly descriptors: number;
}

interface Run {
  readonly load: LoadResult;
  readonly during: Footprint;
  /** Once nobody is connected any more. */
  readonly after: Footprint;
}

interface Round {
  readonly alone: Run;
  readonly crowded: Run;
}

interface Sizes {
  readonly good: number;
  readonly others: number;
  readonly seconds: number;
}

export async function measureCrowd(
  folder: string,
  rounds: number,
  seconds: number,
): Promise<Row[]> {
  const total = Math.min(CONNECTIONS, descriptorLimit() - OWN_DESCRIPTORS);
  const others = Math.round(total * HOSTILE_PART);
  const sizes = { good: total - others, others, seconds };
  await using rig = await Rig.make(join(folder, "crowd"), total);
  await rig.startAgent();
  await rig.load(10, 1, MESSAGE_BYTES);
  const before = await settled(rig);
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    const alone = await run(rig, sizes, ["idle"]);
    all.push({ alone, crowded: await run(rig, sizes, CROWD_KINDS) });
    console.error(`crowd: round ${round} of ${rounds} done`);
  }
  return rows(all, before, sizes);
}

/** The good ones first: at the limit a hostile one may be refused, which is nothing to a good one. */
async function run(rig: Rig, sizes: Sizes, kinds: readonly HostileKind[]): Promise<Run> {
  const { good, others, seconds } = sizes;
  const loading = rig.load(good, seconds, MESSAGE_BYTES, good);
  let [memoryBytes, descriptors] = [0, 0];
  {
    await connected(rig, good);
    await using _ = await rig.hostile(others, kinds);
    let loaded = false;
    void loading.then(
      () => {
        loaded = true;
      },
      () => {
        loaded = true;
      },
    );
    while (!loaded) {
      memoryBytes = Math.max(memoryBytes, rig.agentMemoryBytes());
      descriptors = Math.max(descriptors, rig.agentDescriptors());
      await sleep(POLL_MS);
    }
  }
  const load = await loading;
  return { load, during: { memoryBytes, descriptors }, after: await settled(rig) };
}

async function connected(rig: Rig, count: number): Promise<void> {
  while (((await rig.status()).channels[0]?.connections ?? 0) < count) await sleep(POLL_MS);
}

/** Waits until nobody is connected. @throws {Error} if somebody stays */
async function settled(rig: Rig): Promise<Footprint> {
  const untilMs = performance.now() + SETTLED_MS;
  while (((await rig.status()).channels[0]?.connections ?? 0) > 0) {
    if (performance.now() > untilMs) throw new Error("connections stay that nobody holds");
    await sleep(POLL_MS);
  }
  // The connection of the question itself.
  await sleep(POLL_MS);
  return { memoryBytes: rig.agentMemoryBytes(), descriptors: rig.agentDescriptors() };
}

/** `ulimit -n`, which the agent inherits. */
export function descriptorLimit(): number {
  const limits = readFileSync("/proc/self/limits", "utf8");
  return Number(/Max open files\s+(\d+)/.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
}

function rows(all: readonly Round[], before: Footprint, { good, others, seconds }: Sizes): Row[] {
  const median = (pick: (round: Round) => number): number => quantile(all.map(pick), 0.5);
  const row = (name: string, pick: (load: LoadResult) => number, target: string): Row => [
    `acknowledgment ${name} of ${good} senders, a message a second each, among ${others} hostile peers`,
    milliseconds(median((r) => pick(r.crowded.load))),
    `${milliseconds(median((r) => pick(r.alone.load)))}, among ${others} idle ones`,
    ratio(median((r) => pick(r.crowded.load) / pick(r.alone.load))),
    target,
  ];
  const served = median((r) => r.crowded.load.acknowledged);
  const most = (pick: (round: Round) => number): number => Math.max(...all.map(pick));
  const last = all.at(-1)?.crowded.after ?? before;
  return [
    row("p50", ({ p50Ms }) => p50Ms, ""),
    row("p99", ({ p99Ms }) => p99Ms, "< 3"),
    row("max", ({ maxMs }) => maxMs, ""),
    ["messages acknowledged among them", whole(served), whole(good * seconds), "", ""],
    [
      "agent memory among them, then without anybody",
      `${megabytes(most((r) => r.crowded.during.memoryBytes))}, ${megabytes(last.memoryBytes)}`,
      `${megabytes(before.memoryBytes)} before, ${megabytes(most((r) => r.alone.during.memoryBytes))} among idle ones`,
      "",
      "< 250 MB",
    ],
    [
      "agent descriptors among them, then without anybody",
      `${whole(most((r) => r.crowded.during.descriptors))}, ${whole(last.descriptors)}`,
      `${whole(before.descriptors)} before, ${whole(most((r) => r.alone.during.descriptors))} among idle ones`,
      "",
      "as before",
    ],
  ];
}
