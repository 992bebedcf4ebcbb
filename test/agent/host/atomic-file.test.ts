import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createFile, flushFolder, makeFolder, replaceFile } from "#agent/host/atomic-file.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-file-"));
  at(...names: readonly string[]): string {
    return join(this.path, ...names);
  }
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("atomic files", () => {
  test("[S10] replaceFile leaves the new content, its mode, and no other file", () => {
    using folder = new Folder();
    for (const content of ["one", "", Buffer.alloc(300_000, "x")]) {
      replaceFile(folder.at("a"), content, 0o600);
      assert.ok(readFileSync(folder.at("a")).equals(Buffer.from(content)));
      assert.equal(modeOf(folder.at("a")), 0o600);
      assert.deepEqual(readdirSync(folder.path), ["a"]);
    }
  });

  test("[S10] a temporary file that a crash left is no obstacle, and does not lend its rights", () => {
    using folder = new Folder();
    writeFileSync(folder.at("a.new"), "half of someth", { mode: 0o666 });
    replaceFile(folder.at("a"), "whole", 0o600);
    assert.deepEqual(
      [readFileSync(folder.at("a"), "utf8"), modeOf(folder.at("a"))],
      ["whole", 0o600],
    );
  });

  test("[S10] createFile never touches a file that exists", () => {
    using folder = new Folder();
    createFile(folder.at("a"), "first", 0o600);
    assert.throws(() => createFile(folder.at("a"), "second", 0o600), { code: "EEXIST" });
    assert.equal(readFileSync(folder.at("a"), "utf8"), "first");
  });

  test("[S10] a disk that takes a part only leaves the old content, and no part under any name", (t) => {
    const disk = SmallDisk.make(4 << 20);
    if (typeof disk === "string") return t.skip(disk);
    using _ = disk;
    const file = join(disk.path, "a");
    replaceFile(file, "old", 0o600);
    // Two pages are free: the first write takes them and says so.
    writeFileSync(join(disk.path, "room"), Buffer.alloc(8_192));
    disk.fill();
    rmSync(join(disk.path, "room"));
    const large = Buffer.alloc(1 << 20, "n");
    assert.throws(() => replaceFile(file, large, 0o600), { code: "ENOSPC" });
    assert.throws(() => createFile(join(disk.path, "b"), large, 0o600), { code: "ENOSPC" });
    assert.equal(readFileSync(file, "utf8"), "old");
    assert.deepEqual(readdirSync(disk.path).sort(), ["a", "filler"]);
  });

  test("[S10] makeFolder makes what is missing, with its mode, and leaves the rest alone", () => {
    using folder = new Folder();
    makeFolder(folder.at("a", "b", "c"), 0o700);
    assert.equal(modeOf(folder.at("a", "b")), 0o700);
    const before = modeOf(folder.path);
    makeFolder(folder.at("a", "b", "c"), 0o755);
    assert.deepEqual([modeOf(folder.at("a", "b", "c")), modeOf(folder.path)], [0o700, before]);
    writeFileSync(folder.at("file"), "");
    assert.throws(() => makeFolder(folder.at("file", "d"), 0o700), { code: /ENOTDIR|EEXIST/ });
  });

  test("flushFolder says so if there is no such folder", () => {
    using folder = new Folder();
    flushFolder(folder.path);
    assert.throws(() => flushFolder(folder.at("missing")), { code: "ENOENT" });
    assert.ok(!existsSync(folder.at("missing")));
  });
});
