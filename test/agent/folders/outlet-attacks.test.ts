/** A target folder that others may write to, or put something else in the place of (04 sections 11 and 12). @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  COLLIDED,
  faultOf,
  MESSAGE,
  TargetFolder,
  WRITTEN,
  writeWhole,
} from "#test/support/target-folder.ts";

describe("a folder that others may write to", () => {
  for (const onCollision of ["suffix", "overwrite"] as const) {
    test(`[P-A1, P53] a link under the final name is never written through: ${onCollision}`, () => {
      using target = new TargetFolder();
      const secret = join(target.root, "secret");
      writeFileSync(secret, "untouched");
      symlinkSync(secret, target.path("order_3-7.hl7"));
      writeWhole(target.open({ onCollision }), MESSAGE);
      assert.equal(readFileSync(secret, "latin1"), "untouched");
    });
  }

  test("[P-A1, P53] a link, a folder or a pipe under the temporary name is not written through, and holds nothing up", () => {
    using target = new TargetFolder();
    const secret = join(target.root, "secret");
    writeFileSync(secret, "untouched");
    const outlet = target.open();
    symlinkSync(secret, target.path("holdfast_orders_42.tmp"));
    assert.deepEqual(writeWhole(outlet, MESSAGE), WRITTEN);
    assert.equal(readFileSync(secret, "latin1"), "untouched");
    mkdirSync(target.path("holdfast_orders_43.tmp"));
    assert.deepEqual(writeWhole(outlet, "B", { key: 43, name: "b_3-8", id: "3-8" }), WRITTEN);
    spawnSync("mkfifo", [target.path("holdfast_orders_44.tmp")]);
    assert.deepEqual(writeWhole(outlet, "C", { key: 44, name: "c_3-9", id: "3-9" }), WRITTEN);
    assert.deepEqual(target.names, ["b_3-8", "c_3-9", "holdfast_orders_43.tmp", "order_3-7.hl7"]);
  });

  test("[P-A6, P57] a pipe under the final name is not opened to wait for it", () => {
    using target = new TargetFolder();
    spawnSync("mkfifo", [target.path("order_3-7.hl7")]);
    assert.deepEqual(writeWhole(target.open(), MESSAGE), COLLIDED);
  });

  test("[P-A15] a name that leads elsewhere is not written under, whoever made it", () => {
    using target = new TargetFolder();
    const outlet = target.open();
    for (const name of ["../x", "a/b", "..", ".x", "a\\b", "a\0b", "", "x."]) {
      assert.throws(() => writeWhole(outlet, MESSAGE, { name }), RangeError, JSON.stringify(name));
    }
    assert.deepEqual(readdirSync(target.root), ["out"]);
    assert.deepEqual(target.names, []);
  });

  test("[P-A3, P47] a folder that was replaced by a link is not written to, nor read", () => {
    using target = new TargetFolder();
    const outlet = target.open();
    const elsewhere = join(target.root, "elsewhere");
    mkdirSync(elsewhere);
    renameSync(target.folder, join(target.root, "moved"));
    symlinkSync(elsewhere, target.folder);
    assert.equal(
      faultOf(() => writeWhole(outlet, MESSAGE)),
      "FOLDER_MOVED folder=target what=path",
    );
    assert.equal(
      faultOf(() => outlet.look()),
      "FOLDER_MOVED folder=target what=path",
    );
    assert.equal(
      faultOf(() => outlet.uncollected(0)),
      "FOLDER_MOVED folder=target what=path",
    );
    assert.deepEqual(readdirSync(elsewhere), []);
    // A new worker is told where it was.
    const { mark } = outlet.standing;
    assert.equal(
      faultOf(() => target.open({ mark })),
      "FOLDER_MOVED folder=target what=path",
    );
    rmSync(target.folder);
    renameSync(join(target.root, "moved"), target.folder);
    assert.deepEqual(writeWhole(target.open({ mark }), MESSAGE), WRITTEN);
    assert.deepEqual(writeWhole(outlet, "B", { name: "b", id: undefined }), WRITTEN);
  });

  test("[P47] a folder over which something is mounted is another one", (t) => {
    using target = new TargetFolder();
    const outlet = target.open();
    const mounted = spawnSync("mount", ["-t", "tmpfs", "tmpfs", target.folder]);
    if (mounted.status !== 0) return t.skip("not tested: nothing can be mounted here");
    try {
      const fault = faultOf(() => writeWhole(outlet, MESSAGE));
      assert.equal(fault, "FOLDER_MOVED folder=target what=mount");
      assert.deepEqual(target.names, []);
    } finally {
      spawnSync("umount", ["-l", target.folder]);
    }
    assert.deepEqual(writeWhole(outlet, MESSAGE), WRITTEN);
  });

  test("[P47] without its sentinel nothing is written; with it, it is", () => {
    using target = new TargetFolder();
    const sentinelFile = target.path("mounted");
    assert.equal(
      faultOf(() => target.open({ sentinelFile })),
      "FOLDER_MOVED folder=target what=sentinel",
    );
    writeFileSync(sentinelFile, "");
    const outlet = target.open({ sentinelFile });
    rmSync(sentinelFile);
    assert.equal(
      faultOf(() => writeWhole(outlet, MESSAGE)),
      "FOLDER_MOVED folder=target what=sentinel",
    );
    writeFileSync(sentinelFile, "");
    assert.deepEqual(writeWhole(outlet, MESSAGE), WRITTEN);
  });

  test("[P47] a folder that is not there is not made", () => {
    using target = new TargetFolder();
    const folder = join(target.root, "missing");
    const sentFolder = join(target.root, "sent");
    assert.match(
      faultOf(() => target.open({ folder, sentFolder })),
      /^FOLDER_FAILED .*sysCode=ENOENT/,
    );
    assert.deepEqual(readdirSync(target.root), ["out"]);
  });
});
