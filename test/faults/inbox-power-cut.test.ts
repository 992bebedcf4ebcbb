/** The power fails while messages come down and are delivered: what the inbox said is so. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { recorderMissing } from "#test/rigs/recorder.ts";
import { ACKNOWLEDGE_BEFORE_COMMIT } from "./defects.ts";
import { cutInboxPower } from "./inbox-power-cut/inbox-power-cut.ts";
import { PlantedCopy } from "./planted-copy.ts";

const ROOT = join(import.meta.dirname, "../..");

describe("rig A", { skip: recorderMissing() }, () => {
  test("[T-S01, O1, O10, RI7] no image of 300 after a power cut of the inbox violates an oracle", async () => {
    const { images, bad, violations } = await cutInboxPower(ROOT, { calls: 6, points: 60 });
    assert.equal(bad, 0, violations);
    assert.equal(images, 300);
  });

  test("[T-M02] the same rig finds messages and claims lost where an answer before COMMIT is planted", async () => {
    using copy = new PlantedCopy(ACKNOWLEDGE_BEFORE_COMMIT);
    const cut = { calls: 4, points: 40, models: ["none", "prefix"] };
    const { bad, violations } = await cutInboxPower(copy.root, cut);
    assert.ok(bad > 0, violations);
    assert.match(violations, /conservation: (?:ACK|CLAIM|SETTLED)/);
  });
});
