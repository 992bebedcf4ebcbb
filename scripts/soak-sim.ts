/**
 * `npm run soak:sim`: the long form of the simulation (06 TP41). Exit 1 at a violation.
 *
 *   npm run soak:sim                                       1,000,000 schedules from seed 1
 *   npm run soak:sim -- --schedules 1000000 --seed 1
 *   npm run soak:sim -- --schedules 1 --seed 4711 --trace  one schedule, with everything that happens in it
 *
 * Each schedule has a seed of its own, one more than the one before; a seed that is printed repeats it.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { ReceiverDatabase } from "#test/simulation/receiver-database.ts";
import { type Outcome, runSchedule } from "#test/simulation/schedule.ts";

const EXIT_USAGE = 64;
const SCHEDULES = "1000000";
const PROGRESS_MS = 10_000;
/** Seeds are 32 bits wide. */
const SEED_END = 2 ** 32;

function whole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value < SEED_END) return value;
  console.error(`soak-sim: ${text} is no whole number from 1 on`);
  process.exit(EXIT_USAGE);
}

function show({ seed, violations, digest }: Outcome): void {
  for (const violation of violations) console.log(`seed ${seed}: ${violation}`);
  console.log(
    `seed ${seed}: trace ${digest}; repeat: npm run soak:sim -- --schedules 1 --seed ${seed} --trace`,
  );
}

const { values } = parseArgs({
  options: {
    schedules: { type: "string", default: SCHEDULES },
    seed: { type: "string", default: "1" },
    trace: { type: "boolean", default: false },
  },
});
const schedules = whole(values.schedules);
const first = whole(values.seed);
const start = performance.now();
let shownMs = start;
let done = 0;
let messages = 0;
let bad = 0;
const counts = new Map<string, number>();
using database = new ReceiverDatabase();
for (let seed = first; seed < first + schedules && bad === 0; seed++) {
  const outcome = await runSchedule(seed, database, values.trace);
  done += 1;
  messages += outcome.messageCount;
  for (const line of outcome.lines) console.log(line);
  for (const [what, count] of outcome.counts) counts.set(what, (counts.get(what) ?? 0) + count);
  if (outcome.violations.length > 0) {
    bad += 1;
    show(outcome);
  }
  if (performance.now() - shownMs < PROGRESS_MS) continue;
  shownMs = performance.now();
  console.log(`${done} of ${schedules} schedules, ${messages} messages, seed ${seed}`);
}
const seconds = Math.round((performance.now() - start) / 1_000);
for (const [what, count] of [...counts].sort()) console.log(`${String(count).padStart(9)} ${what}`);
console.log(`${done} schedules, ${messages} messages, ${seconds} s, ${bad} violated`);
process.exitCode = bad > 0 ? 1 : 0;
