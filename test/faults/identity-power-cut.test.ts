/** The power fails while an identity is made, renewed, taken over and erased: one works, always. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { recorderMissing } from "#test/rigs/recorder.ts";
import { cutIdentityPower } from "./identity-power-cut/identity-power-cut.ts";

const ROOT = join(import.meta.dirname, "../..");

describe("rig A", { skip: recorderMissing() }, () => {
  test("[I09, 07 1.2] whatever the write at which the power fails, one working identity is there, and the same request goes out", async () => {
    const { images, bad, violations } = await cutIdentityPower(ROOT, { points: "all" });
    assert.equal(bad, 0, violations);
    assert.ok(images > 500, `${images} images`);
  });
});
