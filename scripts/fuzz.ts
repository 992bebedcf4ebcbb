/**
 * `npm run fuzz`: the long form of the fuzzers: block reader, MSH reader, file splitter, frames to their decoder and to either end,
 * signed documents, bodies of enrolment and renewal. Exit 1 if an input fails.
 *
 *   npm run fuzz                             for 300 seconds, from a random seed
 *   npm run fuzz -- --seconds 3600 --seed 7
 *   npm run fuzz -- --frames 1000000         instead: so many frames to each target that reads frames (T-P01)
 *   npm run fuzz -- --documents 100000       instead: so many documents to the kernel, whose memory must not grow (07 U16)
 *   npm run fuzz -- --exchanges 100000       the same, with bodies of enrolment and renewal to both ends (07 1.5, 1.6)
 *
 * A seed that is printed with a failure repeats it in its first round.
 *
 * @module
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { DOCUMENTS, EXCHANGES, type FuzzTarget, TARGETS } from "#test/fuzz/targets.ts";
import { CORPUS_TEXTS } from "#test/fuzz/wire-bytes.ts";

const EXIT_USAGE = 64;
const SECONDS = "300";
/** Bytes: code that is compiled late, and the runner's own records. */
const HEAP_GROWN_MAX = 8 * 1_048_576;
/** fast-check's seeds are 32 bits wide. */
const SEED_END = 2 ** 31;

interface Tally {
  readonly target: FuzzTarget;
  runs: number;
  frames: number;
  ms: number;
  failed: boolean;
}

/** Rounds of each target in turn, each round with a seed of its own; a target that failed has no more. */
async function fuzz(
  targets: readonly FuzzTarget[],
  firstSeed: number,
  isDone: (tally: Tally) => boolean,
): Promise<Tally[]> {
  const tallies = targets.map((target) => ({
    ...{ target, runs: 0, frames: 0, ms: 0, failed: false },
  }));
  for (let seed = firstSeed; ; seed = (seed + 1) % SEED_END) {
    const open = tallies.filter((tally) => !tally.failed && !isDone(tally));
    if (open.length === 0) return tallies;
    for (const tally of open) await round(tally, seed);
  }
}

async function round(tally: Tally, seed: number): Promise<void> {
  const { target } = tally;
  const start = performance.now();
  const { runs, frames, failure } = await target.run(target.roundRuns, seed);
  tally.ms += performance.now() - start;
  tally.runs += runs;
  tally.frames += frames;
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
  options: {
    seconds: { type: "string" },
    frames: { type: "string" },
    documents: { type: "string" },
    exchanges: { type: "string" },
    seed: { type: "string" },
  },
});
const seed = values.seed === undefined ? randomInt(SEED_END) : whole(values.seed, 0);
const tallies = await (values.documents !== undefined
  ? byCount(DOCUMENTS, values.documents)
  : values.exchanges !== undefined
    ? byCount(EXCHANGES, values.exchanges)
    : values.frames !== undefined
      ? byFrames(values.frames)
      : bySeconds());
for (const { target, runs, frames, ms, failed } of tallies) {
  const rate = Math.round(runs / (ms / 1_000));
  const read = target.readsFrames ? `, ${frames} frames` : "";
  console.log(`${target.name}: ${runs} runs${read}, ${rate} runs/s, ${failed ? "FAILED" : "ok"}`);
}
process.exitCode = tallies.some(({ failed }) => failed) ? 1 : 0;

async function bySeconds(): Promise<Tally[]> {
  const seconds = whole(values.seconds ?? SECONDS, 1);
  console.log(`seed ${seed}, ${seconds} s, ${CORPUS_TEXTS.length} messages to mutate`);
  const deadline = performance.now() + seconds * 1_000;
  return await fuzz(TARGETS, seed, () => performance.now() >= deadline);
}

async function byFrames(text: string): Promise<Tally[]> {
  const count = whole(text, 1);
  console.log(`seed ${seed}, ${count} frames to each`);
  const targets = TARGETS.filter(({ readsFrames }) => readsFrames);
  return await fuzz(targets, seed, ({ frames }) => frames >= count);
}

/** The first fifth warms up: from then on the heap must stay as it is. */
async function byCount(target: FuzzTarget, text: string): Promise<Tally[]> {
  const count = whole(text, 1);
  console.log(`seed ${seed}, ${count} runs of ${target.name}`);
  let warmBytes: number | undefined;
  const tallies = await fuzz([target], seed, ({ runs }) => {
    if (runs >= count / 5) warmBytes ??= heapBytes();
    return runs >= count;
  });
  const grownBytes = heapBytes() - (warmBytes ?? 0);
  console.log(`heap grown by ${Math.round(grownBytes / 1_024)} KiB since the first fifth`);
  return tallies.map((tally) => ({
    ...tally,
    failed: tally.failed || grownBytes > HEAP_GROWN_MAX,
  }));
}

/** What is in use after everything that is not has been collected. */
function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
