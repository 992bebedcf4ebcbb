import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  type DeviceKind,
  deviceKindOf,
  measureFlush,
  storageDevice,
} from "#agent/host/flush-latency.ts";
import { mountOf } from "#agent/host/mounts.ts";
import { countCalls, recorded, recorderMissing } from "#test/rigs/recorder.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-flush-"));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

describe("flush latency", () => {
  test("[S4, T-S17] is measured as often as asked, and leaves no file", () => {
    using folder = new Folder();
    for (const count of [1, 20]) {
      const found = measureFlush(folder.path, count);
      assert.equal(found.count, count);
      assert.ok(found.medianMs > 0 && found.medianMs <= found.p99Ms);
      assert.deepEqual(readdirSync(folder.path), []);
    }
  });

  test("[S4, T-S17] each measurement is one write and one flush that the system sees", async (t) => {
    const missing = recorderMissing();
    if (missing !== false) return t.skip(missing);
    using folder = new Folder();
    const log = `${folder.path}.log`;
    const module = pathToFileURL(join(import.meta.dirname, "../../../agent/host/flush-latency.ts"));
    const script = `import { measureFlush } from ${JSON.stringify(module.href)};
      console.log(measureFlush(${JSON.stringify(folder.path)}, 30).count);`;
    const command = [process.execPath, "--input-type=module", "--eval", script];
    const [program = "", ...args] = recorded({ dir: folder.path, log }, command);
    const { stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
    assert.equal(stdout, "30\n", stderr);
    // And one of each before, by which the file gets its room.
    assert.deepEqual(await countCalls(log), { writes: 31, fsyncs: 31 });
    rmSync(log);
  });

  test("[S4] a file that a killed measurement left is no obstacle", () => {
    using folder = new Folder();
    writeFileSync(join(folder.path, "flush-latency"), "x".repeat(9_000));
    assert.equal(measureFlush(folder.path, 2).count, 2);
    assert.deepEqual(readdirSync(folder.path), []);
  });

  test("[S4] what cannot be measured is the operating system's error, and leaves no file", (t) => {
    using folder = new Folder();
    const missing = join(folder.path, "missing");
    assert.throws(() => measureFlush(missing), { code: "ENOENT" });
    assert.ok(!existsSync(missing));
    const disk = SmallDisk.make(1 << 20);
    if (typeof disk === "string") return t.skip(disk);
    using _ = disk;
    disk.fill();
    assert.throws(() => measureFlush(disk.path), { code: "ENOSPC" });
    assert.deepEqual(readdirSync(disk.path), ["filler"]);
  });
});

/** Name, whether it turns, whether the machine is a virtual one. */
const DEVICES: readonly (readonly [string, boolean, boolean, DeviceKind])[] = [
  ["nvme0n1", false, false, "nvme"],
  ["nvme0n1", false, true, "virtual"],
  ["nvme0n1", true, false, "rotational"],
  ["sda", true, false, "rotational"],
  ["sda", false, false, "solid"],
  ["sda", false, true, "virtual"],
  ["sdb", true, true, "virtual"],
  ["mmcblk0", false, false, "solid"],
  ["dm-0", false, false, "solid"],
  ["vda", true, false, "virtual"],
  ["xvda", false, false, "virtual"],
  ["loop7", false, false, "virtual"],
  ["zram0", false, false, "virtual"],
  ["nbd0", false, false, "virtual"],
  ["rbd0", false, false, "virtual"],
  ["pmem0", false, false, "virtual"],
];

describe("storage device", () => {
  for (const [name, isRotational, underHypervisor, kind] of DEVICES) {
    const what = `${name}${isRotational ? ", rotational," : ""}${underHypervisor ? " under a hypervisor" : ""}`;
    test(`[S4, T-S17] ${what} counts as ${kind}`, () => {
      assert.equal(deviceKindOf(name, isRotational, underHypervisor), kind);
    });
  }

  test("[S4] file systems without a device have none, and are known by name", (t) => {
    if (process.platform !== "linux") return t.skip("not tested: mounts; this is not Linux");
    assert.equal(storageDevice("/proc/self"), undefined);
    assert.equal(mountOf("/proc/self")?.type, "proc");
    assert.equal(storageDevice(join(tmpdir(), "holdfast-there-is-no-such-folder")), undefined);
  });

  test("[S4] a file and its folder are on the device that Linux lists under their number", (t) => {
    const known = storageDevice(import.meta.dirname);
    if (known === undefined) return t.skip("not tested: a real disk; this folder is not on one");
    assert.match(known.name, /^[a-z][\w!-]+$/);
    assert.ok(statSync(`/sys/class/block/${known.name}/queue/rotational`).isFile());
    assert.deepEqual(storageDevice(import.meta.filename), known);
  });
});
