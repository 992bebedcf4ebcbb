import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Folder } from "#agent/folders/folder.ts";
import type { ClaimedFiles, Move, MoveOutcome } from "#agent/folders/messages.ts";
import { DropFolder, REASON } from "#test/support/drop-folder.ts";

const sha256 = (text: string): Uint8Array =>
  new Uint8Array(createHash("sha256").update(text).digest());
const archive = (folder: DropFolder, ...moves: readonly Move[]): readonly MoveOutcome[] =>
  folder.methods.archive({ moves, after: "archive" });
const targetsOf = (outcomes: readonly MoveOutcome[]): string[][] =>
  outcomes.map((one) =>
    one.outcome === "moved"
      ? one.targets.map((name) => Buffer.from(name).toString())
      : [one.outcome],
  );
const HASH = sha256("x");
const HASH8 = Buffer.from(HASH).toString("hex").slice(0, 8);

describe("archive", () => {
  test("[P27] a name that is taken gets time and hash, then a number; nothing there is touched", () => {
    using folder = new DropFolder();
    mkdirSync(folder.at("archive", "2025/01/02"), { recursive: true });
    writeFileSync(folder.at("archive", "2025/01/02/a.hl7"), "theirs");
    const found: string[][] = [];
    for (let at = 0; at < 4; at++) {
      const claimed = folder.taken("a.hl7", `${at}`);
      found.push(...targetsOf(archive(folder, folder.move(claimed, { sha256: HASH }))));
    }
    const mark = `2025/01/02/a_20250102T030405_${HASH8}`;
    assert.deepEqual(
      found,
      [`${mark}.hl7`, `${mark}_2.hl7`, `${mark}_3.hl7`, `${mark}_4.hl7`].map((name) => [name]),
    );
    assert.equal(folder.text("archive", "2025/01/02/a.hl7"), "theirs");
    assert.equal(folder.text("archive", `${mark}_3.hl7`), "2");
  });

  test("[P27, P-A2] a link that lies under the name is not followed, and not replaced", () => {
    using folder = new DropFolder();
    mkdirSync(folder.at("archive", "2025/01/02"), { recursive: true });
    writeFileSync(folder.at("secret"), "secret");
    symlinkSync(folder.at("secret"), folder.at("archive", "2025/01/02/a.hl7"));
    const [targets] = targetsOf(archive(folder, folder.move(folder.taken("a.hl7"))));
    assert.match(targets?.[0] ?? "", /^2025\/01\/02\/a_2025/);
    assert.equal(folder.text("secret"), "secret");
    assert.ok(lstatSync(folder.at("archive", "2025/01/02/a.hl7")).isSymbolicLink());
  });

  test("[P27] a day that is a link is not entered", () => {
    using folder = new DropFolder();
    mkdirSync(folder.at("elsewhere/01/02"), { recursive: true });
    symlinkSync(folder.at("elsewhere"), folder.at("archive", "2025"));
    const [moved] = archive(folder, folder.move(folder.taken("a.hl7")));
    assert.ok(moved?.outcome === "failed");
    assert.deepEqual(
      [moved.step, moved.folder, moved.sysCode],
      ["makeFolder", "archive", "ENOTDIR"],
    );
    assert.deepEqual(readdirSync(folder.at("elsewhere/01/02")), []);
    assert.equal(folder.list("work").length, 1);
  });

  test("[P26, P27] a repeat has .dup before its extension, behind what a collision put in", () => {
    using folder = new DropFolder();
    const found = ["a.hl7", "a.hl7", "b"].flatMap((name) => {
      const move = folder.move(folder.taken(name), { sha256: HASH, duplicate: true });
      return targetsOf(archive(folder, move));
    });
    const mark = `a_20250102T030405_${HASH8}`;
    const names = ["a.dup.hl7", `${mark}.dup.hl7`, "b.dup"];
    assert.deepEqual(
      found,
      names.map((name) => [`2025/01/02/${name}`]),
    );
  });

  test("[P26, P-A31] ten thousand of one name cost each a few looks, not one for each before it", (t) => {
    const { look } = Folder.prototype;
    using folder = new DropFolder({ completion: "rename", maxFilesPerPoll: 10 });
    mkdirSync(folder.at("archive", "2025/01/02"), { recursive: true });
    const mark = folder.at("archive", "2025/01/02", `a_20250102T030405_${HASH8}`);
    writeFileSync(folder.at("archive", "2025/01/02/a.hl7"), "");
    writeFileSync(`${mark}.hl7`, "");
    for (let at = 2; at < 10_000; at++) writeFileSync(`${mark}_${at}.hl7`, "");
    let looks = 0;
    t.mock.method(Folder.prototype, "look", function (this: Folder, name: string) {
      looks += 1;
      return look.call(this, name);
    });
    for (let at = 10_000; at < 10_100; at++) {
      folder.drop("a.hl7", `${at}`);
      const [claimed] = folder.claim(folder.poll().candidates);
      assert.ok(claimed);
      const [targets] = targetsOf(archive(folder, folder.move(claimed, { sha256: HASH })));
      assert.deepEqual(targets, [`2025/01/02/a_20250102T030405_${HASH8}_${at}.hl7`]);
    }
    assert.ok(looks < 12_000, `${looks} looks`);
  });

  test("[P-A20] names that differ by case or by Unicode form alone are both kept", () => {
    using folder = new DropFolder();
    const dropped = ["a.hl7", "A.hl7", "\u00e9.hl7", "e\u0301.hl7"];
    for (const name of dropped) folder.drop(name, name);
    const moves = folder.claim(folder.complete()).map((one) => folder.move(one));
    assert.deepEqual(
      targetsOf(archive(folder, ...moves))
        .flat()
        .sort(),
      dropped.map((name) => `2025/01/02/${name}`).sort(),
    );
    for (const name of dropped)
      assert.equal(
        folder.text("archive", `2025/01/02/${name}`),
        Buffer.from(name).toString("latin1"),
      );
  });

  test("[P25] delete removes all files of a claim and keeps none", () => {
    using folder = new DropFolder({ completion: "controlFile" });
    for (const name of ["x.hl7", "x.ok"]) folder.drop(name);
    const moves = folder.claim(folder.poll().candidates).map((one) => folder.move(one));
    const ask = { moves, after: "delete" } as const;
    assert.deepEqual(targetsOf(folder.methods.archive(ask)), [[]]);
    assert.deepEqual([...folder.list("work"), ...folder.list("archive")], []);
    // Asked again, for the mark was lost: nothing is missing.
    assert.deepEqual(targetsOf(folder.methods.archive(ask)), [[]]);
  });

  test("[P33] files are 0640 and folders 0750, whatever the source and the mask say", () => {
    using folder = new DropFolder();
    const before = process.umask(0o077);
    try {
      const claimed = folder.taken("a.hl7");
      chmodSync(folder.at("work", readdirSync(folder.at("work"))[0] ?? ""), 0o6777);
      archive(folder, folder.move(claimed));
      const bad = folder.taken("b.hl7");
      chmodSync(folder.at("work", readdirSync(folder.at("work"))[0] ?? ""), 0o4755);
      folder.methods.aside([{ ...folder.move(bad), reason: REASON }]);
    } finally {
      process.umask(before);
    }
    const modeOf = (...parts: string[]): number => statSync(folder.at(...parts)).mode & 0o7777;
    assert.equal(modeOf("archive", "2025/01/02/a.hl7"), 0o640);
    assert.equal(modeOf("error", "b.hl7"), 0o640);
    assert.equal(modeOf("error", "b.hl7.reason.json"), 0o640);
    for (const path of [
      "archive/2025",
      "archive/2025/01",
      "archive/2025/01/02",
      "work",
      "archive",
      "error",
    ]) {
      assert.equal(modeOf(path), 0o750, path);
    }
  });

  test("[P27, P-A17] names of 255 bytes are archived and set aside, shortened", () => {
    using folder = new DropFolder();
    const long = `${"x".repeat(251)}.hl7`;
    const [a, b] = [folder.taken(long, "1"), folder.taken(long, "2")];
    for (const claimed of [a, b]) {
      const [moved] = archive(folder, folder.move(claimed, { sha256: HASH }));
      assert.equal(moved?.outcome, "moved");
    }
    const bad = folder.taken(long, "3");
    const [aside] = folder.methods.aside([{ ...folder.move(bad), reason: REASON }]);
    assert.equal(aside?.outcome, "moved");
    assert.equal(folder.list("archive").length, 2);
    assert.deepEqual(
      folder.list("error").map((name) => name.length > 200),
      [true, true],
    );
    assert.deepEqual(readdirSync(folder.at("work")), []);
  });

  test("[P15, P27] the relative path is part of the name", () => {
    using folder = new DropFolder({ recursive: true });
    mkdirSync(folder.at("drop", "ward"));
    const claimed = folder.taken("ward/a.hl7");
    assert.deepEqual(targetsOf(archive(folder, folder.move(claimed))), [
      ["2025/01/02/ward%2Fa.hl7"],
    ]);
  });

  test("[P29, P52] an archive that cannot be written to is said by step, folder and code; the file stays", () => {
    using folder = new DropFolder();
    const claimed = folder.taken("a.hl7");
    writeFileSync(folder.at("archive", "2025"), "in the way");
    const [failed] = archive(folder, folder.move(claimed));
    assert.deepEqual(failed, {
      claim: claimed.claim,
      outcome: "failed",
      step: "makeFolder",
      folder: "archive",
      sysCode: "ENOTDIR",
    });
    assert.equal(folder.list("work").length, 1);
    rmSync(folder.at("archive", "2025"));
    assert.equal(archive(folder, folder.move(claimed))[0]?.outcome, "moved");
  });

  test("[P65] a file that has vanished from work is said so, and no other is taken for it", () => {
    using folder = new DropFolder();
    const claimed = folder.taken("a.hl7", "1");
    rmSync(folder.at("work", readdirSync(folder.at("work"))[0] ?? ""));
    mkdirSync(folder.at("archive", "2025/01/02"), { recursive: true });
    writeFileSync(folder.at("archive", "2025/01/02/a.hl7"), "2");
    const move = folder.move(claimed, { sha256: sha256("1") });
    assert.deepEqual(targetsOf(archive(folder, move)), [["vanished"]]);
    const aside = folder.methods.aside([{ ...move, reason: REASON }]);
    assert.deepEqual(targetsOf(aside), [["vanished"]]);
    assert.deepEqual(folder.list("error"), []);
  });
});

