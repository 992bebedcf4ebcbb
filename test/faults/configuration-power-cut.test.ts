/** The power fails while signed configurations come into force, and one is taken back. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { recorderMissing } from "#test/rigs/recorder.ts";
import { cutConfigurationPower } from "./configuration-power-cut/configuration-power-cut.ts";
import { PlantedCopy } from "./planted-copy.ts";

const ROOT = join(import.meta.dirname, "../..");

describe("rig A", { skip: recorderMissing() }, () => {
  test("[U20] of 300 images, old or new runs whole, no number goes back, and nothing freezes", async () => {
    const { images, bad, violations } = await cutConfigurationPower(ROOT, { points: 60 });
    assert.equal(bad, 0, violations);
    assert.equal(images, 300);
  });

  test("[U20] the same rig finds it where last-good is written in its place", async () => {
    using copy = new PlantedCopy([
      {
        file: "agent/marks/last-good.ts",
        search: "  replaceFile(join(folder, FILE), bundle, 0o600);",
        replacement: "  writeFileSync(join(folder, FILE), bundle);",
      },
      {
        file: "agent/marks/last-good.ts",
        search: "openSync, readSync }",
        replacement: "openSync, readSync, writeFileSync }",
      },
    ]);
    const { bad, violations } = await cutConfigurationPower(copy.root, { points: 25 });
    assert.ok(bad > 0, violations);
    assert.match(violations, /last-good is not whole|nothing can be run/);
  });
});
