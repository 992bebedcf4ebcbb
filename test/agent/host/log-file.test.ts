/** The log of a service without a journal (09 2.1). */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openLog } from "#agent/host/log.ts";
import { LogFile } from "#agent/host/log-file.ts";

const KEPT = [
  "holdfast.1.log",
  "holdfast.2.log",
  "holdfast.3.log",
  "holdfast.4.log",
  "holdfast.log",
];

test("[09 2.1] five files of 10 MB are kept, the newest lines are in the one without a number, at once", (t) => {
  const parent = mkdtempSync(join(tmpdir(), "holdfast-log-"));
  t.after(() => rmSync(parent, { recursive: true }));
  const folder = join(parent, "logs");
  const file = new LogFile(folder);
  const log = openLog((line) => file.write(line));
  log.write("agentStarted", { pid: 1 });
  assert.match(readFileSync(join(folder, "holdfast.log"), "utf8"), /^\{.*"agentStarted".*\}\n$/);
  const long = `${"x".repeat(4 * 1024 * 1024)}\n`;
  for (let index = 0; index < 14; index++) file.write(`${index} ${long}`);
  assert.deepEqual(readdirSync(folder).sort(), KEPT);
  for (const name of KEPT) assert.ok(statSync(join(folder, name)).size <= 10 * 1024 * 1024, name);
  assert.match(
    readFileSync(join(folder, "holdfast.log"), "utf8").slice(-long.length - 4),
    /^\n?13 x/,
  );
});

test("[PK7] where it cannot be written nothing is thrown, and it is written again when that is over", (t) => {
  const parent = mkdtempSync(join(tmpdir(), "holdfast-log-"));
  t.after(() => rmSync(parent, { recursive: true }));
  const folder = join(parent, "logs");
  writeFileSync(folder, "a file where the folder should be");
  const file = new LogFile(folder);
  file.write("lost\n");
  rmSync(folder);
  file.write("kept\n");
  assert.equal(readFileSync(join(folder, "holdfast.log"), "utf8"), "kept\n");
});
