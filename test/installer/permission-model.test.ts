/** Why the executable is built without Node's permission model (09 PK4 `--permission`, PK5): see ARCHITECTURE.md, Decisions. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BAKED_FLAGS } from "#installer/blob.ts";

test("[09 1.3] the pinned Node refuses fsync under its permission model, whatever is allowed: the day it does not, bake it in", () => {
  assert.ok(!BAKED_FLAGS.some((flag) => flag.startsWith("--permission")));
  const folder = mkdtempSync(join(tmpdir(), "holdfast-permission-"));
  try {
    const script = `const fs = require("node:fs");
      const fd = fs.openSync(${JSON.stringify(join(folder, "file"))}, "w");
      try { fs.fsyncSync(fd); console.log("done"); } catch (error) { console.log(error.code); }`;
    const allowed = ["fs-read=*", "fs-write=*", "addons", "worker", "child-process"];
    const flags = ["--permission", ...allowed.map((one) => `--allow-${one}`), "--no-warnings"];
    const { stdout } = spawnSync(process.execPath, [...flags, "-e", script], { encoding: "utf8" });
    assert.equal(stdout.trim(), "ERR_ACCESS_DENIED");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
