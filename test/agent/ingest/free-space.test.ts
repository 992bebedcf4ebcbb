import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { AgentError } from "#agent/errors.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { Tasks } from "#agent/host/tasks.ts";
import { FreeSpace } from "#agent/ingest/free-space.ts";
import { StoreGate } from "#agent/ingest/store-gate.ts";
import { BALLAST_BYTES, FREE_SPACE_FLOOR_BYTES, freeSpaceFloor } from "#agent/limits.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

const MIB = 1024 * 1024;
const BALLAST = 4 * MIB;

/** The watch on a disk of 16 MiB, of which the ballast will take four: the floor is two. */
class Watch implements AsyncDisposable {
  readonly disk: SmallDisk;
  readonly clock = new ManualClock();
  readonly conditions = new Conditions();
  readonly told: boolean[] = [];
  readonly faults: unknown[] = [];
  readonly tasks = new Tasks((_name, error) => this.faults.push(error));
  readonly gate: StoreGate;
  readonly #folder: string;
  #watch: FreeSpace | undefined;

  private constructor(disk: SmallDisk) {
    this.disk = disk;
    this.#folder = join(disk.stateDir, "outbox");
    mkdirSync(this.#folder, { recursive: true });
    const { clock, conditions, tasks } = this;
    const parts = { clock, conditions, tasks, log: silentLog };
    const probe = async (): Promise<void> => this.watch.refuseIfLow();
    this.gate = new StoreGate({ ...parts, probe });
  }

  static async open(disk: SmallDisk, ballastBytes = BALLAST): Promise<Watch> {
    const made = new Watch(disk);
    const { clock, conditions, tasks, gate, told } = made;
    const outbox = { diskIs: async (low: boolean): Promise<void> => void told.push(low) };
    const parts = { clock, conditions, tasks, gate, log: silentLog, outbox, ballastBytes };
    made.#watch = await FreeSpace.open({ ...parts, stateDir: disk.stateDir });
    return made;
  }

  get watch(): FreeSpace {
    assert.ok(this.#watch !== undefined);
    return this.#watch;
  }

  get open(): string[] {
    return this.conditions.list().map(({ condition }) => condition);
  }

  /** The next look is over. */
  async look(): Promise<void> {
    this.clock.advance(1_000);
    while (this.tasks.names().length > 0) await new Promise(setImmediate);
  }

  /** Somebody's file takes so much, in place of what it took before. */
  take(bytes: number): void {
    writeFileSync(join(this.disk.path, "somebody"), Buffer.alloc(bytes, 1));
  }

  ballast(bytes: number): void {
    writeFileSync(join(this.#folder, "ballast"), Buffer.alloc(bytes, 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.watch[Symbol.dispose]();
    this.gate[Symbol.dispose]();
    await this.tasks[Symbol.asyncDispose]();
    this.disk[Symbol.dispose]();
    assert.deepEqual(this.faults, []);
    assert.equal(this.clock.armedCount, 0, "no timer is left");
  }
}

async function watching(context: TestContext, work: (watch: Watch) => Promise<void>) {
  const disk = SmallDisk.make(16 * MIB);
  if (typeof disk === "string") return context.skip(disk);
  await using watch = await Watch.open(disk);
  await work(watch);
}

test("[S13] the floor is what may wait for its commit, and half the ballast on a small disk", () => {
  assert.equal(freeSpaceFloor(BALLAST_BYTES), FREE_SPACE_FLOOR_BYTES);
  assert.equal(freeSpaceFloor(BALLAST), BALLAST / 2);
  assert.equal(freeSpaceFloor(0), 0);
});

test("[E1] [S13] below the floor no message is taken; the ballast's room does not count as free", (context) =>
  watching(context, async (watch) => {
    assert.deepEqual(watch.told, [false]);
    assert.ok(watch.gate.isOpen);
    watch.take(9 * MIB);
    await watch.look();
    assert.ok(watch.gate.isOpen, "7 are free, 4 of them for the ballast");
    watch.take(11 * MIB);
    await watch.look();
    assert.ok(!watch.gate.isOpen);
    assert.equal(watch.gate.reason.code, "DISK_LOW");
    assert.deepEqual(watch.told, [false, true]);
    assert.deepEqual(watch.open.toSorted(), ["diskLow", "storeFailing"]);
    assert.throws(() => watch.watch.refuseIfLow(), { code: "DISK_LOW" });
    // What is held is not free either.
    watch.ballast(BALLAST);
    watch.take(9 * MIB);
    await watch.look();
    assert.ok(!watch.gate.isOpen);
  }));

test("[E1] [S13] taken again only where the ballast fits in, and as much besides; and after a probe", (context) =>
  watching(context, async (watch) => {
    watch.take(11 * MIB);
    await watch.look();
    watch.take(7 * MIB);
    await watch.look();
    assert.deepEqual(watch.told, [false, true], "9 are free: the floor, the ballast, and 3");
    watch.clock.advance(5_000);
    await watch.look();
    assert.ok(!watch.gate.isOpen, "the probe is refused");
    watch.take(5 * MIB);
    await watch.look();
    assert.deepEqual(watch.told, [false, true, false]);
    assert.deepEqual(watch.open, ["storeFailing"]);
    assert.ok(!watch.gate.isOpen, "not before the probe");
    watch.clock.advance(5_000);
    await watch.look();
    assert.ok(watch.gate.isOpen);
    assert.deepEqual(watch.open, []);
    // Making it takes nothing that counted.
    watch.ballast(BALLAST);
    await watch.look();
    assert.deepEqual(watch.told, [false, true, false]);
  }));

test("[E1] a disk that is full at the start is told at once", async (context) => {
  const disk = SmallDisk.make(16 * MIB);
  if (typeof disk === "string") return context.skip(disk);
  mkdirSync(join(disk.stateDir, "outbox"), { recursive: true });
  disk.fill();
  await using watch = await Watch.open(disk);
  assert.deepEqual(watch.told, [true]);
  assert.ok(!watch.gate.isOpen);
});

test("[S13] without a ballast free space is only shown", async (context) => {
  const disk = SmallDisk.make(16 * MIB);
  if (typeof disk === "string") return context.skip(disk);
  await using watch = await Watch.open(disk, 0);
  disk.fill();
  await watch.look();
  assert.deepEqual(watch.told, []);
  assert.ok(watch.gate.isOpen);
  assert.ok((watch.watch.freeBytes ?? Number.NaN) < MIB);
});

test("[S13] a folder that cannot be looked at is a fault that is told, and looking goes on", async (context) => {
  const disk = SmallDisk.make(16 * MIB);
  if (typeof disk === "string") return context.skip(disk);
  await using watch = await Watch.open(disk);
  rmSync(disk.stateDir, { recursive: true });
  await watch.look();
  const [fault] = watch.faults.splice(0) as (AgentError & { code: string })[];
  assert.equal(fault?.code, "ENOENT");
  mkdirSync(join(disk.stateDir, "outbox"), { recursive: true });
  watch.take(12 * MIB);
  await watch.look();
  assert.deepEqual(watch.told, [false, true]);
});
