import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { deflateRawSync } from "node:zlib";
import Sqlite from "better-sqlite3";
import { diskSpace } from "#agent/host/disk-space.ts";
import { Ballast } from "#agent/outbox/space/ballast.ts";
import { countCalls, recorded, recorderMissing } from "#test/rigs/recorder.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

const MIB = 1024 * 1024;

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-ballast-"));
  readonly file = join(this.path, "ballast");

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Steps until it is held. @returns how many it took */
function make(ballast: Ballast): number {
  for (let count = 1; count < 100; count++) if (ballast.step()) return count;
  throw new Error("it is never held");
}

describe("ballast", () => {
  test("[S13] is made a MiB a step, private, of bytes that no file system can leave out", () => {
    using folder = new Folder();
    const bytes = 2.5 * MIB;
    const ballast = new Ballast({ folder: folder.path, bytes });
    assert.equal(ballast.held, false);
    for (const [done, size] of [
      [false, MIB],
      [false, 2 * MIB],
      [true, bytes],
      [true, bytes],
    ] as const) {
      assert.equal(ballast.step(), done);
      assert.equal(ballast.held, done);
      assert.equal(statSync(folder.file).size, size);
    }
    const { blocks, mode } = statSync(folder.file);
    assert.ok(blocks * 512 >= bytes, "sparse");
    assert.equal(mode & 0o777, 0o600);
    assert.ok(deflateRawSync(readFileSync(folder.file)).length > bytes * 0.99, "compressible");
  });

  test("[S13, S10] each step is flushed, and so is the folder when it begins and when it is released", async (t) => {
    const missing = recorderMissing();
    if (missing !== false) return t.skip(missing);
    using folder = new Folder();
    const log = `${folder.path}.log`;
    const module = pathToFileURL(
      join(import.meta.dirname, "../../../../agent/outbox/space/ballast.ts"),
    );
    const options = { folder: folder.path, bytes: 3 * MIB };
    const script = `import { Ballast } from ${JSON.stringify(module.href)};
      const ballast = new Ballast(${JSON.stringify(options)});
      console.log([ballast.step(), ballast.step(), ballast.step(), ballast.release()].join());`;
    const command = [process.execPath, "--input-type=module", "--eval", script];
    const [program = "", ...args] = recorded({ dir: folder.path, log }, command);
    const { stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
    assert.equal(stdout, "false,false,true,true\n", stderr);
    assert.deepEqual(await countCalls(log), { writes: 3, fsyncs: 3 + 2 });
    rmSync(log);
  });

  test("[S13] one that a killed agent had begun is finished by the next", () => {
    using folder = new Folder();
    const options = { folder: folder.path, bytes: 3 * MIB };
    new Ballast(options).step();
    const next = new Ballast(options);
    assert.equal(next.held, false);
    assert.equal(make(next), 2);
    assert.equal(new Ballast(options).held, true);
  });

  test("[S13] follows the size that is configured, up and down", () => {
    using folder = new Folder();
    for (const bytes of [2 * MIB, 4 * MIB, MIB + 1, 3 * MIB]) {
      const ballast = new Ballast({ folder: folder.path, bytes });
      assert.equal(ballast.held, false);
      make(ballast);
      assert.equal(statSync(folder.file).size, bytes);
    }
  });

  test("[S13] release takes what is there, whole or not, and says so", () => {
    using folder = new Folder();
    const ballast = new Ballast({ folder: folder.path, bytes: 2 * MIB });
    assert.equal(ballast.release(), false);
    ballast.step();
    assert.equal(ballast.release(), true);
    assert.deepEqual(readdirSync(folder.path), []);
    make(ballast);
    assert.equal(ballast.release(), true);
    assert.equal(ballast.held, false);
    assert.equal(ballast.release(), false);
  });

  test("[S13, T-S05] a disk that cannot take it whole keeps no part of it", (t) => {
    const disk = SmallDisk.make(4 * MIB);
    if (typeof disk === "string") return t.skip(disk);
    using _ = disk;
    const ballast = new Ballast({ folder: disk.path, bytes: 6 * MIB });
    const freeAfter = (): number => {
      assert.equal(ballast.step(), false);
      return diskSpace(disk.path).freeBytes;
    };
    const free = Array.from({ length: 6 }, freeAfter).map((bytes) => bytes / MIB);
    assert.deepEqual(free, [3, 2, 1, 0, 4, 3], "the fifth step deletes, the next begins anew");
    ballast.release();
    disk.fill();
    assert.equal(ballast.step(), false);
    assert.deepEqual(readdirSync(disk.path), ["filler"]);
  });

  test("[S13, T-S05] on a full disk nothing can be deleted from a store until it is released", (t) => {
    const disk = SmallDisk.make(8 * MIB);
    if (typeof disk === "string") return t.skip(disk);
    using _ = disk;
    const ballast = new Ballast({ folder: disk.path, bytes: 2 * MIB });
    const store = new Sqlite(join(disk.path, "store.db"));
    store.pragma("journal_mode = WAL");
    store.pragma("synchronous = FULL");
    store.exec("CREATE TABLE body (id INTEGER PRIMARY KEY, bytes BLOB) STRICT");
    const insert = store.prepare("INSERT INTO body (bytes) VALUES (?)");
    for (let i = 0; i < 200; i++) insert.run(Buffer.alloc(8_000, i));
    store.pragma("wal_checkpoint(TRUNCATE)");
    make(ballast);
    disk.fill();
    const prune = store.prepare("DELETE FROM body WHERE id <= 150");
    assert.throws(() => prune.run(), { code: /SQLITE_FULL|SQLITE_IOERR/ });
    const { freeBytes } = diskSpace(disk.path);
    assert.equal(ballast.release(), true);
    assert.equal(diskSpace(disk.path).freeBytes - freeBytes, 2 * MIB);
    assert.equal(prune.run().changes, 150);
    store.close();
  });

  test("[S13, S3] a folder that is not there is a fault of the store", () => {
    using folder = new Folder();
    const missing = new Ballast({ folder: join(folder.path, "missing"), bytes: MIB });
    assert.throws(() => missing.step(), { code: "STORE_CANNOT_OPEN" });
    assert.equal(missing.release(), false);
  });
});
