/** The same commit gives the same bytes, anywhere (09 PK13; 08 H10). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PlantedCopy } from "#test/faults/planted-copy.ts";
import { BuiltExecutable, canRun } from "#test/support/built-executable.ts";

const skip = canRun ? false : "two builds of the executable are not compared here";
const digestOf = (file: string): string =>
  createHash("sha256").update(readFileSync(file)).digest("hex");

test("[T-K09] [PK13] [H10] two builds of one tree, in different folders and in different years, are equal", {
  skip,
}, async () => {
  using built = await BuiltExecutable.build();
  using copy = new PlantedCopy();
  const dated = ["faketime", "2031-03-04 05:06:07", process.execPath];
  const [program = "", ...args] = [...dated, join(copy.root, "installer/main.ts")];
  const { status, stderr } = spawnSync(program, args, { cwd: copy.root, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.equal(digestOf(join(copy.root, "dist/holdfast")), digestOf(built.file));
});

test("[PK1] another Node than the chosen one is not built with", { skip }, () => {
  using copy = new PlantedCopy([
    { file: "installer/runtime.json", search: '"sha256": "7', replacement: '"sha256": "8' },
  ]);
  rmSync(join(copy.root, "dist"), { recursive: true, force: true });
  const run = [process.execPath, join(copy.root, "installer/main.ts")] as const;
  const { status, stderr } = spawnSync(run[0], [run[1]], { cwd: copy.root, encoding: "utf8" });
  assert.notEqual(status, 0);
  assert.match(stderr, /bin\/node: SHA-256 is 7fde7b8a\w+, not 8fde7b8a/);
});
