import assert from "node:assert/strict";
import { statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { diskSpace, diskSpaceOf } from "#agent/host/disk-space.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

const MIB = 1024 * 1024;

describe("disk space", () => {
  test("[S12] is in bytes, and what is written is not free any more", async (t) => {
    const disk = SmallDisk.make(8 * MIB);
    if (typeof disk === "string") return t.skip(disk);
    using _ = disk;
    const empty = { totalBytes: 8 * MIB, freeBytes: 8 * MIB };
    assert.deepEqual(diskSpace(disk.path), empty);
    assert.deepEqual(await diskSpaceOf(disk.path), empty);
    writeFileSync(join(disk.path, "a"), Buffer.alloc(3 * MIB, 1));
    const filled = { totalBytes: 8 * MIB, freeBytes: 5 * MIB };
    assert.deepEqual(diskSpace(disk.path), filled);
    assert.deepEqual(await diskSpaceOf(disk.path), filled);
  });

  test("[S12, S13] what is kept back for root is not free", (t) => {
    const { bavail, bfree, bsize } = statfsSync(tmpdir());
    if (bavail === bfree) return t.skip("not tested: reserved blocks; the disk here reserves none");
    const reservedBytes = (bfree - bavail) * bsize;
    const { totalBytes, freeBytes } = diskSpace(tmpdir());
    assert.ok(freeBytes < bfree * bsize - reservedBytes / 2);
    assert.ok(freeBytes > 0 && freeBytes < totalBytes);
  });

  test("[S12] a folder that is not there is the operating system's error, in both forms", async () => {
    const missing = join(tmpdir(), "holdfast-there-is-no-such-folder");
    assert.throws(() => diskSpace(missing), { code: "ENOENT" });
    await assert.rejects(diskSpaceOf(missing), { code: "ENOENT" });
  });
});
