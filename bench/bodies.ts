/**
 * PF09: large messages, as a whole and in slices, beside writing and flushing the same bytes into a file.
 *
 * @module
 */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { quantile } from "./limits.ts";
import { type LoadResult, Rig } from "./rig.ts";
import { milliseconds, type Row, ratio, whole } from "./table.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const CONNECTIONS = 10;
const WARM_UP_SECONDS = 1;

interface Round {
  readonly load: LoadResult;
  /** Bodies a second into a file that grows, flushed after each, and after as many as there are connections. */
  readonly rawPerSecond: number;
  readonly rawTogetherPerSecond: number;
}

/** The largest that is handed over whole, and one that goes to the store in slices while it arrives (05 S11). */
const SIZES = [
  ["1 MiB", MIB],
  ["1 MiB and 1 KiB, in slices,", MIB + KIB],
] as const;

/** @param seconds of each load, and of each raw measurement */
export async function measureBodies(
  folder: string,
  rounds: number,
  seconds: number,
): Promise<Row[]> {
  const all = SIZES.map((): Round[] => []);
  for (let round = 1; round <= rounds; round++) {
    for (const [index, [, bytes]] of SIZES.entries()) {
      all[index]?.push(await measureRound(folder, bytes, seconds));
    }
    console.error(`bodies: round ${round} of ${rounds} done`);
  }
  return SIZES.map(([name], index) => row(name, all[index] ?? []));
}

async function measureRound(folder: string, bytes: number, seconds: number): Promise<Round> {
  const rawPerSecond = raw(join(folder, "bodies.raw"), bytes, 1, seconds);
  await using rig = await Rig.make(join(folder, "bodies"));
  await rig.startAgent();
  await rig.load(CONNECTIONS, WARM_UP_SECONDS, bytes);
  const load = await rig.load(CONNECTIONS, seconds, bytes);
  await rig.stopAgent();
  const rawTogetherPerSecond = raw(join(folder, "bodies.raw"), bytes, CONNECTIONS, seconds);
  return { load, rawPerSecond, rawTogetherPerSecond };
}

/** One behind another, with a flush after each `together`. @returns bodies a second */
function raw(file: string, bytes: number, together: number, seconds: number): number {
  const body = Buffer.alloc(bytes, "x");
  const descriptor = openSync(file, "w");
  const startMs = performance.now();
  let count = 0;
  while (performance.now() - startMs < seconds * 1000) {
    for (let one = 0; one < together; one++) writeSync(descriptor, body);
    fdatasyncSync(descriptor);
    count += together;
  }
  const perSecond = count / ((performance.now() - startMs) / 1000);
  closeSync(descriptor);
  rmSync(file);
  return perSecond;
}

function row(name: string, all: readonly Round[]): Row {
  const median = (pick: (round: Round) => number): number => quantile(all.map(pick), 0.5);
  const one = median((r) => r.load.perSecond / r.rawPerSecond);
  const together = median((r) => r.load.perSecond / r.rawTogetherPerSecond);
  return [
    `messages of ${name} on ${CONNECTIONS} connections`,
    `${whole(median((r) => r.load.perSecond))}/s (p99 ${milliseconds(median((r) => r.load.p99Ms))})`,
    `${whole(median((r) => r.rawPerSecond))}/s into a file, flushed each; ` +
      `${whole(median((r) => r.rawTogetherPerSecond))}/s, flushed each ten`,
    `${ratio(one)}, ${ratio(together)}`,
    "≥ 0.5",
  ];
}
