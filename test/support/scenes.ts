/**
 * Tests that need Windows: run where that is, and elsewhere under wine, all of a file in one process.
 *
 * @module
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Wine, wineInside, wineMissing } from "./wine.ts";

/** @returns why it could not be shown here; nothing: it has passed */
export type Scene = () => Promise<string | undefined> | string | undefined;
export type Scenes = Readonly<Record<string, Scene>>;

interface Result {
  readonly name: string;
  readonly error?: string;
  readonly skip?: string;
}

/**
 * A test for each scene. @param file exports them as `SCENES`
 * @param limitMs for all of them
 */
export function testScenes(scenes: Scenes, file: string, limitMs: number): void {
  const missing = process.platform === "win32" ? false : wineMissing();
  const run = process.platform === "win32" || missing !== false ? undefined : underWine();
  async function underWine(): Promise<ReadonlyMap<string, Result>> {
    using wine = new Wine();
    const { code, printed } = await wine.run([wineInside(import.meta.filename), file], limitMs);
    const results = printed.split("\n").filter((line) => line.startsWith('{"name":'));
    const found = new Map<string, Result>();
    for (const line of results) {
      // As `runAll` prints it.
      const result = JSON.parse(line) as Result;
      found.set(result.name, result);
    }
    assert.equal(code, 0, `it ended under wine after ${found.size} scenes:\n${printed}`);
    return found;
  }
  // The first test that fails tells why; nothing is left behind when none waits for it.
  run?.catch(() => {});
  after(async () => void (await run?.catch(() => {})));
  for (const [name, scene] of Object.entries(scenes)) {
    test(name, async (t) => {
      if (missing !== false) return t.skip(`not tested on Windows or under wine: ${missing}`);
      const result = run === undefined ? await resultOf(name, scene) : (await run).get(name);
      assert.ok(result !== undefined, "it was not run");
      assert.equal(result.error, undefined, result.error);
      if (result.skip !== undefined) t.skip(`not tested: ${result.skip}`);
    });
  }
}

async function resultOf(name: string, scene: Scene): Promise<Result> {
  try {
    const skip = await scene();
    return skip === undefined ? { name } : { name, skip };
  } catch (error) {
    return { name, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

async function runAll(file: string): Promise<void> {
  const { SCENES } = (await import(pathToFileURL(file).href)) as { SCENES: Scenes };
  const only = process.argv[3];
  for (const [name, scene] of Object.entries(SCENES)) {
    if (only !== undefined && !name.includes(only)) continue;
    const startMs = performance.now();
    const result = await resultOf(name, scene);
    const forMs = Math.round(performance.now() - startMs);
    process.stdout.write(`${JSON.stringify({ ...result, forMs })}\n`);
  }
  process.exit(0);
}

const [, program, file] = process.argv;
if (program === import.meta.filename && file !== undefined) await runAll(file);