describe("error folder", () => {
  test("[P31] the reason has the suffix of its file, and says nothing of its content", () => {
    using folder = new DropFolder();
    writeFileSync(folder.at("error", "a.hl7"), "theirs");
    writeFileSync(folder.at("error", "b.hl7.reason.json"), "{}");
    for (const name of ["a.hl7", "b.hl7"]) {
      const claimed = folder.taken(name, "secret content");
      folder.methods.aside([{ ...folder.move(claimed), reason: REASON }]);
    }
    const marks = ["a", "b"].map((name) => `${name}_20250102T030405_aaaaaaaa.hl7`);
    assert.deepEqual(folder.list("error"), [
      "a.hl7",
      marks[0],
      `${marks[0]}.reason.json`,
      "b.hl7.reason.json",
      marks[1],
      `${marks[1]}.reason.json`,
    ]);
    assert.equal(folder.text("error", "b.hl7.reason.json"), "{}");
    assert.ok(!folder.text("error", `${marks[0]}.reason.json`).includes("secret"));
  });

  test("[P31, P44] files that belong together lie together, with one reason", () => {
    using folder = new DropFolder({ sidecar: "json" });
    folder.drop("x.json", "{");
    const claimed = folder.taken("x.pdf");
    writeFileSync(folder.at("error", "x.json"), "theirs");
    folder.methods.aside([{ ...folder.move(claimed), reason: REASON }]);
    const stem = "x_20250102T030405_aaaaaaaa";
    assert.deepEqual(folder.list("error"), [
      "x.json",
      `${stem}.json`,
      `${stem}.pdf`,
      `${stem}.pdf.reason.json`,
    ]);
  });
});

