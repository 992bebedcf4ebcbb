/** A real reader that never waits sees every file whole, or not at all (04 P53). @module */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { hash } from "node:crypto";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { TargetFolder, writeWhole } from "#test/support/target-folder.ts";

const COUNT = 500;
const SLICE_BYTES = 131_072;

/** Takes what has a final name, as fast as it can, until it has all; says what it saw. */
const READER = `
  const { createHash } = require("node:crypto");
  const { readdirSync, readFileSync, unlinkSync, existsSync } = require("node:fs");
  const [folder, count, needsControl] = process.argv.slice(1);
  const seen = { whole: 0, partial: 0, early: 0, listings: 0 };
  process.stdout.write("ready\\n");
  while (seen.whole + seen.partial < Number(count)) {
    seen.listings += 1;
    for (const name of readdirSync(folder)) {
      if (!name.endsWith(".hl7")) continue;
      if (needsControl === "yes" && !existsSync(folder + "/" + name + ".ok")) continue;
      const bytes = readFileSync(folder + "/" + name);
      const digest = createHash("sha256").update(bytes.subarray(64)).digest("hex");
      if (bytes.length > 64 && bytes.toString("latin1", 0, 64) === digest) seen.whole += 1;
      else seen.partial += 1;
      unlinkSync(folder + "/" + name);
      if (needsControl === "yes") unlinkSync(folder + "/" + name + ".ok");
    }
    for (const name of readdirSync(folder)) {
      const data = folder + "/" + name.slice(0, -3);
      if (name.endsWith(".ok") && !existsSync(data) && existsSync(folder + "/" + name)) seen.early += 1;
    }
  }
  process.stdout.write(JSON.stringify(seen));`;

/** Of many sizes; its hash stands in front. */
function contentOf(index: number): Uint8Array {
  const bytes = [1, 700, 20_000, SLICE_BYTES, 400_000][index % 5] ?? 1;
  const rest = Buffer.alloc(bytes + index, `${index} `);
  return new Uint8Array(Buffer.concat([Buffer.from(hash("sha256", rest)), rest]));
}

for (const [what, changed] of [
  ["under its name", {}],
  ["under its name, from a tempFolder, after its control file", { controlSuffix: ".ok" }],
] as const) {
  test(`[P53] of ${COUNT} files a reader that polls without pause sees none in part: ${what}`, async () => {
    using target = new TargetFolder();
    const needsControl = "controlSuffix" in changed;
    const more = needsControl ? { tempFolder: `${target.root}/temp` } : {};
    const outlet = target.open({ ...changed, ...more });
    const args = ["-e", READER, target.folder, String(COUNT), needsControl ? "yes" : "no"];
    const reader: ChildProcess = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "inherit"],
    });
    assert.ok(reader.stdout !== null);
    const ended = once(reader, "close");
    const said = text(reader.stdout);
    await once(reader.stdout, "readable");
    for (let index = 0; index < COUNT; index++) {
      const name = `x_1-${index}.hl7`;
      const file = { key: index, name, id: `1-${index}` };
      assert.equal(writeWhole(outlet, contentOf(index), file, SLICE_BYTES).outcome, "written");
      if (index % 20 === 0) await turn();
    }
    await ended;
    const seen = JSON.parse((await said).replace("ready\n", "")) as Record<string, number>;
    assert.deepEqual([seen["whole"], seen["partial"], seen["early"]], [COUNT, 0, 0]);
    assert.ok((seen["listings"] ?? 0) > COUNT / 5, `only ${seen["listings"]} listings`);
    assert.deepEqual(target.names, []);
  });
}
