/** The high-water file on a disk that refuses, and when it is flushed. @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { HighWater, type HighWaterMark } from "#agent/outbox/epochs/high-water.ts";
import { recorded, recorderMissing } from "#test/rigs/recorder.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { until } from "#test/support/processes.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-high-water-"));
  readonly file = join(this.path, "high-water");

  /** What an opening finds. */
  look(): { readonly found: HighWaterMark | undefined; readonly damaged: boolean } {
    using high = HighWater.open(this.file);
    return { found: high.found, damaged: high.damaged };
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const markOf = (n: number): HighWaterMark => ({
  storeId: new Uint8Array(16).fill(7),
  lastMessageId: n,
  lastQuarantineId: 0,
  channels: [{ name: "adt", epoch: 1n, lastSeq: BigInt(n) }],
});

describe("high-water file on a disk that refuses", () => {
  test("[S17, T-S05] a full disk does not stop it", (t) => {
    const disk = SmallDisk.make(4 << 20);
    if (typeof disk === "string") return t.skip(disk);
    using _ = disk;
    const file = join(disk.path, "high-water");
    HighWater.open(file)[Symbol.dispose]();
    disk.fill();
    using high = HighWater.open(file);
    for (let n = 1; n <= 50; n++) high.write(markOf(n));
    high.flush();
    assert.equal(high.failed, undefined);
    using again = HighWater.open(file);
    assert.deepEqual(again.found, markOf(50));
    const another = join(disk.path, "another");
    assert.throws(() => HighWater.open(another), { code: "STORE_FULL" }, "nor can one be made");
    assert.deepEqual(readdirSync(disk.path).sort(), ["filler", "high-water"], "a part is left");
  });

  test("[S17] a write that fails is remembered, not thrown", (t) => {
    if (!existsSync("/dev/full")) return t.skip("not tested: a write that fails; no /dev/full");
    using high = HighWater.open("/dev/full");
    assert.equal(high.failed, "ENOSPC", "no room could be taken");
    high.write(markOf(1));
    high.flush();
    assert.equal(high.failed, "ENOSPC");
  });

  test("[S17, T-S10] after a write or a flush that failed the next ones count", (t) => {
    const missing = recorderMissing();
    if (missing !== false) return t.skip(missing);
    for (const [fail, expected] of [
      // The first write and flush are those of the new file; its folder is flushed, too.
      ["write:EIO:3", [undefined, "EIO", undefined, undefined]],
      ["write:ENOSPC:3+", [undefined, "ENOSPC", "ENOSPC", "ENOSPC"]],
      ["fsync:EIO:4", [undefined, "EIO", undefined, undefined]],
    ] as const) {
      using folder = new Folder();
      const module = pathToFileURL(
        join(import.meta.dirname, "../../../../agent/outbox/epochs/high-water.ts"),
      );
      const script = `import { HighWater } from ${JSON.stringify(module.href)};
        const high = HighWater.open(${JSON.stringify(folder.file)});
        const failed = [];
        for (let n = 1; n <= 4; n++) {
          high.write({ storeId: new Uint8Array(16), lastMessageId: n, lastQuarantineId: 0, channels: [] });
          high.flush();
          failed.push(high.failed ?? null);
        }
        console.log(JSON.stringify(failed));`;
      const [program = "", ...args] = recorded(
        { dir: folder.path, log: `${folder.path}.log`, fail },
        [process.execPath, "--input-type=module", "--eval", script],
      );
      const { stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
      rmSync(`${folder.path}.log`, { force: true });
      const wanted = expected.map((code) => code ?? null);
      assert.deepEqual(JSON.parse(stdout || "0"), wanted, `${fail}: ${stderr}`);
      const { found, damaged } = folder.look();
      assert.equal(damaged, false);
      assert.equal(found?.lastMessageId, fail.endsWith("+") ? 1 : 4);
    }
  });
});

/** Flushes that are under way in this process. */
const flushing = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === "FSReqCallback").length;
const flushed = (): Promise<void> => until("it is flushed", () => flushing() === 0);

describe("flushing the high-water file", () => {
  test("[S17] starts once a second at most, only for what was written, and never two at once", async () => {
    using folder = new Folder();
    const clock = new ManualClock();
    using high = HighWater.open(folder.file, clock);
    high.flushSoon();
    assert.equal(flushing(), 0, "nothing was written");
    high.write(markOf(1));
    assert.equal(flushing(), 0, "not by writing");
    high.flushSoon();
    assert.equal(flushing(), 1);
    clock.advance(5_000);
    high.write(markOf(2));
    high.flushSoon();
    assert.equal(flushing(), 1, "one is under way");
    await flushed();
    high.flushSoon();
    assert.equal(flushing(), 1, "what came meanwhile");
    await flushed();
    clock.advance(999);
    high.write(markOf(3));
    high.flushSoon();
    assert.equal(flushing(), 0, "a second is not over");
    clock.advance(1);
    high.flushSoon();
    assert.equal(flushing(), 1);
    await flushed();
    clock.advance(5_000);
    high.flushSoon();
    assert.equal(flushing(), 0, "nothing was written since");
    assert.equal(high.failed, undefined);
  });

  test("[S17] a flush that fails is remembered until one succeeds", async (t) => {
    if (!existsSync("/dev/null")) return t.skip("not tested: a flush that fails; no /dev/null");
    // Takes every write, and cannot be flushed.
    using high = HighWater.open("/dev/null", new ManualClock());
    high.write(markOf(1));
    high.flushSoon();
    await flushed();
    high.write(markOf(2));
    assert.equal(high.failed, "EINVAL", "a write does not make it good");
  });

  test("[S17] closing flushes, twice is harmless, and leaves no descriptor", async (t) => {
    if (!existsSync("/proc/self/fd")) return t.skip("not tested: descriptors; there is no /proc");
    using folder = new Folder();
    const openTo = (): number =>
      readdirSync("/proc/self/fd").filter((fd) => {
        try {
          return statSync(`/proc/self/fd/${fd}`).ino === statSync(folder.file).ino;
        } catch {
          // The one by which this list was read.
          return false;
        }
      }).length;
    const high = HighWater.open(folder.file);
    high.write(markOf(1));
    high.flushSoon();
    high.write(markOf(2));
    high[Symbol.dispose]();
    high[Symbol.dispose]();
    assert.throws(() => high.write(markOf(3)), TypeError);
    high.flushSoon();
    high.flush();
    await until("the flush under way has ended", () => openTo() === 0);
    HighWater.open(folder.file)[Symbol.dispose]();
    assert.equal(openTo(), 0, "without a flush under way");
    assert.deepEqual(folder.look(), { found: markOf(2), damaged: false });
  });
});
