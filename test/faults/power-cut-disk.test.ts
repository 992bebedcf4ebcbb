/** The same power cuts on real file systems: each image is mounted, so that their own recovery runs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DISKS, diskRigMissing } from "#test/rigs/disk-recorder.ts";
import { ACKNOWLEDGE_BEFORE_COMMIT } from "./defects.ts";
import { PlantedCopy } from "./planted-copy.ts";
import { cutDiskPower } from "./power-cut/power-cut.ts";

const SEED = 5;
/** Moments of the cut; each gives one image of each of five models. */
const POINTS = { ext4: 8, xfs: 4 } as const;
const MODEL_COUNT = 5;

for (const name of ["ext4", "xfs"] as const) {
  const images = POINTS[name] * MODEL_COUNT;
  const title = `[T-S02, A1, I-1] no image of ${images} on ${name} after a power cut violates an oracle, seed ${SEED}`;
  test(title, { skip: diskRigMissing(name) }, async () => {
    const replayed = await cutDiskPower({
      ...{ seed: SEED, messages: 4, points: POINTS[name], disk: DISKS[name] },
    });
    assert.equal(replayed.bad, 0, replayed.violations);
    assert.equal(replayed.images, images);
  });
}

const missing = diskRigMissing("ext4");
test("[T-M02] the same rig finds acknowledged messages lost where a reply before COMMIT is planted", {
  skip: missing,
}, async () => {
  using copy = new PlantedCopy(ACKNOWLEDGE_BEFORE_COMMIT);
  const { bad, violations } = await cutDiskPower({
    ...{ seed: SEED, messages: 4, points: 15, models: ["none"], root: copy.root },
    disk: DISKS.ext4,
  });
  assert.ok(bad > 0);
  assert.match(violations, /conservation: S5\.[^ ]* has AA, is lost/);
});
