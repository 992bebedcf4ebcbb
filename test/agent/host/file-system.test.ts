import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type StorageKind, storageKind, storageKindOf } from "#agent/host/file-system.ts";
import { SmallDisk } from "#test/support/small-disk.ts";
import { openTestDatabase } from "#test/support/test-keys.ts";

/** Linux's magic.h, and what 05 S4 says of each. */
const KINDS: readonly (readonly [string, number, StorageKind])[] = [
  ["ext4", 0xef53, "local"],
  ["xfs", 0x58465342, "local"],
  ["btrfs", 0x9123683e, "local"],
  ["zfs", 0x2fc12fc1, "local"],
  ["ntfs3", 0x7366746e, "local"],
  ["tmpfs", 0x01021994, "volatile"],
  ["ramfs", 0x858458f6, "volatile"],
  ["overlay", 0x794c7630, "volatile"],
  ["nfs", 0x6969, "remote"],
  ["smb", 0x517b, "remote"],
  ["cifs", 0xff534d42, "remote"],
  ["smb2", 0xfe534d42, "remote"],
  ["9p", 0x01021997, "remote"],
  ["fuse", 0x65735546, "remote"],
  ["OpenAFS", 0x5346414f, "remote"],
  ["kAFS", 0x6b414653, "remote"],
  ["ceph", 0x00c36400, "remote"],
  ["coda", 0x73757245, "remote"],
  ["ncp", 0x564c, "remote"],
  ["ocfs2", 0x7461636f, "remote"],
  ["vboxsf", 0x786f4256, "remote"],
  ["vmhgfs", 0xbacbacbc, "remote"],
];

const options = { nowMs: 1, newStoreId: new Uint8Array(16) };

describe("storage kind", () => {
  for (const [name, type, kind] of KINDS) {
    test(`[S4] ${name} is ${kind}, also where statfs gives a negative number`, () => {
      assert.equal(storageKindOf(type), kind);
      assert.equal(storageKindOf(type | 0), kind);
    });
  }

  test("[S4] a folder has the kind of its file system", () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-kind-"));
    assert.equal(storageKind(folder), storageKindOf(statfsSync(folder).type));
    rmSync(folder, { recursive: true });
  });

  test("[S4] a tmpfs is refused, and taken with allowVolatileState", (t) => {
    const disk = SmallDisk.make(8 << 20);
    if (typeof disk === "string") return t.skip(disk);
    using _ = disk;
    const { stateDir } = disk;
    assert.equal(storageKind(disk.path), "volatile");
    assert.throws(() => openTestDatabase({ ...options, stateDir, allowVolatileState: false }), {
      code: "STORE_VOLATILE",
      disposition: "halt",
      exit: 78,
    });
    openTestDatabase({ ...options, stateDir, allowVolatileState: true }).database.close();
  });

  test("[S4] a network file system is refused, whatever is allowed", (t) => {
    const remote = ["/proc/fs/nfsd", "/sys/fs/fuse/connections"].find((folder) => {
      try {
        return storageKind(folder) === "remote";
      } catch {
        // Not mounted here.
        return false;
      }
    });
    if (remote === undefined) return t.skip("not tested: STORE_REMOTE; no such mount here");
    const given = { ...options, stateDir: remote, allowVolatileState: true };
    assert.throws(() => openTestDatabase(given), { code: "STORE_REMOTE" });
  });
});
