import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { Folder } from "#agent/folders/folder.ts";
import type { FolderFinding } from "#agent/folders/messages.ts";
import { isAnyOnShare, isolationFor, kindOfMount } from "#agent/folders/share-kind.ts";
import { DropFolder, namesOf, REASON } from "#test/support/drop-folder.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

const moved = (folder: string, what: string) => (error: unknown) =>
  error instanceof AgentError &&
  error.code === "FOLDER_MOVED" &&
  error.facts["folder"] === folder &&
  error.facts["what"] === what;
const failed = (folder: string, step: string, sysCode: string) => (error: unknown) =>
  error instanceof AgentError &&
  error.code === "FOLDER_FAILED" &&
  JSON.stringify([error.facts["folder"], error.facts["step"], error.facts["sysCode"]]) ===
    JSON.stringify([folder, step, sysCode]);
/** Nothing of a path, in a fault (P34). */
const withoutNames = (folder: DropFolder, act: () => void): void => {
  try {
    act();
    assert.fail("it did not fail");
  } catch (error) {
    assert.ok(error instanceof AgentError);
    assert.ok(!`${error.message}${JSON.stringify(error.facts)}`.includes(folder.path));
  }
};

describe("is it still the folder", () => {
  test("[P47, P-A3] a drop folder that became a link is not read", () => {
    using folder = new DropFolder();
    folder.drop("a.hl7");
    renameSync(folder.at("drop"), folder.at("aside"));
    symlinkSync(folder.at("aside"), folder.at("drop"));
    assert.throws(() => folder.poll(), moved("drop", "path"));
    withoutNames(folder, () => folder.poll());
  });

  test("[P47, P-A3] nor is one below a parent that became a link, and nothing is written there", () => {
    using folder = new DropFolder();
    const claimed = folder.taken("a.hl7");
    const parent = folder.path;
    renameSync(parent, `${parent}.aside`);
    symlinkSync(`${parent}.aside`, parent);
    try {
      assert.throws(() => folder.poll(), moved("drop", "path"));
      const moves = [folder.move(claimed)];
      assert.throws(
        () => folder.methods.archive({ moves, after: "archive" }),
        moved("work", "path"),
      );
      assert.throws(
        () => folder.methods.aside([{ ...folder.move(claimed), reason: REASON }]),
        moved("work", "path"),
      );
      assert.deepEqual(readdirSync(join(`${parent}.aside`, "archive")), []);
    } finally {
      rmSync(parent);
      renameSync(`${parent}.aside`, parent);
    }
    assert.equal(
      folder.methods.archive({ moves: [folder.move(claimed)], after: "archive" })[0]?.outcome,
      "moved",
    );
  });

  test("[P47] a folder that is gone is not an empty one; back again, it is polled on", () => {
    using folder = new DropFolder();
    folder.drop("a.hl7");
    renameSync(folder.at("drop"), folder.at("aside"));
    assert.throws(() => folder.poll(), moved("drop", "path"));
    renameSync(folder.at("aside"), folder.at("drop"));
    assert.deepEqual(namesOf(folder.complete()), ["a.hl7"]);
  });

  test("[P47] links that were there when the folder was opened are followed", () => {
    using folder = new DropFolder();
    symlinkSync(folder.at("drop"), folder.at("link"));
    const methods = folder.opened({ folder: folder.at("link") });
    assert.equal(methods.poll(undefined).fileCount, 0);
    mkdirSync(folder.at("other"));
    rmSync(folder.at("link"));
    symlinkSync(folder.at("other"), folder.at("link"));
    assert.throws(() => methods.poll(undefined), moved("drop", "path"));
  });

  test("[P47] a share that is unmounted, or another one in its place, is told by its mount; mounted again, it goes on", (t) => {
    const disk = SmallDisk.make(1 << 20);
    if (typeof disk === "string") return t.skip(disk);
    using _disk = disk;
    using folder = new DropFolder({}, disk.path);
    folder.drop("a.hl7");
    assert.equal(folder.poll().fileCount, 1);
    const run = (...command: string[]): void => {
      const [program = "", ...args] = command;
      assert.equal(spawnSync(program, args).status, 0, command.join(" "));
    };
    run("mount", "--bind", folder.at("drop"), folder.at("drop"));
    assert.throws(() => folder.poll(), moved("drop", "mount"));
    run("umount", folder.at("drop"));
    assert.equal(folder.poll().fileCount, 1);
    // Unmounted, with folders of the same names below.
    const away = mkdtempSync(join(tmpdir(), "holdfast-away-"));
    run("mount", "--move", disk.path, away);
    try {
      mkdirSync(folder.at("drop"), { recursive: true });
      assert.throws(() => folder.poll(), moved("drop", "mount"));
    } finally {
      rmSync(disk.path, { recursive: true });
      mkdirSync(disk.path);
      run("mount", "--move", away, disk.path);
      rmSync(away, { recursive: true });
    }
    assert.equal(folder.poll().fileCount, 1);
  });

  test("[P47] without its sentinel it is not the folder; the sentinel itself is no drop", () => {
    using folder = new DropFolder();
    assert.throws(() => folder.opened({ sentinelFile: "here" }), moved("drop", "sentinel"));
    folder.drop("here", "");
    const methods = folder.opened({ sentinelFile: "here" });
    assert.equal(methods.poll(undefined).fileCount, 0);
    rmSync(folder.at("drop", "here"));
    assert.throws(() => methods.poll(undefined), moved("drop", "sentinel"));
  });

  test("[P34, P47] on a disk a name in another case is another file, and a drop", (t) => {
    if (process.platform !== "linux") return t.skip("not tested: case; this is not Linux");
    using folder = new DropFolder();
    for (const name of ["here", "HERE"]) folder.drop(name);
    const methods = folder.opened({ sentinelFile: "here" });
    assert.equal(methods.poll(undefined).fileCount, 1);
  });

  test("[P2, P47] work, archive and error beside the drop folder are made; without the drop folder nothing is", () => {
    using folder = new DropFolder();
    for (const name of ["work", "archive", "error"]) assert.ok(existsSync(folder.at(name)));
    for (const name of ["drop", "work", "archive", "error"])
      rmSync(folder.at(name), { recursive: true });
    assert.throws(() => folder.opened(), failed("drop", "open", "ENOENT"));
    assert.deepEqual(readdirSync(folder.path), []);
    mkdirSync(folder.at("drop"));
    const elsewhere = { archiveFolder: folder.at("share/archive") };
    mkdirSync(folder.at("share"));
    assert.throws(() => folder.opened(elsewhere), failed("archive", "open", "ENOENT"));
  });

  test("[P52] what is no folder is said with its role, step and code", () => {
    using folder = new DropFolder();
    writeFileSync(folder.at("file"), "");
    assert.throws(
      () => folder.opened({ workFolder: folder.at("file") }),
      failed("work", "open", "ENOTDIR"),
    );
  });
});

