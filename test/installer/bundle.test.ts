/** A program and its threads, each in one file: what must hold for Node's single-executable format (09 PK3). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { stop } from "esbuild";
import { bundleProgram, bundleThread } from "#installer/bundle.ts";
import { AGENT, RECEIVER, SIGN_TOOL } from "#installer/programs.ts";
import { ROOT } from "#installer/root.ts";

/** Below the root: a bundle names its sources from there. */
function folderBelowRoot(): string {
  mkdirSync(join(ROOT, "build"), { recursive: true });
  return mkdtempSync(join(ROOT, "build/bundle-"));
}

describe("[PK3] bundles", () => {
  const folder = folderBelowRoot();
  after(async () => {
    rmSync(folder, { recursive: true });
    await stop();
  });

  const planted = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const program = (main: string) => bundleProgram({ ...SIGN_TOOL, main }, folder);

  test("[PK3] of each program: ASCII, from this platform alone, without a module's own URL", async () => {
    for (const one of [AGENT, RECEIVER, SIGN_TOOL]) {
      const { file, metafile } = await bundleProgram(one, folder);
      const text = readFileSync(file, "latin1");
      assert.doesNotMatch(text, /[^\0-\x7f]/, one.name);
      assert.match(text.slice(0, 200), /__moduleUrl = require\("node:url"\)\.pathToFileURL\(__f/);
      assert.ok(!text.includes("import.meta.url"), one.name);
      for (const input of Object.keys(metafile.inputs)) {
        assert.doesNotMatch(input, /node_modules\/(?:bufferutil|utf-8-validate|koffi|node-cron)\//);
        // There an escape would not mean the same.
        assert.doesNotMatch(
          readFileSync(join(ROOT, input), "utf8"),
          /\braw`[^`]*[^\0-\x7f`]/,
          input,
        );
      }
      // Not minified: a fault is told by its line.
      assert.ok(text.split("\n").length > 10_000, one.name);
    }
  });

  test("[PK3] what is beyond ASCII means the same: text, templates, patterns, names", async () => {
    const text = `// € in a comment
      const größe = { "ä€😀": /^[€–😀]$/u.test("😀"), kept: /* „ */ \`😀\${"–"}\` };
      process.stdout.write(JSON.stringify(größe));`;
    const { file } = await program(planted("beyond.ts", text));
    const { stdout } = spawnSync(process.execPath, [file], { encoding: "utf8" });
    assert.equal(stdout, JSON.stringify({ "ä€😀": true, kept: "😀–" }));
  });

  test("[PK3] a package that wants a file's URL on load gets one, in the program and in a thread", async () => {
    const text = `import { fileURLToPath } from "node:url"; import { parentPort } from "node:worker_threads";
      const url = "import.meta." + "url"; import { here } from "./package.js";
      (parentPort ? (t: string) => parentPort?.postMessage(t) : (t: string) => process.stdout.write(t))(fileURLToPath(here));`;
    planted("package.js", "export const here = import.meta.url;");
    const main = planted("wants.ts", text);
    const { file } = await program(main);
    assert.equal(spawnSync(process.execPath, [file], { encoding: "utf8" }).stdout, file);
    const thread = await bundleThread(main, folder);
    assert.equal(await saidBy(readFileSync(thread.file, "utf8")), process.execPath);
  });

  test("[PK3] a thread starts from text, at global scope: a source's `crypto` is its own, and Node's stays", async () => {
    const text = `import { parentPort } from "node:worker_threads";
      export var crypto = { mine: "mine" };
      parentPort?.postMessage([crypto.mine, typeof globalThis.crypto.subtle]);`;
    const { file } = await bundleThread(planted("names.ts", text), folder);
    assert.deepEqual(await saidBy(readFileSync(file, "utf8")), ["mine", "object"]);
  });

  test("[PK3] an await at the top level ends the build", async () => {
    await assert.rejects(
      program(planted("waits.ts", "await Promise.resolve(); export {};")),
      /Top-level await is currently not supported with the "cjs" output format/,
    );
    const thread = planted("waits-thread.ts", "await Promise.resolve(); export {};");
    await assert.rejects(bundleThread(thread, folder), /Top-level await/);
  });
});

/** The first message of a thread that is started as the executable starts one. */
async function saidBy(source: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const worker = new Worker(source, { eval: true });
  worker
    .on("message", resolve)
    .on("error", reject)
    .on("exit", () => reject(new Error("silent")));
  try {
    return await promise;
  } finally {
    await worker.terminate();
  }
}
