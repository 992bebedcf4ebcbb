import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { describe, test } from "node:test";
import type { Candidate } from "#agent/folders/messages.ts";
import { DropFolder, namesOf, SECRET } from "#test/support/drop-folder.ts";

/** Claims them under one id each. @returns outcomes */
function outcomes(folder: DropFolder, candidates: readonly Candidate[]): string[] {
  const asked = candidates.map(({ token }) => ({ token, claim: folder.newClaim() }));
  return folder.methods.claim(asked).map(({ outcome }) => outcome);
}

describe("claim", () => {
  test("[P17] a claimed file is in work under a name that begins with its claim", () => {
    using folder = new DropFolder();
    const { claim } = folder.taken("a.hl7");
    assert.deepEqual(folder.list("work"), [`${claim}.d.a.hl7`]);
    assert.deepEqual(folder.list("drop"), []);
  });

  test("[P17] nothing is renamed over a file that is in work under the name", () => {
    using folder = new DropFolder();
    folder.drop("a.hl7", "new");
    const candidates = folder.complete();
    writeFileSync(folder.at("work", "aaaaaaaaaaaaaaa1.d.a.hl7"), "old");
    const [token = 0] = candidates.map((one) => one.token);
    assert.deepEqual(folder.methods.claim([{ token, claim: "aaaaaaaaaaaaaaa1" }]), [
      { claim: "aaaaaaaaaaaaaaa1", outcome: "failed", sysCode: "EEXIST" },
    ]);
    assert.equal(folder.text("work", "aaaaaaaaaaaaaaa1.d.a.hl7"), "old");
    assert.equal(folder.text("drop", "a.hl7"), "new");
  });

  test("[P16, P-A12] a file that has gone since it was listed is no error", () => {
    using folder = new DropFolder();
    folder.drop("a.hl7");
    folder.drop("b.hl7");
    const candidates = folder.complete();
    rmSync(folder.at("drop", "a.hl7"));
    assert.deepEqual(outcomes(folder, candidates), ["gone", "claimed"]);
    assert.equal(folder.poll().fileCount, 0);
  });

  test("[P18] of two readers exactly one gets each file, the other one goes on", () => {
    using folder = new DropFolder();
    for (let at = 0; at < 20; at++) folder.drop(`${at}.hl7`);
    const other = folder.opened();
    other.poll(undefined);
    folder.poll();
    folder.clock.advance(5_000);
    const mine = folder.poll().candidates;
    const its = other.poll(undefined).candidates;
    assert.equal(mine.length + its.length, 40);
    const results = mine.map(({ token }, at) => {
      const first = folder.methods.claim([{ token, claim: folder.newClaim() }]);
      const second = other.claim([{ token: its[at]?.token ?? 0, claim: folder.newClaim() }]);
      return [first[0]?.outcome, second[0]?.outcome];
    });
    for (const result of results) assert.deepEqual(result, ["claimed", "gone"]);
    assert.equal(folder.list("work").length, 20);
  });

  const SWAPS: Readonly<Record<string, readonly [(path: string, aside: string) => void, string]>> =
    {
      "is longer now": [(path) => appendFileSync(path, "x"), "changed"],
      "is another file of the same size": [
        (path, aside) => {
          writeFileSync(aside, "MSH|^~\\&|\r");
          renameSync(aside, path);
        },
        "changed",
      ],
      "is a link to a file of the same size": [
        (path, aside) => {
          renameSync(path, aside);
          symlinkSync(aside, path);
        },
        "refused",
      ],
      "has a second name": [(path, aside) => linkSync(path, aside), "refused"],
      "is a folder": [
        (path) => {
          rmSync(path);
          mkdirSync(path);
        },
        "refused",
      ],
    };
  for (const [what, [swap, expected]] of Object.entries(SWAPS)) {
    test(`[P21, P-A2] a file that ${what} than when it was listed is ${expected}, and stays`, () => {
      using folder = new DropFolder();
      folder.drop("a.hl7");
      folder.drop("b.hl7");
      const candidates = folder.complete();
      swap(folder.at("drop", "a.hl7"), folder.at("aside"));
      assert.deepEqual(outcomes(folder, candidates), [expected, "claimed"]);
      assert.ok(existsSync(folder.at("drop", "a.hl7")));
      assert.equal(folder.list("work").length, 1);
    });
  }

  test("[P17] of files that belong together all are taken or none", () => {
    using folder = new DropFolder({ completion: "controlFile", sidecar: "json" });
    for (const name of ["x.pdf", "x.json", "x.ok"]) folder.drop(name);
    const { candidates } = folder.poll();
    appendFileSync(folder.at("drop", "x.json"), "x");
    assert.deepEqual(outcomes(folder, candidates), ["changed"]);
    assert.deepEqual(folder.list("drop"), ["x.json", "x.ok", "x.pdf"]);
    assert.deepEqual(folder.list("work"), []);
    assert.deepEqual(outcomes(folder, folder.poll().candidates), ["claimed"]);
    assert.deepEqual(
      folder.list("work").map((name) => name.slice(17)),
      ["c.x.ok", "d.x.pdf", "s.x.json"],
    );
  });

  test("[P13] at most maxFilesPerPoll are candidates, the next ones at the next poll", () => {
    using folder = new DropFolder({ maxFilesPerPoll: 3, order: "name" });
    for (const name of ["e", "b", "d", "a", "c"]) folder.drop(name);
    const first = folder.complete();
    assert.deepEqual(namesOf(first), ["a", "b", "c"]);
    folder.claim(first);
    assert.deepEqual(namesOf(folder.poll().candidates), ["d", "e"]);
  });

  test("[P32, P-A27] one that cannot be claimed is told once, tried ever more rarely, and holds up no other", () => {
    using folder = new DropFolder();
    folder.drop("a.hl7");
    folder.drop("b.hl7");
    const candidates = folder.complete();
    // Its name in work is taken: for root no right is missing.
    const blocked = "bbbbbbbbbbbbbbbb";
    writeFileSync(folder.at("work", `${blocked}.d.a.hl7`), "");
    const [a, b] = candidates;
    const results = folder.methods.claim([
      { token: a?.token ?? 0, claim: blocked },
      { token: b?.token ?? 0, claim: folder.newClaim() },
    ]);
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ["failed", "claimed"],
    );
    const after = folder.poll();
    assert.deepEqual(after.candidates, []);
    const fault = { step: "rename", folder: "work", sysCode: "EEXIST" };
    assert.deepEqual(after.troubles, { unreadable: { count: 1, fresh: 1, fault } });
    let tries = 0;
    for (let polls = 0; polls < 720; polls++) {
      folder.clock.advance(5_000);
      const { candidates: again, troubles } = folder.poll();
      assert.ok((troubles.unreadable?.fresh ?? 0) <= 1);
      for (const { token } of again) folder.methods.claim([{ token, claim: blocked }]);
      tries += again.length;
    }
    assert.ok(tries >= 12 && tries <= 25, `${tries} tries in an hour`);
  });

  test("[P-A17, P34] names of 255 bytes, with line feeds and of any bytes are taken and come back", () => {
    using folder = new DropFolder();
    const dropped = [
      Buffer.alloc(255, "x"),
      Buffer.from([0xff, 0xfe, 0x80]),
      Buffer.from("a\nb\x1b[2J\u202egnp.hl7"),
      Buffer.from("100% %2F \\ .. \"'`$(x).hl7"),
    ];
    for (const name of dropped) folder.drop(name);
    const claimed = folder.claim(folder.complete());
    assert.deepEqual(
      claimed.map(({ files }) => Buffer.from(files[0]?.name ?? []).toString("hex")).sort(),
      dropped.map((name) => name.toString("hex")).sort(),
    );
    const read = folder.methods.read({ claims: claimed, maxBytes: 1_000 });
    assert.ok(read.every(({ outcome }) => outcome === "whole"));
    folder.methods.putBack(claimed);
    const back = readdirSync(folder.at("drop"), { encoding: "buffer" });
    assert.deepEqual(
      back.map((name) => name.toString("hex")).sort(),
      dropped.map((name) => name.toString("hex")).sort(),
    );
    assert.deepEqual(readdirSync(folder.at("work")), []);
  });
});

