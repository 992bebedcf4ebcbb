import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Mount,
  mountById,
  mountIn,
  mountPointsBelow,
  mountTable,
} from "#agent/host/mounts.ts";

const TABLE = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw shared:1 master:2 - ext4 /dev/vda rw
40 27 8:1 / /var/lib rw - xfs /dev/sda1 rw
41 40 8:2 / /var/lib/my\\040state rw - ext4 /dev/sda2 rw
42 27 0:50 / /srv rw - nfs4 files:/srv rw
43 27 8:3 / /srv rw - btrfs /dev/sda3 rw
44 27 0:51 / /mnt/x\\134\\012 rw - fuse.s\\040h source\\011 rw
45 27 254:0 /real/drop /bound rw - ext4 /dev/vda rw
`;

const ROOT: Mount = { type: "ext4", source: "/dev/vda", point: "/", root: "/" };
const LIB: Mount = { type: "xfs", source: "/dev/sda1", point: "/var/lib", root: "/" };
const SSHFS: Mount = { type: "fuse.s h", source: "source\t", point: "/mnt/x\\\n", root: "/" };

const MOUNTS: readonly (readonly [string, Mount])[] = [
  ["/", ROOT],
  ["/var", ROOT],
  ["/var/library", ROOT],
  ["/var/lib", LIB],
  ["/var/lib/holdfast/outbox", LIB],
  [
    "/var/lib/my state/outbox",
    { type: "ext4", source: "/dev/sda2", point: "/var/lib/my state", root: "/" },
  ],
  // Mounted over: the last one is what is seen.
  ["/srv/store", { type: "btrfs", source: "/dev/sda3", point: "/srv", root: "/" }],
  ["/mnt/x\\\n/a", SSHFS],
  // Of the same disk as all else: told apart by what of it is seen.
  ["/bound/a", { ...ROOT, point: "/bound", root: "/real/drop" }],
];

describe("mounts", () => {
  for (const [path, mount] of MOUNTS) {
    test(`[S4, P47] ${JSON.stringify(path)} is on ${mount.source.trim()} at ${JSON.stringify(mount.point)}`, () => {
      assert.deepEqual(mountIn(TABLE, path), mount);
    });
  }

  test("[S4] a table without mounts gives none", () => {
    for (const table of ["", "\n", "nonsense", "1 2 3 4 - 5"]) {
      assert.equal(mountIn(table, "/var"), undefined);
    }
  });

  test("[P47] a mount is known by its number", () => {
    assert.deepEqual(mountById(TABLE, 44), SSHFS);
    assert.equal(mountById(TABLE, 99), undefined);
  });

  test("[P-A4] what is mounted below a folder is named, the folder itself is not", () => {
    assert.deepEqual([...mountPointsBelow(TABLE, "/var")], ["/var/lib", "/var/lib/my state"]);
    assert.deepEqual([...mountPointsBelow(TABLE, "/var/lib")], ["/var/lib/my state"]);
    assert.deepEqual([...mountPointsBelow(TABLE, "/va")], []);
    assert.equal(mountPointsBelow(TABLE, "/").size, 6);
  });

  test("[P47] this machine's table has a root", (t) => {
    if (process.platform !== "linux") return t.skip("not tested: mounts; this is not Linux");
    assert.equal(mountIn(mountTable(), "/")?.point, "/");
  });
});
