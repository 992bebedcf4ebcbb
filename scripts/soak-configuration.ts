/** Power cuts while signed configurations come into force, at every write; part of `npm run soak`. @module */
import { join } from "node:path";
import { cutConfigurationPower } from "#test/faults/configuration-power-cut/configuration-power-cut.ts";
import { recorderMissing } from "#test/rigs/recorder.ts";

const ROOT = join(import.meta.dirname, "..");
const MODEL_COUNT = 5;

/** @returns images that violate an oracle */
export async function soakConfigurations(
  images: number,
  seeds: readonly number[],
): Promise<number> {
  const missing = recorderMissing();
  if (missing !== false) throw new Error(missing);
  const points = Math.ceil(images / seeds.length / MODEL_COUNT);
  let bad = 0;
  for (const seed of seeds) {
    const replayed = await cutConfigurationPower(ROOT, { points, seed });
    console.log(`seed ${seed}  ${replayed.images} images, ${replayed.bad} violated`);
    if (replayed.bad > 0) console.log(replayed.violations);
    bad += replayed.bad;
  }
  return bad;
}