describe("across file systems", () => {
  /** A second file system, if this machine has one that can be written to. */
  const other = (): string | undefined => {
    try {
      return statSync("/dev/shm").dev === statSync("/tmp").dev
        ? undefined
        : mkdtempSync("/dev/shm/holdfast-");
    } catch {
      return undefined;
    }
  };

  test("[P28] a file is copied whole, with its time, and the source deleted after that", (t) => {
    const shm = other();
    if (shm === undefined) return t.skip("not tested: two file systems; there is no /dev/shm");
    const [archiveFolder, errorFolder] = [join(shm, "archive"), join(shm, "error")];
    mkdirSync(archiveFolder);
    mkdirSync(errorFolder);
    try {
      using folder = new DropFolder({ archiveFolder, errorFolder });
      const content = "0123456789".repeat(500_000);
      const claimed = folder.taken("a.hl7", content);
      const [source] = readdirSync(folder.at("work"));
      const { mtimeMs } = statSync(folder.at("work", source ?? ""));
      const move = folder.move(claimed, { sha256: sha256(content) });
      assert.deepEqual(targetsOf(archive(folder, move)), [["2025/01/02/a.hl7"]]);
      const found = statSync(join(archiveFolder, "2025/01/02/a.hl7"));
      assert.ok(Math.abs(found.mtimeMs - mtimeMs) < 1);
      assert.equal(found.mode & 0o7777, 0o640);
      assert.deepEqual(readdirSync(join(archiveFolder, "2025/01/02")), ["a.hl7"]);
      assert.deepEqual(folder.list("work"), []);
      // The mark was lost: it is found by its hash.
      assert.deepEqual(targetsOf(archive(folder, move)), [["2025/01/02/a.hl7"]]);
      const bad = folder.taken("b.hl7", "bad");
      folder.methods.aside([{ ...folder.move(bad), reason: REASON }]);
      assert.deepEqual(readdirSync(errorFolder).sort(), ["b.hl7", "b.hl7.reason.json"]);
      assert.deepEqual(
        folder.methods.lookBack([
          { ...move, targets: [Buffer.from("2025/01/02/a.hl7")], reason: REASON },
        ]),
        [],
      );
    } finally {
      rmSync(shm, { recursive: true });
    }
  });

  test("[P28] half a copy of an earlier try is replaced, and a finished one is not made twice", (t) => {
    const shm = other();
    if (shm === undefined) return t.skip("not tested: two file systems; there is no /dev/shm");
    const archiveFolder = join(shm, "archive");
    mkdirSync(archiveFolder);
    try {
      using folder = new DropFolder({ archiveFolder });
      const [first, second] = [folder.taken("a.hl7", "first"), folder.taken("b.hl7", "second")];
      const day = join(archiveFolder, "2025/01/02");
      mkdirSync(day, { recursive: true });
      writeFileSync(join(day, `.holdfast-${first.claim}.0.tmp`), "fi");
      // The copy of the second is there under its name; its source was not deleted yet.
      writeFileSync(join(day, "b.hl7"), "second");
      const moves = [
        folder.move(first, { sha256: sha256("first") }),
        folder.move(second, { sha256: sha256("second") }),
      ];
      assert.deepEqual(targetsOf(archive(folder, ...moves)), [
        ["2025/01/02/a.hl7"],
        ["2025/01/02/b.hl7"],
      ]);
      assert.deepEqual(readdirSync(day).sort(), ["a.hl7", "b.hl7"]);
      assert.deepEqual(folder.list("work"), []);
    } finally {
      rmSync(shm, { recursive: true });
    }
  });

  test("[P28, P-A9] what is too large is not copied: it stays in work", (t) => {
    const shm = other();
    if (shm === undefined) return t.skip("not tested: two file systems; there is no /dev/shm");
    const errorFolder = join(shm, "error");
    mkdirSync(errorFolder);
    try {
      using folder = new DropFolder({ errorFolder, maxBytes: 4 });
      const [claimed] = [folder.taken("a.hl7", "12345")];
      const [failed] = folder.methods.aside([
        { ...folder.move(claimed as ClaimedFiles), reason: REASON },
      ]);
      assert.ok(failed?.outcome === "failed");
      assert.deepEqual([failed.step, failed.sysCode], ["copy", "EFBIG"]);
      assert.equal(folder.list("work").length, 1);
    } finally {
      rmSync(shm, { recursive: true });
    }
  });
});
