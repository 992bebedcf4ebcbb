/** Files that go out, on a real folder (04 section 11). @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  faultOf,
  fileOf,
  latin1Bytes,
  MESSAGE,
  modeOf,
  outletProgram,
  TargetFolder,
  WRITTEN,
  writeWhole,
} from "#test/support/target-folder.ts";

describe("writing a file", () => {
  test("[P53, P59] a message lies there byte for byte, under its name alone", () => {
    using target = new TargetFolder();
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const outlet = target.open();
    assert.deepEqual(writeWhole(outlet, bytes), WRITTEN);
    assert.deepEqual(target.names, ["order_3-7.hl7"]);
    assert.deepEqual(new Uint8Array(readFileSync(target.path("order_3-7.hl7"))), bytes);
    assert.equal(lstatSync(target.path("order_3-7.hl7")).nlink, 1);
  });

  test("[P53] until its last byte nothing is there but a temporary file in the target folder", () => {
    using target = new TargetFolder();
    const outlet = target.open();
    const file = fileOf(latin1Bytes(MESSAGE));
    const [first, rest] = [latin1Bytes(MESSAGE.slice(0, 5)), latin1Bytes(MESSAGE.slice(5))];
    assert.deepEqual(outlet.write({ file, from: 0, bytes: first, last: false }), {
      outcome: "more",
    });
    assert.deepEqual(target.files, ["holdfast_orders_42.tmp=MSH|^"]);
    assert.deepEqual(outlet.write({ file, from: 5, bytes: rest, last: true }), WRITTEN);
    assert.deepEqual(target.files, [`order_3-7.hl7=${MESSAGE}`]);
  });

  test("[P53] with tempFolder nothing but finished files is ever in the target folder", () => {
    using target = new TargetFolder();
    const tempFolder = join(target.root, "temp");
    const seen: string[] = [];
    const look = (): void => void seen.push(...target.names);
    const outlet = target.open({ tempFolder, tempSuffix: ".part" }, look);
    writeWhole(outlet, MESSAGE, {}, 4);
    assert.deepEqual([...new Set(seen)], ["order_3-7.hl7"]);
    assert.deepEqual(readdirSync(tempFolder), []);
    assert.equal(modeOf(tempFolder), 0o750);
  });

  test("[P53] a tempFolder on another file system is refused", (t) => {
    using target = new TargetFolder();
    const tempFolder = `/dev/shm/holdfast-outlet-${process.pid}`;
    if (!existsSync("/dev/shm") || statSync("/dev/shm").dev === statSync(target.folder).dev) {
      return t.skip("not tested: there is no second file system");
    }
    mkdirSync(tempFolder, { recursive: true });
    try {
      const fault = faultOf(() => target.open({ tempFolder }));
      assert.equal(fault, "FOLDER_FAILED step=sameFileSystem folder=temp sysCode=EXDEV");
    } finally {
      rmSync(tempFolder, { recursive: true, force: true });
    }
  });

  test("[P53] the control file comes last, empty, when the data is there under its name", () => {
    using target = new TargetFolder();
    const steps: string[] = [];
    const outlet = target.open({ controlSuffix: ".ok" }, (step) => {
      steps.push(`${step}: ${target.names.join(" ")}`);
    });
    assert.deepEqual(writeWhole(outlet, MESSAGE), WRITTEN);
    assert.deepEqual(target.files, [`order_3-7.hl7=${MESSAGE}`, "order_3-7.hl7.ok="]);
    assert.deepEqual(steps.slice(-5), [
      "publish: holdfast_orders_42.tmp order_3-7.hl7",
      "remove: order_3-7.hl7",
      "flushFolder: order_3-7.hl7",
      "control: order_3-7.hl7 order_3-7.hl7.ok",
      "flushFolder: order_3-7.hl7 order_3-7.hl7.ok",
    ]);
    assert.equal(modeOf(target.path("order_3-7.hl7.ok")), 0o640);
  });

  test("[P53] the flush of a file comes before its name, and that of the folder after it", (t) => {
    const strace = spawnSync("strace", ["-V"]);
    if (strace.status !== 0) return t.skip("not tested: order of system calls; there is no strace");
    using target = new TargetFolder();
    const log = join(target.root, "calls");
    const program = outletProgram(
      target.settings({ controlSuffix: ".ok" }),
      "writeWhole(outlet, MESSAGE)",
    );
    const calls = "trace=openat,write,pwrite64,fsync,fdatasync,link,linkat,unlink,unlinkat,rename";
    const traced = ["-f", "-y", "-o", log, "-e", calls, ...program];
    const { status, stderr } = spawnSync("strace", traced, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const order = readFileSync(log, "utf8")
      .split("\n")
      .filter((line) => /\/out|\/proc\/self\/fd/.test(line) && !/O_DIRECTORY|ENOENT/.test(line))
      .map((line) => {
        const [, call = ""] = /^\d+\s+(\w+)\(/.exec(line) ?? [];
        const what = /\.ok/.test(line) ? "control" : /\.tmp/.test(line) ? "file" : "folder";
        return `${call.replace(/at$|64$|^p(?=w)/g, "")} ${what}`;
      });
    assert.deepEqual(
      order.filter((line) => !line.startsWith("open ")),
      [
        ...["write file", "fsync file", "link file", "unlink file", "fsync folder"],
        ...["fsync control", "fsync folder"],
      ],
    );
  });

  test("[P33] a file has exactly the mode that is configured, whatever the mask of the process", () => {
    using target = new TargetFolder();
    const before = process.umask(0o077);
    try {
      writeWhole(target.open({ fileMode: 0o664 }), MESSAGE);
      assert.equal(modeOf(target.path("order_3-7.hl7")), 0o664);
    } finally {
      process.umask(before);
    }
  });

  test("[P59] an empty message is an empty file", () => {
    using target = new TargetFolder();
    assert.deepEqual(writeWhole(target.open(), ""), WRITTEN);
    assert.deepEqual(target.files, ["order_3-7.hl7="]);
  });

  test("[P59] what does not have the hash of the message is never published", () => {
    using target = new TargetFolder();
    const outlet = target.open();
    const sha256 = new Uint8Array(32);
    assert.throws(() => writeWhole(outlet, MESSAGE, { sha256 }), RangeError);
    assert.throws(() => writeWhole(outlet, MESSAGE, { bytes: 99 }), RangeError);
    assert.deepEqual(target.names, []);
    assert.deepEqual(writeWhole(outlet, MESSAGE), WRITTEN);
  });

  test("[P54] what is given up leaves nothing behind, and the next message goes on", () => {
    using target = new TargetFolder();
    const outlet = target.open({ sentFolder: target.sent });
    const file = fileOf(latin1Bytes(MESSAGE));
    outlet.write({ file, from: 0, bytes: latin1Bytes("MSH"), last: false });
    outlet.drop();
    assert.deepEqual([...target.names, ...readdirSync(target.sent)], []);
    outlet.write({ file, from: 0, bytes: latin1Bytes("MSH"), last: false });
    // Another one begins without a word.
    assert.deepEqual(writeWhole(outlet, "B", { key: 43, name: "b_3-8.hl7", id: "3-8" }), WRITTEN);
    assert.deepEqual(target.names, ["b_3-8.hl7"]);
  });

  test("[P54] a disk without room is said to be full, and nothing stays on it", (t) => {
    if (!existsSync("/dev/shm") || process.getuid?.() !== 0) {
      return t.skip("not tested: a full disk needs a file system of its own, and root");
    }
    using target = new TargetFolder();
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", target.folder]);
    if (mounted.status !== 0) return t.skip("not tested: nothing can be mounted here");
    try {
      const outlet = target.open();
      const large = Buffer.alloc(200_000, "x");
      const fault = faultOf(() => writeWhole(outlet, large));
      assert.equal(fault, "FOLDER_FAILED step=write folder=target sysCode=ENOSPC");
      assert.deepEqual(target.names, []);
      assert.deepEqual(writeWhole(outlet, MESSAGE), WRITTEN);
      spawnSync("mount", ["-o", "remount,ro", target.folder]);
      const other = faultOf(() =>
        writeWhole(outlet, MESSAGE, { key: 43, name: "b", id: undefined }),
      );
      assert.equal(other, "FOLDER_FAILED step=create folder=target sysCode=EROFS");
    } finally {
      spawnSync("umount", ["-l", target.folder]);
    }
  });
});
