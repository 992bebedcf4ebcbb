import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { FOLDER_PRUNE_FILES } from "#agent/limits.ts";
import { DropFolder, REASON } from "#test/support/drop-folder.ts";

const put = (folder: DropFolder, role: "archive" | "error", path: string, text = "12345"): void => {
  mkdirSync(folder.at(role, path, ".."), { recursive: true });
  writeFileSync(folder.at(role, path), text);
};
const bytes = (...names: string[]): Uint8Array[] => names.map((name) => Buffer.from(name));

describe("retention", () => {
  test("[P30] archived files go by the day of their folder, and empty folders with them", () => {
    using folder = new DropFolder();
    for (const day of ["2024/12/31", "2025/01/01", "2025/01/02"])
      put(folder, "archive", `${day}/a.hl7`);
    const beforeMs = Date.UTC(2025, 0, 2, 12);
    const ask = { folder: "archive", beforeMs, kept: [] } as const;
    assert.deepEqual(folder.methods.prune(ask), { deleted: 2, bytes: 10, more: false });
    assert.deepEqual(folder.list("archive"), ["2025/01/02/a.hl7"]);
    assert.ok(
      !existsSync(folder.at("archive", "2024")) && !existsSync(folder.at("archive", "2025/01/01")),
    );
    assert.deepEqual(folder.methods.prune(ask), { deleted: 0, bytes: 0, more: false });
  });

  test("[P30] a target that is kept stays, and its folder", () => {
    using folder = new DropFolder();
    for (const name of ["a", "b", "c"]) put(folder, "archive", `2024/12/31/${name}`);
    const kept = bytes("2024/12/31/b", "a");
    assert.equal(
      folder.methods.prune({ folder: "archive", beforeMs: Date.UTC(2026), kept }).deleted,
      2,
    );
    assert.deepEqual(folder.list("archive"), ["2024/12/31/b"]);
  });

  test("[P30] a file that may not be deleted keeps no other, behind it or on a later day", (t) => {
    using folder = new DropFolder();
    for (const path of ["2024/12/30/a", "2024/12/30/b", "2024/12/31/c"])
      put(folder, "archive", path);
    const stuck = folder.at("archive", "2024/12/30/a");
    if (spawnSync("chattr", ["+i", stuck]).status !== 0) {
      return t.skip("not tested: a file that may not be deleted; chattr does not work here");
    }
    try {
      const ask = { folder: "archive", beforeMs: Date.UTC(2026), kept: [] } as const;
      assert.deepEqual(folder.methods.prune(ask), { deleted: 2, bytes: 10, more: false });
      assert.deepEqual(folder.list("archive"), ["2024/12/30/a"]);
    } finally {
      spawnSync("chattr", ["-i", stuck]);
    }
  });

  test("[P30] a step is bounded, and says that there is more", () => {
    using folder = new DropFolder();
    for (let at = 0; at <= FOLDER_PRUNE_FILES; at++) put(folder, "archive", `2024/12/31/${at}`);
    const ask = { folder: "archive", beforeMs: Date.UTC(2026), kept: [] } as const;
    const { deleted, more } = folder.methods.prune(ask);
    assert.deepEqual([deleted, more], [FOLDER_PRUNE_FILES, true]);
    assert.deepEqual(folder.methods.prune(ask), { deleted: 1, bytes: 5, more: false });
    assert.deepEqual(folder.list("archive"), []);
  });

  test("[P30, P-A23] no link is followed, and nothing outside is touched", () => {
    using folder = new DropFolder();
    mkdirSync(folder.at("outside/01/02"), { recursive: true });
    writeFileSync(folder.at("outside/01/02/secret"), "");
    symlinkSync(folder.at("outside"), folder.at("archive", "2020"));
    mkdirSync(folder.at("archive", "2021/01/02"), { recursive: true });
    symlinkSync(folder.at("outside/01/02/secret"), folder.at("archive", "2021/01/02/link"));
    put(folder, "archive", "notes/keep");
    put(folder, "archive", "2021/01/readme");
    put(folder, "archive", "2021/99/99/odd");
    assert.deepEqual(
      folder.methods.prune({ folder: "archive", beforeMs: Date.UTC(2026), kept: [] }),
      {
        deleted: 0,
        bytes: 0,
        more: false,
      },
    );
    assert.ok(existsSync(folder.at("outside/01/02/secret")));
  });

  test("[P30] files in the error folder go by when they came there, not by their sender's time", () => {
    using folder = new DropFolder();
    const old = folder.drop("old.hl7").toString();
    utimesSync(old, 1_000, 1_000);
    const claimed = folder.claim(folder.complete());
    folder.methods.aside(claimed.map((one) => ({ ...folder.move(one), reason: REASON })));
    const prune = (beforeMs: number, ...kept: string[]) =>
      folder.methods.prune({ folder: "error", beforeMs, kept: bytes(...kept) });
    assert.equal(prune(Date.now() - 3_600_000).deleted, 0);
    assert.equal(prune(Date.now() + 3_600_000, "old.hl7").deleted, 0);
    assert.equal(prune(Date.now() + 3_600_000).deleted, 2);
    assert.deepEqual(folder.list("error"), []);
  });
});
