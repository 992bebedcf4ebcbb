/**
 * `npm run fuzz`: the long form of the fuzzers: block reader, MSH reader, frames to either end. Exit 1 if an input fails.
 *
 *   npm run fuzz                             for 300 seconds, from a random seed
 *   npm run fuzz -- --seconds 3600 --seed 7
 *
 * A seed that is printed with a failure repeats it in its first round.
 *
 * @module
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { type FuzzTarget, TARGETS } from "#test/fuzz/targets.ts";
import { CORPUS_TEXTS } from "#test/fuzz/wire-bytes.ts";

const EXIT_USAGE = 64;
const SECONDS = "300";
/** fast-check's seeds are 32 bits wide. */
const SEED_END = 2 ** 31;

interface Tally {
  readonly target: FuzzTarget;
  runs: number;
  ms: number;
  failed: boolean;
}

/** Rounds of each target in turn, each round with a seed of its own; a target that failed has no more. */
async function fuzz(seconds: number, firstSeed: number): Promise<Tally[]> {
  const tallies = TARGETS.map((target) => ({
    ...{ target, runs: 0, ms: 0, failed: false },
  }));
  const deadline = performance.now() + seconds * 1_000;
  for (let seed = firstSeed; performance.now() < deadline; seed = (seed + 1) % SEED_END) {
    const open = tallies.filter(({ failed }) => !failed);
    if (open.length === 0) break;
    for (const tally of open) await round(tally, seed);
  }
  return tallies;
}

async function round(tally: Tally, seed: number): Promise<void> {
  const { target } = tally;
  const start = performance.now();
  const { runs, failure } = await target.run(target.roundRuns, seed);
  tally.ms += performance.now() - start;
  tally.runs += runs;
  tally.failed = failure !== undefined;
  if (tally.failed) console.log(`${target.name}: FAILED, seed ${seed}, run ${runs}\n${failure}`);
}

function whole(text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value < SEED_END) return value;
  console.error(`fuzz: ${text} is no whole number from ${least} on`);
  process.exit(EXIT_USAGE);
}

const { values } = parseArgs({
  options: { seconds: { type: "string" }, seed: { type: "string" } },
});
const seconds = whole(values.seconds ?? SECONDS, 1);
const seed = values.seed === undefined ? randomInt(SEED_END) : whole(values.seed, 0);
console.log(`seed ${seed}, ${seconds} s, ${CORPUS_TEXTS.length} messages to mutate`);
const tallies = await fuzz(seconds, seed);
for (const { target, runs, ms, failed } of tallies) {
  const rate = Math.round(runs / (ms / 1_000));
  console.log(`${target.name}: ${runs} runs, ${rate} runs/s, ${failed ? "FAILED" : "ok"}`);
}
process.exitCode = tallies.some(({ failed }) => failed) ? 1 : 0;