describe("kind of share", () => {
  const KINDS = {
    ext4: "local",
    xfs: "local",
    tmpfs: "local",
    overlay: "local",
    cifs: "smb",
    smb3: "smb",
    nfs: "nfs",
    nfs4: "nfs",
    "fuse.sshfs": "smb",
    fuse: "smb",
    "9p": "smb",
    fuseblk: "local",
  } as const;
  for (const [type, kind] of Object.entries(KINDS)) {
    test(`[P48] ${type} is ${kind}`, () => assert.equal(kindOfMount(type), kind));
  }

  test("[P46, P48] where a folder is worked on is found without touching it", (t) => {
    if (process.platform !== "linux") return t.skip("not tested: mounts; this is not Linux");
    const table = [
      "27 1 254:0 / / rw - ext4 /dev/vda rw",
      "28 27 0:50 / /mnt/share rw - cifs //files/x rw",
      "29 27 0:51 / /mnt/auto rw - autofs systemd-1 rw",
    ].join("\n");
    assert.equal(isolationFor(["/srv/drop", undefined], "auto", table), "thread");
    assert.equal(isolationFor(["/mnt/share/drop"], "auto", table), "process");
    assert.equal(isolationFor(["/mnt/auto/drop"], "auto", table), "process");
    assert.equal(isolationFor(["/mnt/share/drop"], "local", table), "thread");
    assert.equal(isolationFor(["/srv/drop"], "smb", table), "process");
    assert.equal(isolationFor(["/there/is/no/such"], "auto"), "thread");
    // Any of them may hang; what is said of the drop folder is not said of the others.
    for (const wanted of ["auto", "local"] as const) {
      assert.equal(isolationFor(["/srv/drop", "/mnt/share/archive"], wanted, table), "process");
    }
  });

  test("[P46, P48] one folder on a share is enough, wherever a link leads", () => {
    const found = (path: string, type: string) => {
      return { path, location: path, mount: { point: "/", root: "/", type, source: "x" } };
    };
    const [local, share] = [found("/srv/in", "ext4"), found("/srv/archive", "cifs")];
    assert.equal(isAnyOnShare("auto", [local, local]), false);
    assert.equal(isAnyOnShare("auto", [share, local]), true);
    assert.equal(isAnyOnShare("local", [share, local]), false);
    for (const wanted of ["auto", "local"] as const) {
      assert.equal(isAnyOnShare(wanted, [local, share]), true);
    }
  });

  test("[P48] open says what is mounted, and whether names can be linked", () => {
    using folder = new DropFolder();
    const { kind, canLink, mayHang, fileSystem } = folder.methods.open(folder.settings);
    assert.deepEqual([kind, canLink, mayHang], ["local", true, false]);
    assert.match(fileSystem, /^\w+$/);
    assert.deepEqual(
      [
        ...folder.list("drop"),
        ...folder.list("work"),
        ...folder.list("archive"),
        ...folder.list("error"),
      ],
      [],
    );
  });

  test("[P2, P19] a work folder on another file system is refused with what to do, unless files are claimed by row", (t) => {
    const disk = SmallDisk.make(1 << 20);
    if (typeof disk === "string") return t.skip(disk);
    using _disk = disk;
    using folder = new DropFolder();
    const workFolder = join(disk.path, "work");
    mkdirSync(workFolder);
    assert.throws(
      () => folder.opened({ workFolder }),
      (error) => {
        assert.ok(error instanceof AgentError && error.code === "FOLDER_WORK_ELSEWHERE");
        assert.match(error.remedy, /workFolder.*claimBy: row/);
        return true;
      },
    );
    assert.deepEqual([folder.list("drop"), readdirSync(workFolder)], [[], []]);
    folder.opened({ workFolder, claimBy: "row" });
  });

  test("[P19] with claims by row nothing is written into the drop folder, which may allow no more than reading", () => {
    using folder = new DropFolder({ claimBy: "row" });
    const { create } = Folder.prototype;
    try {
      Folder.prototype.create = function (name, mode) {
        // Files can be made there, and neither renamed nor deleted: an entry that denies DELETE.
        assert.notEqual(this.role, "drop");
        return create.call(this, name, mode);
      };
      folder.opened();
    } finally {
      Folder.prototype.create = create;
    }
  });
});

