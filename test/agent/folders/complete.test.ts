import assert from "node:assert/strict";
import {
  appendFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { describe, test } from "node:test";
import { folderFault } from "#agent/folders/faults.ts";
import { Folder } from "#agent/folders/folder.ts";
import { stableForMsOn } from "#agent/folders/share-kind.ts";
import { DropFolder, namesOf } from "#test/support/drop-folder.ts";

const names = (folder: DropFolder): string[] => namesOf(folder.poll().candidates);
const unfit = (folder: DropFolder): Record<string, string> => {
  const { candidates } = folder.poll();
  return Object.fromEntries(
    candidates.map((one, at) => [namesOf(candidates)[at], one.unfit ?? ""]),
  );
};

describe("stability", () => {
  test("[P7] a file is complete once two polls saw the same for five seconds", () => {
    using folder = new DropFolder();
    folder.drop("a.hl7");
    const first = folder.poll();
    assert.deepEqual([first.candidates.length, first.fileCount, first.waitingCount], [0, 1, 1]);
    folder.clock.advance(4_999);
    assert.deepEqual(names(folder), []);
    folder.clock.advance(1);
    assert.deepEqual(names(folder), ["a.hl7"]);
  });

  test("[P7] time alone is not enough: a second poll must see it", () => {
    using folder = new DropFolder({ stableForMs: 0 });
    folder.drop("a.hl7");
    folder.clock.advance(60_000);
    assert.deepEqual(names(folder), []);
    assert.deepEqual(names(folder), ["a.hl7"]);
  });

  test("[P7] [P48] on a share it is thirty seconds", () => {
    for (const kind of ["smb", "nfs"] as const) assert.equal(stableForMsOn(kind), 30_000);
    assert.equal(stableForMsOn("local"), 5_000);
  });

  const CHANGES: Readonly<Record<string, (path: string) => void>> = {
    size: (path) => {
      appendFileSync(path, "x");
      utimesSync(path, 1_000, 1_000);
    },
    "modification time": (path) => utimesSync(path, 1_000, 1_001),
    identity: (path) => {
      writeFileSync(`${path}.tmp`, "MSH|^~\\&|\r");
      utimesSync(`${path}.tmp`, 1_000, 1_000);
      renameSync(`${path}.tmp`, path);
    },
  };
  for (const [what, change] of Object.entries(CHANGES)) {
    test(`[P7] another ${what} begins the wait anew`, () => {
      using folder = new DropFolder();
      const path = folder.drop("a.hl7").toString();
      utimesSync(path, 1_000, 1_000);
      folder.poll();
      folder.clock.advance(5_000);
      change(path);
      assert.deepEqual(names(folder), []);
      folder.clock.advance(4_999);
      assert.deepEqual(names(folder), []);
      folder.clock.advance(1);
      assert.deepEqual(names(folder), ["a.hl7"]);
    });
  }

  test("[P7, P-A28] times of files do not count: those of 1601, 2107 and the future are as good as any", () => {
    using folder = new DropFolder();
    for (const [name, year] of [
      ["a", 1901],
      ["b", 2107],
      ["c", 2399],
    ] as const) {
      utimesSync(folder.drop(name).toString(), 0, Date.UTC(year, 6) / 1_000);
    }
    folder.poll();
    folder.clock.advance(5_000);
    const { candidates } = folder.poll();
    assert.deepEqual(namesOf(candidates), ["a", "b", "c"]);
    const claimed = folder.claim(candidates);
    const read = folder.methods.read({ claims: claimed, maxBytes: 1_000 });
    assert.deepEqual(
      read.map(({ outcome }) => outcome),
      ["whole", "whole", "whole"],
    );
  });

  test("[P7, P-A10] a file that keeps changing is never taken, and told after an hour", () => {
    using folder = new DropFolder();
    const path = folder.drop("a.hl7").toString();
    for (let minute = 0; minute < 60; minute++) {
      const { candidates, troubles } = folder.poll();
      assert.deepEqual([candidates, troubles], [[], {}]);
      appendFileSync(path, "OBX|\r");
      folder.clock.advance(60_000);
    }
    assert.deepEqual(folder.poll().troubles, { growing: { count: 1, fresh: 1 } });
    appendFileSync(path, "OBX|\r");
    folder.clock.advance(60_000);
    assert.deepEqual(folder.poll().troubles, { growing: { count: 1, fresh: 0 } });
    // Once it ends, it is taken like any other.
    folder.clock.advance(5_000);
    assert.deepEqual(names(folder), ["a.hl7"]);
  });

  test("[P7, P-A21] a name that comes again after its file was taken is another file", () => {
    using folder = new DropFolder();
    folder.drop("a.hl7", "MSH|1\r");
    folder.claim(folder.complete());
    folder.drop("a.hl7", "MSH|2\r");
    assert.deepEqual(names(folder), []);
    const again = folder.claim(folder.complete());
    const [read] = folder.methods.read({ claims: again, maxBytes: 100 });
    assert.ok(read?.outcome === "whole");
    assert.equal(Buffer.from(read.bytes).toString(), "MSH|2\r");
    assert.equal(folder.list("work").length, 2);
  });
});

describe("other methods", () => {
  test("[P5] `rename`: a file is taken when it is first seen under a final name", () => {
    using folder = new DropFolder({ completion: "rename" });
    folder.drop("a.hl7.tmp");
    assert.deepEqual(names(folder), []);
    renameSync(folder.at("drop", "a.hl7.tmp"), folder.at("drop", "a.hl7"));
    assert.deepEqual(names(folder), ["a.hl7"]);
  });

  for (const completion of ["stability", "rename", "controlFile"] as const) {
    test(`[P45] with ${completion} an empty file waits a minute, then is unfit`, () => {
      using folder = new DropFolder({ completion, stableForMs: 0 });
      folder.drop("a.hl7", "");
      if (completion === "controlFile") folder.drop("a.ok", "");
      folder.poll();
      folder.poll();
      folder.clock.advance(59_999);
      assert.deepEqual(unfit(folder), {});
      folder.clock.advance(1);
      assert.deepEqual(unfit(folder), { "a.hl7": "empty" });
    });
  }

  test("[P45] an empty file that gets content within a minute is a file", () => {
    using folder = new DropFolder();
    folder.drop("a.hl7", "");
    folder.poll();
    folder.clock.advance(30_000);
    folder.drop("a.hl7", "MSH|\r");
    assert.deepEqual(namesOf(folder.complete()), ["a.hl7"]);
  });

  test("[P22, P-A9] a sparse file of 1 TiB is set aside by its size alone", () => {
    using folder = new DropFolder();
    folder.drop("a.hl7", "");
    truncateSync(folder.at("drop", "a.hl7"), 2 ** 40);
    folder.drop("b.hl7");
    folder.poll();
    folder.clock.advance(5_000);
    assert.deepEqual(unfit(folder), { "a.hl7": "tooLarge", "b.hl7": "" });
    const claimed = folder.claim(folder.poll().candidates);
    const [first] = claimed.filter(({ files }) => files[0]?.size === 2 ** 40);
    assert.ok(first);
    const reason = { code: "tooLarge", rule: "P22", channel: "adt" };
    const [moved] = folder.methods.aside([{ ...folder.move(first), reason }]);
    assert.equal(moved?.outcome, "moved");
    assert.deepEqual(folder.list("error"), ["a.hl7", "a.hl7.reason.json"]);
    rmSync(folder.at("error", "a.hl7"));
  });
});

test("[P52] a file that cannot be looked at is said with step, folder and code, for as long as that lasts", () => {
  using folder = new DropFolder();
  folder.drop("a.hl7");
  const { look } = Folder.prototype;
  try {
    Folder.prototype.look = function refused(name) {
      if (name !== "a.hl7") return look.call(this, name);
      throw folderFault(this.role, "look", { code: "EIO" });
    };
    const fault = { step: "look", folder: "drop", sysCode: "EIO" };
    assert.deepEqual(folder.poll().troubles, { unreadable: { count: 1, fresh: 1, fault } });
  } finally {
    Folder.prototype.look = look;
  }
  assert.deepEqual(folder.poll().troubles, {});
});
