/** The power fails while dropped files are claimed, stored and moved: what the store said of them is so. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { recorderMissing } from "#test/rigs/recorder.ts";
import { ACKNOWLEDGE_BEFORE_COMMIT } from "./defects.ts";
import { cutFilePower } from "./file-power-cut/file-power-cut.ts";
import { PlantedCopy } from "./planted-copy.ts";

const ROOT = join(import.meta.dirname, "../..");

describe("rig A", { skip: recorderMissing() }, () => {
  test("[T-S01, P17, P24] no image of 300 after a power cut has a file without its messages, or has forgotten a claim", async () => {
    const { images, bad, violations } = await cutFilePower(ROOT, { polls: 5, points: 60 });
    assert.equal(bad, 0, violations);
    assert.equal(images, 300);
  });

  test("[T-M02] the same rig finds files lost where an answer before COMMIT is planted", async () => {
    using copy = new PlantedCopy(ACKNOWLEDGE_BEFORE_COMMIT);
    const cut = { polls: 4, points: 40, models: ["none", "prefix"] };
    const { bad, violations } = await cutFilePower(copy.root, cut);
    assert.ok(bad > 0, violations);
    assert.match(violations, /conservation: (?:CLAIM|COMMIT|MOVED)/);
  });
});
