/**
 * `npm run soak`: the long forms of the fault tests. Exit 1 on any violation.
 *
 *   npm run soak                                    power cuts: 20,000 images over the seeds 1, 2, 3
 *   npm run soak -- --images 20000 --seeds 1,2,3
 *   npm run soak -- --kill-rounds 200 [--seeds 1]   kill -9 of agent or receiver, so many rounds a seed
 *
 * A seed that is printed with a violation repeats it; the first bad image is kept in `build/soak`.
 *
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { killRounds } from "#test/faults/kill-rounds/kill-rounds.ts";
import { type Edit, PlantedCopy } from "#test/faults/planted-copy.ts";
import { cutPower } from "#test/faults/power-cut/power-cut.ts";
import { recorderMissing } from "#test/rigs/recorder.ts";

const ROOT = join(import.meta.dirname, "..");
const EXIT_USAGE = 64;
const MODEL_COUNT = 5;
/** Of each of eight connections in each of three phases. */
const POWER_CUT_MESSAGES = 12;
/** Under load the log wraps around every few commits instead of every few hundred. */
const CHECKPOINT_OFTEN: readonly Edit[] = [
  {
    file: "agent/limits.ts",
    search: "WAL_CHECKPOINT_PAGES = 1_000;",
    replacement: "WAL_CHECKPOINT_PAGES = 100;",
  },
];
/** 200 rounds leave some 20,000 messages. */
const KILL_THINK_MS = 60;

/** Each seed twice: as the agent is, and with frequent checkpoints. @returns images that violate an oracle */
async function soakPowerCuts(images: number, seeds: readonly number[]): Promise<number> {
  const missing = recorderMissing();
  if (missing !== false) throw new Error(missing);
  using often = new PlantedCopy(CHECKPOINT_OFTEN);
  const trees = [
    ["as it is", ROOT],
    ["checkpoints often", often.root],
  ] as const;
  const points = Math.ceil(images / seeds.length / trees.length / MODEL_COUNT);
  let total = 0;
  let bad = 0;
  for (const seed of seeds) {
    for (const [name, root] of trees) {
      const keep = join(ROOT, "build/soak", `seed-${seed}-${name.replaceAll(" ", "-")}`);
      const replayed = await cutPower({ seed, messages: POWER_CUT_MESSAGES, points, root, keep });
      for (const [model, counts] of Object.entries(replayed.models)) {
        const result = `${counts.images} images, ${counts.bad} violated`;
        console.log(`seed ${seed}  ${name.padEnd(18)} ${model.padEnd(7)} ${result}`);
      }
      if (replayed.bad > 0) console.log(replayed.violations);
      total += replayed.images;
      bad += replayed.bad;
    }
  }
  console.log(`power cuts: ${total} images, ${bad} violated`);
  return bad;
}

/** @returns reasons why an oracle does not hold */
async function soakKills(rounds: number, seeds: readonly number[]): Promise<number> {
  let bad = 0;
  for (const seed of seeds) {
    const { acknowledged, agentKills, receiverKills, resends, reasons } = await killRounds({
      ...{ seed, rounds, thinkMs: KILL_THINK_MS },
    });
    console.log(
      `seed ${seed}  ${agentKills} kills of the agent, ${receiverKills} of the receiver: ` +
        `${acknowledged} acknowledged, ${resends} sent again, ${reasons.length} violations`,
    );
    for (const reason of reasons.slice(0, 20)) console.log(`  ${reason}`);
    bad += reasons.length;
  }
  return bad;
}

function whole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  console.error(`soak: ${text} is no whole number above 0`);
  process.exit(EXIT_USAGE);
}

const { values } = parseArgs({
  options: {
    images: { type: "string" },
    "kill-rounds": { type: "string" },
    seeds: { type: "string" },
  },
});
const rounds = values["kill-rounds"];
const seeds = (values.seeds ?? (rounds === undefined ? "1,2,3" : "1")).split(",").map(whole);
let violations = 0;
if (rounds === undefined || values.images !== undefined) {
  violations += await soakPowerCuts(whole(values.images ?? "20000"), seeds);
}
if (rounds !== undefined) violations += await soakKills(whole(rounds), seeds);
process.exitCode = violations === 0 ? 0 : 1;
