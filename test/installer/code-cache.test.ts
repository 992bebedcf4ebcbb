/** What V8 has compiled before, inside the executable (09 PK6). */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { after, describe, test } from "node:test";
import { BAKED_FLAGS, writeBlob } from "#installer/blob.ts";
import { makeElf } from "#installer/elf.ts";
import { hasCodeCache } from "#installer/executable.ts";
import { ROOT } from "#installer/root.ts";
import { PLATFORMS } from "#installer/runtime.ts";
import { canRun } from "#test/support/built-executable.ts";

const skip = canRun ? false : "the executable of Linux x64 does not run here";

describe("[PK6] code cache", { skip }, () => {
  mkdirSync(join(ROOT, "build"), { recursive: true });
  const folder = mkdtempSync(join(ROOT, "build/code-cache-"));
  after(() => rmSync(folder, { recursive: true }));
  const main = join(folder, "main.cjs");
  writeFileSync(main, "process.stdout.write(JSON.stringify(process.execArgv));\n");

  const blob = (codeCache: boolean): Buffer =>
    readFileSync(writeBlob(process.execPath, folder, { main, codeCache, assets: {}, addOns: {} }));

  /** Of an executable with the blob that lies there. */
  async function said(): Promise<{ readonly stdout: string; readonly stderr: string }> {
    const file = join(folder, "run");
    await makeElf(process.execPath, join(folder, "app.blob"), file, "linux-x64");
    return spawnSync(file, { encoding: "utf8" });
  }

  test("[PK6] it is there, the same twice, and taken without a word under the flags that are baked in", async () => {
    const without = blob(false);
    const [first, second] = [blob(true), blob(true)];
    assert.ok(first.length > without.length);
    assert.ok(first.equals(second));
    const { stdout, stderr } = await said();
    assert.deepEqual([stdout, stderr], [JSON.stringify(BAKED_FLAGS), ""]);
  });

  test("[PK6] made under other flags it is refused, and each start says so: hence the generator has ours", async () => {
    const config = relative(ROOT, join(folder, "sea.json"));
    const args = ["--random-seed=42", "--experimental-sea-config", config];
    blob(true);
    execFileSync(process.execPath, args, { cwd: ROOT, stdio: "ignore" });
    assert.match((await said()).stderr, /Code cache data rejected/);
  });

  test("[PK6] Windows and arm64 get none: this machine cannot make theirs", () => {
    assert.deepEqual(PLATFORMS.filter(hasCodeCache), ["linux-x64"]);
  });
});
