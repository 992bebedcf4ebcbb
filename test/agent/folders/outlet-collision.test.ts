/** A name that is taken (04 P56). @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  COLLIDED,
  MESSAGE,
  outletProgram,
  suffixOf,
  TargetFolder,
  WRITTEN,
  writeWhole,
} from "#test/support/target-folder.ts";

describe("a name that is taken", () => {
  const cases = [
    ["suffix", COLLIDED, [`order_3-7.hl7=old`, `order_3-7${suffixOf()}.hl7=${MESSAGE}`]],
    ["hold", { outcome: "nameTaken" }, ["order_3-7.hl7=old"]],
    ["overwrite", WRITTEN, [`order_3-7.hl7=${MESSAGE}`]],
  ] as const;
  for (const [onCollision, answer, files] of cases) {
    test(`[P56] onCollision ${onCollision}`, () => {
      using target = new TargetFolder();
      writeFileSync(target.path("order_3-7.hl7"), "old");
      assert.deepEqual(writeWhole(target.open({ onCollision }), MESSAGE), answer);
      assert.deepEqual(target.files, files);
    });
  }

  test("[P56] with suffix every further one gets a counter; none is ever replaced", () => {
    using target = new TargetFolder();
    const outlet = target.open();
    for (let key = 1; key <= 4; key++) {
      assert.equal(
        writeWhole(outlet, MESSAGE, { key, name: "x.hl7", id: undefined }).outcome,
        "written",
      );
    }
    assert.deepEqual(target.names, [
      "x.hl7",
      ...["", "_2", "_3"].map((count) => `x${suffixOf()}${count}.hl7`),
    ]);
  });

  for (const onCollision of ["suffix", "hold"] as const) {
    test(`[P56, P27] a file of that name that comes in the last moment is not replaced: ${onCollision}`, () => {
      using target = new TargetFolder();
      const outlet = target.open({ onCollision }, (step) => {
        if (step === "flush") writeFileSync(target.path("order_3-7.hl7"), "theirs");
      });
      const { outcome } = writeWhole(outlet, MESSAGE);
      assert.equal(outcome, onCollision === "hold" ? "nameTaken" : "written");
      assert.equal(target.files[0], "order_3-7.hl7=theirs");
      assert.equal(target.names.length, onCollision === "hold" ? 1 : 2);
    });
  }

  test("[P56] a control file that lies there takes the name, too: it would speak before the data is there", () => {
    using target = new TargetFolder();
    writeFileSync(target.path("order_3-7.hl7.ok"), "");
    const outlet = target.open({ controlSuffix: ".ok" });
    assert.deepEqual(writeWhole(outlet, MESSAGE), COLLIDED);
    const name = `order_3-7${suffixOf()}.hl7`;
    assert.deepEqual(target.names, ["order_3-7.hl7.ok", name, `${name}.ok`]);
  });

  test("[P56, P-A20] names that differ by case alone are two files, or a collision, as the file system has it", () => {
    using target = new TargetFolder();
    const outlet = target.open();
    writeWhole(outlet, "a", { key: 1, name: "X.hl7", id: undefined });
    writeWhole(outlet, "b", { key: 2, name: "x.hl7", id: undefined });
    assert.equal(target.names.length, 2);
    assert.deepEqual(target.files.map((file) => file.slice(-1)).sort(), ["a", "b"]);
  });

  test("[P56] where there are no links a name is looked for, and no empty file is ever made for it", (t) => {
    if (spawnSync("strace", ["-V"]).status !== 0) {
      return t.skip("not tested: a file system without links; there is no strace");
    }
    using target = new TargetFolder();
    const log = join(target.root, "calls");
    const lines = `
      writeWhole(outlet, MESSAGE);
      writeWhole(outlet, "B", { key: 43, id: "3-8" });`;
    const program = outletProgram(target.settings({ controlSuffix: ".ok" }), lines);
    const rules = ["-e", "trace=link,linkat,openat", "-e", "inject=link,linkat:error=EPERM"];
    const traced = ["-f", "-o", log, ...rules, ...program];
    // Compiled code that is kept would be among the files that it makes.
    const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1" };
    const { status, stderr } = spawnSync("strace", traced, { encoding: "utf8", env });
    assert.equal(status, 0, stderr);
    const calls = readFileSync(log, "utf8").split("\n");
    assert.equal(calls.filter((line) => line.includes("EPERM")).length, 2);
    const made = calls
      .filter((line) => line.includes("O_CREAT"))
      .map((line) => /"[^"]*"/.exec(line)?.[0]);
    assert.ok(
      made.every((name) => /\.(?:tmp|ok)"$/.test(name ?? "")),
      made.join(),
    );
    const second = `order_3-7${suffixOf("B")}.hl7`;
    assert.deepEqual(target.files, [
      ...[`order_3-7.hl7=${MESSAGE}`, "order_3-7.hl7.ok=", `${second}=B`, `${second}.ok=`],
    ]);
  });
});
