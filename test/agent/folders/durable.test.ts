/** What is flushed, and before what: a power cut between two steps takes nothing that another step relied on. @module */
import assert from "node:assert/strict";
import fs, { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { describe, test } from "node:test";
import { DropFolder, REASON } from "#test/support/drop-folder.ts";

const CALLS = ["linkSync", "unlinkSync", "renameSync", "fsyncSync"] as const;
const NAMES = { linkSync: "link", unlinkSync: "delete", renameSync: "rename", fsyncSync: "flush" };

/** Names calls of the system, in their order; a flush by what it is of. */
class CallLog implements Disposable {
  readonly calls: string[] = [];
  readonly #originals = new Map<string, unknown>();

  constructor(roots: Readonly<Record<string, string>>) {
    const all = fs as unknown as Record<string, (...asked: unknown[]) => unknown>;
    const whereIs = (descriptor: unknown): string => {
      const path = fs.readlinkSync(`/proc/self/fd/${descriptor}`);
      const [name = path] = Object.entries(roots).find(([, root]) => path.startsWith(root)) ?? [];
      return `${name} ${fs.statSync(path).isDirectory() ? "folder" : "file"}`;
    };
    for (const name of CALLS) {
      const original = all[name];
      assert.ok(original);
      this.#originals.set(name, original);
      all[name] = (...asked) => {
        // What is not there is no deletion.
        const result = original(...asked);
        const of = name === "fsyncSync" ? ` ${whereIs(asked[0])}` : "";
        this.calls.push(`${NAMES[name]}${of}`);
        return result;
      };
    }
    syncBuiltinESMExports();
  }

  [Symbol.dispose](): void {
    Object.assign(fs, Object.fromEntries(this.#originals));
    syncBuiltinESMExports();
  }
}

const rootsOf = ({ settings }: DropFolder): Record<string, string> => ({
  drop: settings.folder,
  work: settings.workFolder,
  archive: settings.archiveFolder,
  error: settings.errorFolder,
});

describe("flushes", () => {
  test("[P17] both folders of a claim are flushed once a call, after all renames", () => {
    using folder = new DropFolder({ completion: "rename" });
    for (let at = 0; at < 5; at++) folder.drop(`${at}`);
    const { candidates } = folder.poll();
    using log = new CallLog(rootsOf(folder));
    folder.claim(candidates);
    assert.deepEqual(
      log.calls.slice(0, 5),
      Array.from({ length: 5 }, () => "rename"),
    );
    assert.deepEqual(log.calls.slice(5).sort(), ["flush drop folder", "flush work folder"]);
  });

  test("[P27] a file is durable in the archive before it is deleted in work", () => {
    using folder = new DropFolder({ completion: "rename" });
    // The day's folder is there.
    folder.methods.archive({ moves: [folder.move(folder.taken("0"))], after: "archive" });
    const moves = ["a", "b"].map((name) => folder.move(folder.taken(name)));
    using log = new CallLog(rootsOf(folder));
    folder.methods.archive({ moves, after: "archive" });
    const [one, two, ...rest] = log.calls;
    assert.deepEqual([one, two], ["link", "link"]);
    assert.deepEqual(rest, ["flush archive folder", "delete", "delete", "flush work folder"]);
  });

  test("[P27] a folder of a new day is durable in the folder above", () => {
    using folder = new DropFolder({ completion: "rename" });
    const moves = [folder.move(folder.taken("a"))];
    using log = new CallLog(rootsOf(folder));
    folder.methods.archive({ moves, after: "archive" });
    const before = log.calls.slice(0, log.calls.indexOf("link"));
    assert.deepEqual(before, [
      "flush archive folder",
      "flush archive folder",
      "flush archive folder",
    ]);
  });

  test("[P31] file and reason are durable before the file is deleted in work", () => {
    using folder = new DropFolder({ completion: "rename" });
    const claimed = folder.taken("a");
    using log = new CallLog(rootsOf(folder));
    folder.methods.aside([{ ...folder.move(claimed), reason: REASON }]);
    const order = [
      "link",
      "flush error file",
      "link",
      "delete",
      "flush error folder",
      "delete",
      "flush work folder",
    ];
    assert.deepEqual(log.calls, order);
  });

  test("[P28] a copy is flushed before it gets its name, its folder before the source goes", (t) => {
    if (!fs.existsSync("/dev/shm") || statSync("/dev/shm").dev === statSync("/tmp").dev) {
      return t.skip("not tested: two file systems; there is no /dev/shm");
    }
    const shm = mkdtempSync("/dev/shm/holdfast-");
    try {
      const archiveFolder = join(shm, "archive");
      mkdirSync(join(archiveFolder, "2025/01/02"), { recursive: true });
      using folder = new DropFolder({ completion: "rename", archiveFolder });
      const moves = [folder.move(folder.taken("a"))];
      using log = new CallLog(rootsOf(folder));
      folder.methods.archive({ moves, after: "archive" });
      const order = [
        "flush archive file",
        "link",
        "delete",
        "flush archive folder",
        "delete",
        "flush work folder",
      ];
      assert.deepEqual(log.calls, order);
    } finally {
      rmSync(shm, { recursive: true });
    }
  });
});
