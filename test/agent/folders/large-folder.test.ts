import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, symlinkSync } from "node:fs";
import { describe, test } from "node:test";
import { Folder } from "#agent/folders/folder.ts";
import { DropFolder, namesOf, SECRET } from "#test/support/drop-folder.ts";

const COUNT = 100_000;
/** Collected twice: what the first pass makes free may free more. */
function usedBytes(): number {
  for (let at = 0; at < 2; at++) globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Counts calls of a method of Folder. */
class Calls implements Disposable {
  readonly counts: Record<string, number> = {};
  readonly #originals: [string, unknown][] = [];

  constructor(...names: readonly string[]) {
    const prototype = Folder.prototype as unknown as Record<
      string,
      (...asked: unknown[]) => unknown
    >;
    for (const name of names) {
      const original = prototype[name];
      assert.ok(original);
      this.#originals.push([name, original]);
      const { counts } = this;
      counts[name] = 0;
      prototype[name] = function (this: Folder, ...asked) {
        counts[name] = (counts[name] ?? 0) + 1;
        return original.apply(this, asked);
      };
    }
  }

  [Symbol.dispose](): void {
    for (const [name, original] of this.#originals)
      Object.assign(Folder.prototype, { [name]: original });
  }
}

describe("large folders", () => {
  // Of the longest names fewer do: memory is judged by the entry.
  for (const [count, length] of [
    [COUNT, 40],
    [COUNT / 5, 255],
  ] as const) {
    test(`[P13] ${count} files with names of ${length} bytes: one listing and one status call each a poll, at most 512 bytes each`, async (t) => {
      const { setFlagsFromString } = await import("node:v8");
      const { runInNewContext } = await import("node:vm");
      setFlagsFromString("--expose-gc");
      globalThis.gc = runInNewContext("gc");
      if (globalThis.gc === undefined)
        return t.skip("not tested: memory; there is no collector to call");
      using folder = new DropFolder();
      for (let at = 0; at < count; at++) {
        closeSync(openSync(folder.at("drop", `${at}`.padStart(length, "x")), "w"));
      }
      const before = usedBytes();
      using calls = new Calls("list", "look");
      folder.poll();
      assert.deepEqual(calls.counts, { list: 1, look: count });
      const each = (usedBytes() - before) / count;
      t.diagnostic(`${each.toFixed(0)} bytes an entry`);
      assert.ok(each <= 512, `${each} bytes`);
      folder.clock.advance(65_000);
      const { candidates, fileCount } = folder.poll();
      assert.deepEqual([candidates.length, fileCount], [500, count]);
      const later = (usedBytes() - before) / count;
      assert.ok(later <= 512, `${later} bytes`);
    });
  }

  test("[P13, P-A13] above what is tracked the rest is counted, and has its turn when others have gone", () => {
    using folder = new DropFolder({ trackedMaxCount: 100, maxFilesPerPoll: 40 });
    for (let at = 0; at < 300; at++) folder.drop(`${at}`);
    const taken = new Set<string>();
    for (let polls = 0; polls < 100 && taken.size < 300; polls++) {
      using calls = new Calls("look", "list");
      const { candidates, fileCount } = folder.poll();
      assert.equal(fileCount, 300 - taken.size);
      assert.ok((calls.counts["look"] ?? 0) <= 100 && calls.counts["list"] === 1);
      for (const name of namesOf(candidates)) taken.add(name);
      folder.claim(candidates);
      folder.clock.advance(5_000);
    }
    assert.equal(taken.size, 300);
  });

  test("[P-A13] a flood of links and temporary names takes no room from files", () => {
    using folder = new DropFolder({ trackedMaxCount: 20 });
    for (let at = 0; at < 50; at++) {
      symlinkSync(SECRET, folder.at("drop", `0link${at}`));
      folder.drop(`0${at}.tmp`);
    }
    for (let at = 0; at < 8; at++) folder.drop(`good${at}`);
    assert.equal(folder.complete().length, 8);
  });

  test("[P-A13, P15] a flood of folders is no endless listing; those that are not looked into are counted", () => {
    using folder = new DropFolder({ recursive: true });
    for (let at = 0; at < 10_050; at++) mkdirSync(folder.at("drop", `${at}`));
    for (let at = 0; at < 50; at++) mkdirSync(folder.at("drop", `.${at}`));
    folder.drop("good.hl7");
    using calls = new Calls("list");
    const { fileCount, untrackedCount } = folder.poll();
    assert.deepEqual([fileCount, untrackedCount], [51, 50]);
    assert.equal(calls.counts["list"], 10_001);
  });

  test("[P13] a folder that was full gives its memory back when it is empty", () => {
    using folder = new DropFolder({ maxFilesPerPoll: 10_000, completion: "rename" });
    for (let round = 0; round < 2; round++) {
      for (let at = 0; at < 3_000; at++) folder.drop(`${round}-${at}`);
      assert.equal(folder.claim(folder.poll().candidates).length, 3_000);
      assert.equal(folder.poll().fileCount, 0);
    }
  });
});
