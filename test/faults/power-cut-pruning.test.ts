/** The power fails while bodies are pruned, the log is checkpointed and a backup is made. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { recorderMissing } from "#test/rigs/recorder.ts";
import { PlantedCopy } from "./planted-copy.ts";
import { CHECKPOINT_OFTEN, PRUNE_OFTEN } from "./power-cut/often.ts";
import { cutPower } from "./power-cut/power-cut.ts";

const SEED = 3;

describe("rig A", { skip: recorderMissing() }, () => {
  test(`[T-S12, S14, I-4] no image of 200 violates an oracle: nothing is pruned that no receiver has, seed ${SEED}`, async () => {
    using often = new PlantedCopy([...PRUNE_OFTEN, ...CHECKPOINT_OFTEN]);
    const { images, bad, violations } = await cutPower({
      ...{ seed: SEED, messages: 8, points: 40, workload: "pruning", root: often.root },
    });
    assert.equal(bad, 0, violations);
    assert.equal(images, 200);
  });
});
