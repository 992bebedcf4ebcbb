/** Code that does not belong there, in the executable (08 H03): what Node and the kernel refuse, and what our source never asks for. */
import assert from "node:assert/strict";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BuiltExecutable, canRun } from "#test/support/built-executable.ts";
import type { Attempts } from "./hostile/attempts.ts";

const HERE = "test/installer/hostile";
const PROGRAM = {
  ...{ name: "hostile", title: "Hostile", main: `${HERE}/main.ts`, threads: [`${HERE}/thread.ts`] },
  ...{ addOns: ["koffi"] as const, files: [] },
};
const skip = canRun ? false : "the executable of Linux x64 does not run here";

test("[T-K05] [H03] in the main thread and in others: no code from text, no shell, nothing that was dropped; our own program starts", {
  skip,
}, async (t) => {
  using built = await BuiltExecutable.build(PROGRAM);
  const folder = mkdtempSync(join(tmpdir(), "holdfast-hostile-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const dropped = join(folder, "dropped");
  writeFileSync(dropped, "#!/bin/true\n", { mode: 0o755 });
  const { out, status } = built.command([dropped]);
  assert.equal(status, 0, out);
  const { isKept, main, thread } = JSON.parse(out) as {
    readonly isKept: boolean;
    readonly main: Attempts;
    readonly thread: Attempts;
  };
  const refused = { eval: "EvalError", function: "EvalError", asyncFunction: "EvalError" };
  for (const [where, found] of Object.entries({ main, thread })) {
    const { shell, dropped: planted, own, proto, ...code } = found;
    assert.deepEqual(code, refused, where);
    assert.notEqual(proto, "done", where);
    assert.equal(own, "done", where);
    if (isKept) assert.deepEqual([shell, planted], ["EACCES", "EACCES"], where);
  }
  if (!isKept) t.skip("not tested: programs; this kernel has no Landlock (Linux 5.13)");
});

test("[H03] no source of a program asks for an inspector, a prompt or WASI; machines and threads have one place each", () => {
  const sources = globSync(
    "{agent,certs,config,defects,documents,packaged,pages,protocol,receiver,reconcile,releases,streams}/**/*.ts",
  );
  const threads: string[] = [];
  const machines: string[] = [];
  for (const file of sources) {
    const text = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "");
    assert.doesNotMatch(text, /"node:(?:inspector|repl|wasi)(?:\/|")/, file);
    if (/"node:vm"/.test(text)) machines.push(file);
    assert.doesNotMatch(text, /\beval\(|new Function\(|\bprocess\.binding\b/, file);
    if (/new Worker\(/.test(text)) threads.push(file);
  }
  // For the time limit of a pattern (04 P4): its script is a constant.
  assert.deepEqual(machines, ["agent/folders/name-pattern.ts"]);
  assert.deepEqual(threads, ["packaged/own-thread.ts"]);
});
