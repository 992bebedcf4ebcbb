import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, utimesSync } from "node:fs";
import { describe, test } from "node:test";
import { compareFor, compareNatural, FirstOf } from "#agent/folders/order.ts";
import { DropFolder, namesOf } from "#test/support/drop-folder.ts";

describe("order", () => {
  test("[P14] by time, then by name", () => {
    using folder = new DropFolder();
    for (const [name, seconds] of [
      ["b", 2],
      ["c", 1],
      ["a", 2],
      ["d", 0],
    ] as const) {
      utimesSync(folder.drop(name).toString(), seconds, seconds);
    }
    assert.deepEqual(namesOf(folder.complete()), ["d", "c", "a", "b"]);
  });

  test("[P14] by name, byte by byte", () => {
    using folder = new DropFolder({ order: "name" });
    for (const name of ["b", "a10", "B", "a9", "\u00e4"]) folder.drop(name);
    assert.deepEqual(namesOf(folder.complete()), ["B", "a10", "a9", "b", "\u00e4"]);
  });

  test("[P14] by name, digits as numbers", () => {
    using folder = new DropFolder({ order: "nameNatural" });
    const names = [
      "a1",
      "a2",
      "a02b",
      "a9",
      "a10",
      "a10b",
      `a${"9".repeat(30)}`,
      `a1${"0".repeat(30)}`,
      "b",
    ];
    for (const name of [...names].reverse()) folder.drop(name);
    assert.deepEqual(namesOf(folder.complete()), names);
  });

  test("[P14] natural order is an order: none is before itself, and it does not turn round", () => {
    const names = ["", "1", "01", "a", "a1", "a01", "a1b", "1a", "10", "2", "a2", "a10"];
    for (const a of names) {
      assert.equal(compareNatural(a, a), 0);
      for (const b of names) {
        assert.equal(Math.sign(compareNatural(a, b)) + Math.sign(compareNatural(b, a)), 0);
        for (const c of names) {
          if (compareNatural(a, b) <= 0 && compareNatural(b, c) <= 0)
            assert.ok(compareNatural(a, c) <= 0);
        }
      }
    }
  });

  test("[P13, P14] the first of many are found without keeping all", () => {
    const first = new FirstOf(compareFor("name"), 3);
    for (let at = 0; at < 1_000; at++)
      first.add({ name: String((at * 7_919) % 1_000).padStart(3, "0"), modifiedNs: 0n });
    assert.deepEqual(
      first.take().map(({ name }) => name),
      ["000", "001", "002"],
    );
  });

  test("[P14] without strictOrder a file that is not complete holds up no other, with it those behind it", () => {
    for (const strictOrder of [false, true]) {
      using folder = new DropFolder({ order: "name", strictOrder });
      for (const name of ["a", "c"]) folder.drop(name);
      folder.poll();
      folder.clock.advance(4_000);
      folder.drop("b");
      folder.poll();
      folder.clock.advance(1_000);
      assert.deepEqual(namesOf(folder.poll().candidates), strictOrder ? ["a"] : ["a", "c"]);
      folder.clock.advance(4_000);
      assert.deepEqual(namesOf(folder.poll().candidates), ["a", "b", "c"]);
    }
  });

  test("[P14, P9] with strictOrder one that a gate stops holds up those behind it, until it is unfit", () => {
    using folder = new DropFolder({ order: "name", strictOrder: true, contentGate: "hl7" });
    folder.drop("a", "MSH|\r");
    folder.drop("b", "MSH|");
    folder.drop("c", "MSH|\r");
    assert.deepEqual(namesOf(folder.complete()), ["a"]);
    folder.claim(folder.poll().candidates);
    assert.deepEqual(folder.poll().candidates, []);
    folder.clock.advance(600_000);
    assert.deepEqual(
      folder.poll().candidates.map(({ unfit }) => unfit),
      ["contentGate", undefined],
    );
  });
});

describe("subfolders", () => {
  const make = (folder: DropFolder): void => {
    mkdirSync(folder.at("drop", "1/2/3/4"), { recursive: true });
    for (const path of ["0", "1/1", "1/2/2", "1/2/3/3", "1/2/3/4/4"]) folder.drop(path);
  };

  test("[P15] are ignored", () => {
    using folder = new DropFolder();
    make(folder);
    assert.deepEqual(namesOf(folder.complete()), ["0"]);
    assert.equal(folder.poll().fileCount, 1);
  });

  test("[P15] with `recursive` are entered down to maxDepth, and the path is part of the name", () => {
    using folder = new DropFolder({ recursive: true, order: "name" });
    make(folder);
    assert.deepEqual(namesOf(folder.complete()), ["0", "1/1", "1/2/2", "1/2/3/3"]);
    folder.claim(folder.poll().candidates);
    assert.deepEqual(folder.list("drop"), ["1/2/3/4/4"]);
  });

  test("[P8, P15] a control file belongs to the data beside it", () => {
    using folder = new DropFolder({ recursive: true, completion: "controlFile" });
    for (const ward of ["a", "b"]) mkdirSync(folder.at("drop", ward));
    for (const path of ["a/x.hl7", "b/x.hl7", "b/x.ok"]) folder.drop(path);
    assert.deepEqual(namesOf(folder.poll().candidates), ["b/x.hl7"]);
  });

  test("[P-A4] a link to a folder, and what is mounted as one, are not entered", (t) => {
    using folder = new DropFolder({ recursive: true });
    mkdirSync(folder.at("outside"));
    folder.drop("../outside/secret.hl7");
    symlinkSync(folder.at("outside"), folder.at("drop", "link"));
    symlinkSync(folder.at("drop"), folder.at("drop", "loop"));
    mkdirSync(folder.at("drop", "mounted"));
    const isMounted =
      spawnSync("mount", ["--bind", folder.at("outside"), folder.at("drop", "mounted")]).status ===
      0;
    try {
      folder.drop("a.hl7");
      assert.deepEqual(namesOf(folder.complete()), ["a.hl7"]);
      assert.deepEqual(folder.poll().troubles, { refused: { count: 2, fresh: 0 } });
    } finally {
      if (isMounted) spawnSync("umount", [folder.at("drop", "mounted")]);
    }
    if (!isMounted) t.skip("not tested: a mount point; this is not root");
  });

  test("[P2, P15] folders of our own in the drop folder are not read as drops", () => {
    using folder = new DropFolder();
    for (const name of ["work", "archive", "error"]) mkdirSync(folder.at("drop", name));
    const methods = folder.opened({
      recursive: true,
      workFolder: folder.at("drop", "work"),
      archiveFolder: folder.at("drop", "archive"),
      errorFolder: folder.at("drop", "error"),
    });
    for (const name of ["a.hl7", "archive/b.hl7", "error/c.hl7"]) folder.drop(name);
    methods.poll(undefined);
    folder.clock.advance(5_000);
    assert.deepEqual(namesOf(methods.poll(undefined).candidates), ["a.hl7"]);
  });
});
