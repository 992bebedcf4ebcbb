/** The long forms of what may go wrong with files in folders; part of `npm run soak`. @module */
import { join } from "node:path";
import { cutDropPower } from "#test/faults/drop-images/drop-images.ts";
import { IN_STEPS } from "#test/faults/drop-images/in-steps.ts";
import { dropKills } from "#test/faults/drop-kill/drop-kill.ts";
import { runDropWriters } from "#test/faults/drop-writers/drop-writers.ts";
import { KIND_NAMES } from "#test/faults/drop-writers/kinds.ts";
import { PlantedCopy } from "#test/faults/planted-copy.ts";
import { recorderMissing } from "#test/rigs/recorder.ts";

const ROOT = join(import.meta.dirname, "..");
const MODEL_COUNT = 5;
const SHOWN_REASONS = 20;
const WRITERS = { atOnce: 60, stableMs: 2_000 };
/** Files between two kills of the agent. */
const FILES_A_KILL = 100;

/** Each seed twice: as the agent is, and with files in several steps. @returns images that violate an oracle */
export async function soakDropImages(images: number, seeds: readonly number[]): Promise<number> {
  const missing = recorderMissing();
  if (missing !== false) throw new Error(missing);
  using inSteps = new PlantedCopy(IN_STEPS);
  const trees = [
    ["as it is", ROOT],
    ["in steps", inSteps.root],
  ] as const;
  const points = Math.ceil(images / seeds.length / trees.length / MODEL_COUNT);
  let total = 0;
  let bad = 0;
  for (const seed of seeds) {
    for (const [name, root] of trees) {
      const keep = join(ROOT, "build/soak", `seed-${seed}-drop-${name.replaceAll(" ", "-")}`);
      const replayed = await cutDropPower({ seed, points, root, keep });
      for (const [model, counts] of Object.entries(replayed.models)) {
        const result = `${counts.images} images, ${counts.bad} violated`;
        console.log(`seed ${seed}  ${name}  ${model.padEnd(7)} ${result}`);
      }
      if (replayed.bad > 0) console.log(replayed.violations);
      total += replayed.images;
      bad += replayed.bad;
    }
  }
  console.log(`power cuts, drop folders: ${total} images, ${bad} violated`);
  return bad;
}

/** @returns what does not hold */
export async function soakDropWriters(files: number, seeds: readonly number[]): Promise<number> {
  let bad = 0;
  for (const seed of seeds) {
    const count = Math.ceil(files / KIND_NAMES.length);
    const { dropped, taken, stalled, lateWrites, reasons } = await runDropWriters({
      ...{ ...WRITERS, seed, count },
    });
    console.log(
      `seed ${seed}  ${dropped} files of ${KIND_NAMES.length} kinds of writers: ${taken} taken, ` +
        `${stalled.length} writers held up, ${lateWrites} late writes, ${reasons.length} violations`,
    );
    for (const reason of reasons.slice(0, SHOWN_REASONS)) console.log(`  ${reason}`);
    bad += reasons.length;
  }
  return bad;
}

/** @returns what does not hold */
export async function soakDropKills(files: number, seeds: readonly number[]): Promise<number> {
  let bad = 0;
  for (const seed of seeds) {
    const kills = Math.ceil(files / FILES_A_KILL);
    const { messages, caught, reasons } = await dropKills({ seed, files, kills });
    console.log(
      `seed ${seed}  ${kills} kills of the agent while ${files} files are dropped: ${messages} ` +
        `messages, ${caught} files at work when it was killed, ${reasons.length} violations`,
    );
    for (const reason of reasons.slice(0, SHOWN_REASONS)) console.log(`  ${reason}`);
    bad += reasons.length;
  }
  return bad;
}
