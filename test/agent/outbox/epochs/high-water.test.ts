import assert from "node:assert/strict";
import { hash } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { HighWater, type HighWaterMark } from "#agent/outbox/epochs/high-water.ts";

const SLOT = 65_536;
/** Where the checksum, and what it is made of, begin; the counter stands behind its length. */
const [CHECKSUM_AT, CHECKED_AT, COUNTER_AT] = [8, 40, 44];

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-high-water-"));
  readonly file = join(this.path, "high-water");

  /** Writes these marks one after the other, through one opening. */
  write(...marks: readonly HighWaterMark[]): void {
    using high = HighWater.open(this.file);
    for (const mark of marks) high.write(mark);
  }

  /** What an opening finds. */
  look(): { readonly found: HighWaterMark | undefined; readonly damaged: boolean } {
    using high = HighWater.open(this.file);
    return { found: high.found, damaged: high.damaged };
  }

  /** Puts `bytes` at a place of the file. */
  put(bytes: Uint8Array, at: number): void {
    const descriptor = openSync(this.file, "r+");
    writeSync(descriptor, bytes, 0, bytes.length, at);
    closeSync(descriptor);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The nth mark of a store with these channels. */
function markOf(
  n: number,
  names: readonly string[] = ["adt", "oru", "überweisung"],
): HighWaterMark {
  return {
    storeId: new Uint8Array(16).fill(7),
    lastMessageId: n * 3,
    lastQuarantineId: n,
    channels: names.map((name, index) => ({ name, epoch: 1n, lastSeq: BigInt(n + index) })),
  };
}

/** Length of what a slot says, zeros not counted. */
const contentBytes = (slot: Buffer): number => CHECKED_AT + slot.readUInt32BE(CHECKED_AT);

/** Gives a slot another counter, and the checksum for it. */
function recount(slot: Buffer, counter: bigint): void {
  slot.writeBigUInt64BE(counter, COUNTER_AT);
  slot.set(hash("sha256", slot.subarray(CHECKED_AT, contentBytes(slot)), "buffer"), CHECKSUM_AT);
}

describe("high-water file", () => {
  test("[S17] a new file has its full size, is private, and says nothing", () => {
    using folder = new Folder();
    assert.deepEqual(folder.look(), { found: undefined, damaged: false });
    const { size, blocks, mode } = statSync(folder.file);
    assert.deepEqual([size, mode & 0o777], [2 * SLOT, 0o600]);
    assert.ok(blocks * 512 >= 2 * SLOT, "sparse");
    assert.deepEqual(readdirSync(folder.path), ["high-water"]);
    assert.deepEqual(folder.look(), { found: undefined, damaged: false });
  });

  test("[S17] the last mark is found, however often the file is closed between two", () => {
    using folder = new Folder();
    for (let n = 1; n <= 9; n++) {
      folder.write(...Array.from({ length: 1 + (n % 3) }, (_, i) => markOf(10 * n + i)));
      assert.deepEqual(folder.look(), { found: markOf(10 * n + (n % 3)), damaged: false });
    }
  });

  test("[S17] a mark is there for another process as soon as it is written", () => {
    using folder = new Folder();
    using high = HighWater.open(folder.file);
    for (const n of [1, 2, 3]) {
      high.write(markOf(n));
      assert.deepEqual(folder.look().found, markOf(n));
      assert.equal(high.found, undefined, "as it was at open");
    }
  });

  test("[S17, T-S14] ids, epochs and seqs at their ends come back as they are", () => {
    using folder = new Folder();
    const ends = [0n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];
    const mark: HighWaterMark = {
      storeId: Uint8Array.from({ length: 16 }, (_, index) => 255 - index),
      lastMessageId: Number.MAX_SAFE_INTEGER,
      lastQuarantineId: Number.MAX_SAFE_INTEGER - 1,
      channels: ends.map((end, index) => ({ name: `c${index}`, epoch: end, lastSeq: end })),
    };
    folder.write(markOf(1), mark);
    assert.deepEqual(folder.look(), { found: mark, damaged: false });
  });

  for (const start of [2n ** 32n, 2n ** 53n, 2n ** 63n]) {
    test(`[S17, T-S14] the newer slot is found where counters pass ${start}`, () => {
      using folder = new Folder();
      folder.write(markOf(1), markOf(2));
      const bytes = readFileSync(folder.file);
      const [older, newer] = [bytes.subarray(0, SLOT), bytes.subarray(SLOT)].sort(
        (a, b) => Number(a.readBigUInt64BE(COUNTER_AT)) - Number(b.readBigUInt64BE(COUNTER_AT)),
      );
      assert.ok(older !== undefined && newer !== undefined);
      recount(older, start - 3n);
      recount(newer, start - 2n);
      writeFileSync(folder.file, bytes);
      for (let n = 3; n <= 8; n++) {
        assert.deepEqual(folder.look(), { found: markOf(n - 1), damaged: false });
        folder.write(markOf(n));
      }
    });
  }

  test("[S17] channels that go away leave nothing behind that would look like damage", () => {
    using folder = new Folder();
    const many = Array.from({ length: 300 }, (_, index) => `channel-${index}`);
    using high = HighWater.open(folder.file);
    for (const n of [1, 2, 3, 4, 5]) {
      const mark = n < 3 ? markOf(n, many) : markOf(n, []);
      high.write(mark);
      assert.deepEqual(folder.look(), { found: mark, damaged: false });
    }
  });

  test("[S17] 400 channels with names of 64 bytes fit; what does not is refused and changes nothing", () => {
    using folder = new Folder();
    const names = (count: number): string[] =>
      Array.from({ length: count }, (_, index) => `${index}`.padStart(32, "ü").padEnd(35, "-"));
    const fitting = names(400).map((name) => name.slice(-32).padStart(32, "ü"));
    assert.ok(fitting.every((name) => Buffer.byteLength(name) <= 64));
    using high = HighWater.open(folder.file);
    high.write(markOf(1, fitting));
    const before = readFileSync(folder.file);
    const refused: readonly HighWaterMark[] = [
      markOf(2, names(1_000)),
      markOf(2, names(70_000)),
      { ...markOf(2), storeId: new Uint8Array(15) },
      { ...markOf(2), lastMessageId: -1 },
      { ...markOf(2), lastQuarantineId: 0.5 },
      { ...markOf(2), channels: [{ name: "a", epoch: -1n, lastSeq: 0n }] },
      { ...markOf(2), channels: [{ name: "a", epoch: 0n, lastSeq: 2n ** 64n }] },
    ];
    for (const mark of refused) assert.throws(() => high.write(mark), RangeError);
    assert.ok(readFileSync(folder.file).equals(before));
    assert.deepEqual(folder.look().found, markOf(1, fitting));
    for (const n of [3, 4, 5]) {
      high.write(markOf(n));
      assert.deepEqual(folder.look(), { found: markOf(n), damaged: false });
    }
  });
});

describe("high-water file that is not what was written", () => {
  test("[S17, T-S07] a write that is cut anywhere leaves the mark before it", () => {
    using folder = new Folder();
    folder.write(markOf(1), markOf(2));
    const before = readFileSync(folder.file);
    folder.write(markOf(3));
    const after = readFileSync(folder.file);
    const at = before.subarray(0, SLOT).equals(after.subarray(0, SLOT)) ? SLOT : 0;
    const [old, written] = [before, after].map((bytes) => bytes.subarray(at, at + SLOT));
    assert.ok(old !== undefined && written !== undefined);
    const length = contentBytes(written);
    const zeros = Buffer.alloc(SLOT);
    for (const [head, tail] of [
      [written, old],
      [old, written],
      [written, zeros],
    ] as const) {
      for (let cut = 0; cut <= length; cut++) {
        const torn: Buffer = Buffer.concat([head.subarray(0, cut), tail.subarray(cut)]);
        folder.put(torn, at);
        const whole: boolean = torn.equals(written);
        const damaged: boolean = !(whole || torn.equals(old));
        const found = markOf(whole ? 3 : 2);
        assert.deepEqual(folder.look(), { found, damaged }, `cut after ${cut}`);
      }
    }
  });

  test("[S17] after a torn write the marks go on in the torn slot, and both are whole again", () => {
    using folder = new Folder();
    folder.write(markOf(1), markOf(2), markOf(3));
    const whole = readFileSync(folder.file);
    for (const at of [0, SLOT]) {
      writeFileSync(folder.file, whole);
      folder.put(Buffer.alloc(SLOT / 2, 0xa5), at + 60);
      const { found, damaged } = folder.look();
      assert.ok(found !== undefined && damaged);
      folder.write(markOf(9));
      assert.deepEqual(folder.look(), { found: markOf(9), damaged: false });
      const other = SLOT - at;
      const kept = readFileSync(folder.file).subarray(other, other + SLOT);
      assert.ok(kept.equals(whole.subarray(other, other + SLOT)), "the whole slot was overwritten");
    }
  });

  for (const slot of ["newer", "older"] as const) {
    test(`[S17, T-S08] every bit that flips in the ${slot} slot is noticed, and the other one holds`, () => {
      using folder = new Folder();
      folder.write(markOf(1), markOf(2));
      const bytes = readFileSync(folder.file);
      const newerAt = bytes.readBigUInt64BE(COUNTER_AT) === 2n ? 0 : SLOT;
      const at = slot === "newer" ? newerAt : SLOT - newerAt;
      const length = contentBytes(bytes.subarray(at));
      const found = markOf(slot === "newer" ? 1 : 2);
      for (let bit = 0; bit < length * 8; bit++) {
        const byte = bytes.readUInt8(at + (bit >> 3));
        folder.put(Uint8Array.of(byte ^ (1 << (bit & 7))), at + (bit >> 3));
        assert.deepEqual(folder.look(), { found, damaged: true }, `bit ${bit}`);
        folder.put(Uint8Array.of(byte), at + (bit >> 3));
      }
      // Behind what it says: noticed, and the mark still counts.
      for (let place = length; place < SLOT; place += place + 61 < SLOT ? 61 : 1) {
        folder.put(Uint8Array.of(1 << (place & 7)), at + place);
        assert.deepEqual(folder.look(), { found: markOf(2), damaged: true }, `byte ${place}`);
        folder.put(Uint8Array.of(0), at + place);
      }
      assert.deepEqual(folder.look(), { found: markOf(2), damaged: false });
    });
  }

  test("[S17, T-S08] with both slots flipped nothing is found, and it is damaged until both are written", () => {
    using folder = new Folder();
    folder.write(markOf(1), markOf(2));
    const bytes = readFileSync(folder.file);
    for (const at of [50, SLOT + 50]) bytes.writeUInt8(bytes.readUInt8(at) ^ 4, at);
    writeFileSync(folder.file, bytes);
    assert.deepEqual(folder.look(), { found: undefined, damaged: true });
    assert.ok(readFileSync(folder.file).equals(bytes), "opening changed it");
    folder.write(markOf(3));
    assert.deepEqual(folder.look(), { found: markOf(3), damaged: true });
    folder.write(markOf(4));
    assert.deepEqual(folder.look(), { found: markOf(4), damaged: false });
  });

  test("[S17, T-S08] a slot that was wiped is damage, not a new file", () => {
    using folder = new Folder();
    folder.write(markOf(1), markOf(2));
    for (const at of [0, SLOT]) {
      folder.put(Buffer.alloc(SLOT), at);
      assert.equal(folder.look().damaged, true);
    }
    assert.equal(folder.look().found, undefined);
  });

  for (const [what, content] of [
    ["empty", ""],
    ["of one byte", "H"],
    ["a text", "not a mark\n".repeat(100)],
    ["larger, and not ours", Buffer.alloc(1_000_000, 0xff)],
  ] as const) {
    test(`[S17] a file that is ${what} is taken, as damaged`, () => {
      using folder = new Folder();
      writeFileSync(folder.file, content);
      assert.deepEqual(folder.look(), { found: undefined, damaged: true });
      folder.write(markOf(1), markOf(2));
      assert.deepEqual(folder.look(), { found: markOf(2), damaged: false });
      const { size, blocks } = statSync(folder.file);
      assert.ok(size >= 2 * SLOT && blocks * 512 >= 2 * SLOT, "room is not taken");
    });
  }

  test("[S17] a file that was shortened is damaged, and gets its room back", () => {
    for (const length of [SLOT / 2, SLOT, SLOT + 50]) {
      using folder = new Folder();
      folder.write(markOf(1), markOf(2));
      truncateSync(folder.file, length);
      assert.deepEqual(folder.look(), { found: markOf(2), damaged: true });
      assert.ok(statSync(folder.file).blocks * 512 >= 2 * SLOT);
    }
  });

  test("[S17, S3] what cannot be a file is refused with a code of the store", () => {
    using folder = new Folder();
    mkdirSync(folder.file);
    assert.throws(() => HighWater.open(folder.file), { code: "STORE_CANNOT_OPEN" });
    const missing = join(folder.path, "missing/high-water");
    assert.throws(() => HighWater.open(missing), { code: "STORE_CANNOT_OPEN" });
  });
});
