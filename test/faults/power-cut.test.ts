/** The power fails at any moment under load: nothing acknowledged is lost, whatever the disk kept. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { recorderMissing } from "#test/rigs/recorder.ts";
import { ACKNOWLEDGE_BEFORE_COMMIT, SYNCHRONOUS_NORMAL } from "./defects.ts";
import { type Edit, PlantedCopy } from "./planted-copy.ts";
import { cutPower } from "./power-cut/power-cut.ts";

/** Moments of the cut, over the whole recording; each gives five images. `npm run soak` judges 20,000. */
const POINTS = 120;
const SEED = 7;
const MODELS = ["none", "all", "prefix", "page", "torn"];

describe("rig A", { skip: recorderMissing() }, () => {
  test(`[T-S01, T-S07, T-S13, A1, I-1] no image of 600 after a power cut violates an oracle (row 37), seed ${SEED}`, async () => {
    const { models, images, bad, violations } = await cutPower({
      ...{ seed: SEED, messages: 7, points: POINTS },
    });
    assert.equal(bad, 0, violations);
    assert.equal(images, 600);
    assert.deepEqual(Object.keys(models), MODELS);
  });

  const findsLosses = async (edits: readonly Edit[]): Promise<void> => {
    using copy = new PlantedCopy(edits);
    const { bad, violations } = await cutPower({
      ...{ seed: SEED, messages: 6, points: 24, models: ["none", "prefix"], root: copy.root },
    });
    assert.ok(bad > 0);
    assert.match(violations, /conservation: S7\.[^ ]* has AA, is lost/);
  };

  test("[T-M01] the same rig finds acknowledged messages lost where synchronous=NORMAL is planted", () =>
    findsLosses(SYNCHRONOUS_NORMAL));

  test("[T-M02] the same rig finds acknowledged messages lost where a reply before COMMIT is planted", () =>
    findsLosses(ACKNOWLEDGE_BEFORE_COMMIT));
});