describe("folder test", () => {
  const bad = (found: readonly FolderFinding[]): string[] =>
    found
      .filter(({ sysCode, warning }) => sysCode !== undefined || warning !== undefined)
      .map(({ folder, step, sysCode, warning }) => `${folder} ${step} ${sysCode ?? warning}`);

  test("[P3] every step in every folder works, and nothing is left", () => {
    using folder = new DropFolder();
    const found = folder.methods.test(undefined);
    assert.deepEqual(bad(found), []);
    const steps = found.filter((one) => one.folder === "error").map(({ step }) => step);
    assert.deepEqual(steps, [
      "exists",
      "create",
      "write",
      "flush",
      "rename",
      "flushFolder",
      "read",
      "list",
      "delete",
    ]);
    for (const role of ["drop", "work", "archive", "error"] as const)
      assert.deepEqual(folder.list(role), []);
  });

  test("[P3] a folder that is gone, or another one, is named", () => {
    using folder = new DropFolder();
    rmSync(folder.at("archive"), { recursive: true });
    rmSync(folder.at("error"), { recursive: true });
    symlinkSync(folder.at("drop"), folder.at("error"));
    assert.deepEqual(bad(folder.methods.test(undefined)), [
      "archive exists FOLDER_MOVED",
      "error exists FOLDER_MOVED",
    ]);
  });

  test("[P3] a disk that is read-only is named by its failing step", (t) => {
    const disk = SmallDisk.make(1 << 20);
    if (typeof disk === "string") return t.skip(disk);
    using _disk = disk;
    using folder = new DropFolder({}, disk.path);
    spawnSync("mount", ["-o", "remount,ro", disk.path]);
    assert.deepEqual(
      bad(folder.methods.test(undefined)),
      ["drop", "work", "archive", "error"].map((role) => `${role} create EROFS`),
    );
    // With claims by row nothing is written to the drop folder.
    using rows = new DropFolder({ claimBy: "row" });
    assert.deepEqual(
      rows.methods
        .test(undefined)
        .filter((one) => one.folder === "drop")
        .map(({ step }) => step),
      ["exists", "list"],
    );
    spawnSync("mount", ["-o", "remount,rw", disk.path]);
  });

  test("[P2] folders where senders may write are warned of, the drop folder is not", (t) => {
    if (process.getuid?.() !== 0) return t.skip("not tested: groups of folders; this is not root");
    using folder = new DropFolder();
    chmodSync(folder.at("drop"), 0o2770);
    chownSync(folder.at("drop"), 0, 12_345);
    chmodSync(folder.at("work"), 0o777);
    chmodSync(folder.at("archive"), 0o770);
    chownSync(folder.at("archive"), 0, 12_345);
    chmodSync(folder.at("error"), 0o770);
    assert.deepEqual(bad(folder.methods.test(undefined)), [
      "work rights writableBySenders",
      "archive rights writableBySenders",
    ]);
  });
});
