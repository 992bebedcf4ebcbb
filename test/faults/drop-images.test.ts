/** The power fails while files are taken from folders: each is sent once, kept once, and none is half (T-I04). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { recorderMissing } from "#test/rigs/recorder.ts";
import { cutDropPower } from "./drop-images/drop-images.ts";
import { IN_STEPS } from "./drop-images/in-steps.ts";
import { PlantedCopy } from "./planted-copy.ts";

const SEED = 1;
const POINTS = 30;
const MODEL_COUNT = 5;
const IMAGES = POINTS * MODEL_COUNT;

test(`[T-I04, T-M03, P1, P17, P24, P25, P26, P27] no image of ${IMAGES} of store and drop folders violates an oracle, seed ${SEED}`, {
  skip: recorderMissing(),
}, async () => {
  using copy = new PlantedCopy(IN_STEPS);
  const cut = { seed: SEED, points: POINTS, root: copy.root };
  const { images, bad, violations } = await cutDropPower(cut);
  assert.equal(bad, 0, violations);
  assert.equal(images, IMAGES);
});