describe("claim by row", () => {
  test("[P19] the file stays in place, and is not read again while it is as it was", () => {
    using folder = new DropFolder({ claimBy: "row" });
    const claimed = folder.taken("a.hl7", "MSH|1\r");
    assert.deepEqual(folder.list("drop"), ["a.hl7"]);
    const [read] = folder.methods.read({ claims: [claimed], maxBytes: 100 });
    assert.equal(read?.outcome, "whole");
    const [moved] = folder.methods.archive({ moves: [folder.move(claimed)], after: "leave" });
    assert.deepEqual(moved, { claim: claimed.claim, outcome: "moved", targets: [] });
    folder.clock.advance(60_000);
    const { candidates, leftGone } = folder.poll();
    assert.deepEqual([candidates, leftGone], [[], []]);
  });

  test("[P19] after a restart it is known by what the row says", () => {
    using folder = new DropFolder({ claimBy: "row" });
    const claimed = folder.taken("a.hl7");
    const again = folder.opened();
    again.left([claimed]);
    again.poll(undefined);
    folder.clock.advance(5_000);
    assert.deepEqual(again.poll(undefined).candidates, []);
  });

  test("[P19] one that changes or goes is told once, and is another file then", () => {
    using folder = new DropFolder({ claimBy: "row" });
    const [a, b] = [folder.taken("a.hl7"), folder.taken("b.hl7")];
    appendFileSync(folder.at("drop", "a.hl7"), "x");
    rmSync(folder.at("drop", "b.hl7"));
    assert.deepEqual([...folder.poll().leftGone].sort(), [a.claim, b.claim]);
    assert.deepEqual(folder.poll().leftGone, []);
    assert.deepEqual(namesOf(folder.complete()), ["a.hl7"]);
  });

  test("[P19] a claim that is withdrawn is offered again", () => {
    using folder = new DropFolder({ claimBy: "row" });
    const claimed = folder.taken("a.hl7");
    folder.methods.putBack([claimed]);
    assert.deepEqual(folder.list("drop"), ["a.hl7"]);
    assert.deepEqual(namesOf(folder.complete()), ["a.hl7"]);
  });

  for (const after of ["archive", "delete"] as const) {
    test(`[P19, P25] ${after} takes exactly the file that was read, not one put in its place`, () => {
      using folder = new DropFolder({ claimBy: "row" });
      const [first, second] = [folder.taken("a.hl7", "MSH|1\r"), folder.taken("b.hl7", "MSH|2\r")];
      rmSync(folder.at("drop", "b.hl7"));
      folder.drop("b.hl7", "MSH|3\r");
      const moves = [first, second].map((one) => folder.move(one));
      const found = folder.methods.archive({ moves, after }).map(({ outcome }) => outcome);
      assert.deepEqual(found, ["moved", after === "archive" ? "vanished" : "moved"]);
      assert.deepEqual(folder.list("drop"), ["b.hl7"]);
      assert.equal(folder.text("drop", "b.hl7"), "MSH|3\r");
      assert.deepEqual(folder.list("archive"), after === "archive" ? ["2025/01/02/a.hl7"] : []);
      assert.deepEqual(namesOf(folder.complete()), ["b.hl7"]);
    });
  }
});

