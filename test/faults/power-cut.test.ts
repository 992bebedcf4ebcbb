/** The power fails at any moment under load: nothing acknowledged is lost, whatever the disk kept. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { recorderMissing } from "#test/rigs/recorder.ts";
import { ACKNOWLEDGE_BEFORE_COMMIT, SYNCHRONOUS_NORMAL } from "./defects.ts";
import { PlantedCopy } from "./planted-copy.ts";
import { cutPower } from "./power-cut/power-cut.ts";

const SEED = 7;
const MODELS = ["none", "all", "prefix", "page", "torn"];

describe("rig A", { skip: recorderMissing() }, () => {
  test(`[T-S01, A1, I-1, S13] no image of 3,000 after a power cut violates an oracle, seed ${SEED}`, async () => {
    const { models, images, bad, output } = await cutPower({
      ...{ seed: SEED, messages: 7, points: 600 },
    });
    assert.equal(bad, 0, output);
    assert.equal(images, 3_000);
    assert.deepEqual(Object.keys(models), MODELS);
  });

  for (const [id, what, edits] of [
    ["T-M01", "synchronous=NORMAL", SYNCHRONOUS_NORMAL],
    ["T-M02", "a reply before COMMIT", ACKNOWLEDGE_BEFORE_COMMIT],
  ] as const) {
    test(`[${id}] the same rig finds acknowledged messages lost where ${what} is planted`, async () => {
      using copy = new PlantedCopy(edits);
      const { bad, output } = await cutPower({
        ...{ seed: SEED, messages: 6, points: 100, models: ["none", "prefix"], root: copy.root },
      });
      assert.ok(bad > 0, output);
      assert.match(output, /conservation: S7\.[^ ]* has AA, is lost/);
    });
  }
});
