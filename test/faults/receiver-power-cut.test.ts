/** The receiver's power fails right after an answer: what it said is stored, is stored. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { recorderMissing } from "#test/rigs/recorder.ts";
import { RECEIVER_ANSWERS_BEFORE_COMMIT } from "./defects.ts";
import { PlantedCopy } from "./planted-copy.ts";
import { cutReceiverPower } from "./receiver-power-cut/receiver-power-cut.ts";

const ROOT = join(import.meta.dirname, "../..");

describe("rig A", { skip: recorderMissing() }, () => {
  test("[T-C01, RI7] no image of 450 after a power cut of the receiver violates an oracle", async () => {
    const { images, bad, violations } = await cutReceiverPower(ROOT, { calls: 6, points: 90 });
    assert.equal(bad, 0, violations);
    assert.equal(images, 450);
  });

  test("[T-C01] the same rig finds messages lost where an answer before COMMIT is planted", async () => {
    using copy = new PlantedCopy(RECEIVER_ANSWERS_BEFORE_COMMIT);
    const cut = { calls: 4, points: 40, models: ["none", "prefix"] };
    const { bad, violations } = await cutReceiverPower(copy.root, cut);
    assert.ok(bad > 0, violations);
    assert.match(violations, /conservation: ACK/);
  });
});