describe("back into the drop folder", () => {
  test("[P20] under the original name, or one like it where that is taken", () => {
    using folder = new DropFolder();
    const claimed = folder.taken("a.hl7", "first");
    folder.drop("a.hl7", "second");
    folder.methods.putBack([claimed]);
    assert.deepEqual(folder.list("drop"), ["a.hl7", "a_aaaaaaaa.hl7"]);
    assert.equal(folder.text("drop", "a.hl7"), "second");
    assert.equal(folder.text("drop", "a_aaaaaaaa.hl7"), "first");
    assert.deepEqual(folder.list("work"), []);
  });

  test("[P20] files that belong together go back under one stem", () => {
    using folder = new DropFolder({ completion: "controlFile" });
    for (const name of ["x.hl7", "x.hl7.ok"]) folder.drop(name);
    const claimed = folder.claim(folder.poll().candidates);
    folder.drop("x.hl7");
    folder.methods.putBack(claimed);
    assert.deepEqual(folder.list("drop"), ["x.hl7", "x_aaaaaaaa.hl7", "x_aaaaaaaa.hl7.ok"]);
    // And are found as such again.
    const { candidates } = folder.poll();
    assert.deepEqual(
      candidates.map(({ files }) => files.length),
      [2],
    );
  });

  test("[P20, P-A23] what is in work without a row goes back and through all checks, whatever it is", () => {
    using folder = new DropFolder({ completion: "controlFile" });
    for (const name of ["x.hl7", "x.ok", "k.hl7", "k.ok"]) folder.drop(name);
    const claimed = folder.claim(folder.poll().candidates);
    const known = claimed.filter(
      ({ files: [data] }) => Buffer.from(data?.name ?? []).toString() === "k.hl7",
    );
    writeFileSync(folder.at("work", "planted.hl7"), "planted");
    symlinkSync(SECRET, folder.at("work", "link.hl7"));
    chmodSync(folder.at("work", "planted.hl7"), 0o777);
    assert.equal(folder.methods.strays(known.map(({ claim }) => claim)), 4);
    assert.deepEqual(folder.list("drop"), ["link.hl7", "planted.hl7", "x.hl7", "x.ok"]);
    assert.equal(folder.list("work").length, 2);
    const { candidates, troubles } = folder.poll();
    assert.deepEqual(namesOf(candidates), ["x.hl7"]);
    assert.deepEqual(troubles.refused, { count: 1, fresh: 1 });
  });

  test("[P20] strays of long names and of subfolders find back, and leave nothing behind", () => {
    using folder = new DropFolder({ recursive: true });
    mkdirSync(folder.at("drop", "ward", "room"), { recursive: true });
    const long = `ward/room/${"x".repeat(255)}`;
    folder.drop(long, "long");
    folder.drop("ward/a.hl7", "short");
    assert.equal(folder.claim(folder.complete()).length, 2);
    rmSync(folder.at("drop", "ward"), { recursive: true });
    assert.equal(folder.methods.strays([]), 2);
    assert.equal(folder.text("drop", long), "long");
    assert.equal(folder.text("drop", "ward/a.hl7"), "short");
    assert.deepEqual(readdirSync(folder.at("work")), []);
  });

  test("[P20] a held file without a row finds back from the drop folder itself", () => {
    using folder = new DropFolder({ claimBy: "row" });
    folder.drop(".holdfast-0123456789abcdef.0.a.hl7", "held");
    assert.deepEqual(folder.complete(), []);
    assert.equal(folder.methods.strays([]), 1);
    assert.equal(folder.text("drop", "a.hl7"), "held");
  });

  test("[P51] where files of open claims are", () => {
    using folder = new DropFolder({ completion: "controlFile" });
    for (const name of ["a", "b", "c", "d", "e"])
      for (const end of ["", ".ok"]) folder.drop(`${name}.hl7${end}`);
    const claimed = folder.claim(folder.poll().candidates);
    const [a, b, c, d, e] = claimed;
    assert.ok(a && b && c && d && e);
    const work = (claim: string, letter: string, name: string) =>
      folder.at("work", `${claim}.${letter}.${name}`);
    renameSync(work(b.claim, "d", "b.hl7"), folder.at("drop", "b.hl7"));
    renameSync(work(b.claim, "c", "b.hl7.ok"), folder.at("drop", "b.hl7.ok"));
    renameSync(work(c.claim, "d", "c.hl7"), folder.at("drop", "c.hl7"));
    rmSync(work(d.claim, "d", "d.hl7"));
    rmSync(work(d.claim, "c", "d.hl7.ok"));
    rmSync(work(e.claim, "d", "e.hl7"));
    rmSync(work(e.claim, "c", "e.hl7.ok"));
    // Another file of the name is not it.
    folder.drop("e.hl7");
    const places = folder.methods.whereIs(claimed).map(({ place }) => place);
    assert.deepEqual(places, ["work", "drop", "split", "nowhere", "nowhere"]);
  });

  test("[P51] a file that was being put back when the process ended stays claimed", () => {
    using folder = new DropFolder();
    const claimed = folder.taken("a.hl7");
    linkSync(folder.at("work", `${claimed.claim}.d.a.hl7`), folder.at("drop", "a.hl7"));
    assert.deepEqual(folder.methods.whereIs([claimed]), [{ claim: claimed.claim, place: "work" }]);
    assert.deepEqual(folder.list("drop"), []);
    const [read] = folder.methods.read({ claims: [claimed], maxBytes: 100 });
    assert.equal(read?.outcome, "whole");
  });
});
