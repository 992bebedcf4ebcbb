import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import type { SealedColumn, SealPlace } from "#agent/sealing/seal-place.ts";
import { SEAL_OVERHEAD_BYTES, Sealer } from "#agent/sealing/sealer.ts";
import { SealingFolder } from "./sealing-folder.ts";

const PLACE: SealPlace = { column: "segment.bytes", channel: 1, row: 7, extra: 3 };
const BODY = Buffer.from("MSH|^~\\&|LAB|||||ORU^R01|C1|P|2.5\rPID|||4711||M\u00fcller^Anna\r");

/** The same bytes with one bit changed. */
function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

describe("sealer", () => {
  test("[S21] an envelope is version, key epoch, nonce, tag and ciphertext, and opens to what was sealed", () => {
    using folder = new SealingFolder();
    const sealer = folder.sealer();
    for (const size of [0, 1, 1_024, 8_192, 8_193, 65_536, 300_000]) {
      const body = randomBytes(size);
      const envelope = sealer.seal([body], PLACE);
      assert.equal(SEAL_OVERHEAD_BYTES, 33);
      assert.equal(envelope.length, size + 33);
      assert.deepEqual([envelope[0], envelope.readUInt32BE(1)], [1, 1]);
      assert.ok(sealer.open(envelope, PLACE)?.equals(body), `${size} bytes`);
    }
  });

  test("[S21] parts are sealed one behind another, however they are cut", () => {
    using folder = new SealingFolder();
    const sealer = folder.sealer();
    const whole = randomBytes(200_000);
    const cuts: readonly (readonly number[])[] = [
      [],
      [0, 0, 200_000],
      [1, 8_193, 16_385, 16_386],
      [8_192, 16_384, 24_576, 32_768, 40_960, 49_152, 57_344, 65_536, 73_728, 73_729],
      [8_192, 16_384, 24_576, 32_768, 40_960, 49_152, 57_344, 65_535, 65_537],
      [100_000],
      [5, 10, 150_000, 150_001, 199_999],
      Array.from({ length: 2_000 }, (_, index) => index * 100),
    ];
    for (const cut of cuts) {
      const edges = [0, ...cut, whole.length];
      const parts = edges.slice(1).map((end, index) => whole.subarray(edges[index], end));
      assert.ok(sealer.open(sealer.seal(parts, PLACE), PLACE)?.equals(whole), `${cut.length} cuts`);
    }
    assert.equal(sealer.open(sealer.seal([], PLACE), PLACE)?.length, 0, "no part at all");
  });

  test("[S21] nothing of a body stands in its envelope", () => {
    using folder = new SealingFolder();
    const sealer = folder.sealer();
    const body = Buffer.alloc(100_000, "M\u00fcller^Anna");
    const small = Array.from({ length: 100 }, (_, index) => body.subarray(index, index + 50));
    for (const parts of [[body], small, [...small, body, ...small]]) {
      const envelope = sealer.seal(parts, PLACE);
      for (const sample of ["M\u00fcller^", "^AnnaM"]) assert.ok(!envelope.includes(sample));
    }
  });

  test("[R02] an envelope opens at its own place alone", () => {
    using folder = new SealingFolder();
    const sealer = folder.sealer();
    const columns: readonly SealedColumn[] = [
      "slice.bytes",
      "quarantine.sealed",
      "recent.entries",
      "cursor.trimmed_chain",
      "file_claim.head",
      "file_claim.targets",
      "file_claim.digest",
    ];
    const elsewhere: readonly SealPlace[] = [
      ...columns.map((column) => ({ ...PLACE, column })),
      { ...PLACE, channel: 2 },
      { ...PLACE, channel: 2 ** 32 + 1 },
      { ...PLACE, row: 8 },
      { ...PLACE, row: 7n + 2n ** 32n },
      { ...PLACE, row: 7n + 2n ** 63n },
      { ...PLACE, extra: 4 },
      { ...PLACE, extra: 0 },
      { column: PLACE.column, channel: PLACE.channel, row: PLACE.row },
      { ...PLACE, channel: 7, row: 1 },
      { ...PLACE, row: 3, extra: 7 },
    ];
    const envelope = sealer.seal([BODY], PLACE);
    for (const place of elsewhere) {
      assert.equal(sealer.open(envelope, place), undefined, `${place.column} ${place.row}`);
    }
    const swapped = sealer.seal([BODY], { ...PLACE, row: 8 });
    assert.equal(sealer.open(swapped, PLACE), undefined);
    assert.ok(
      sealer.open(envelope, { ...PLACE, row: 7n })?.equals(BODY),
      "a bigint is the same row",
    );
  });

  test("[R02] places whose numbers are near 2^32, 2^53 and 2^64 are told apart", () => {
    using folder = new SealingFolder();
    const sealer = folder.sealer();
    const rows = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2n ** 53n, 2n ** 64n - 1n];
    const envelopes = rows.map((row) => sealer.seal([BODY], { ...PLACE, row }));
    for (const [index, envelope] of envelopes.entries()) {
      const opening = rows.filter((row) => sealer.open(envelope, { ...PLACE, row }) !== undefined);
      assert.deepEqual(opening, [rows[index]]);
    }
    for (const row of [-1, 0.5, 2 ** 53, Number.NaN, -1n, 2n ** 64n]) {
      assert.throws(() => sealer.seal([BODY], { ...PLACE, row }), RangeError, String(row));
    }
  });

  test("[R02] an envelope opens in its own store alone, though another has the same keys", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    const other = new Uint8Array(randomBytes(16));
    const envelope = new Sealer(ring, folder.storeId).seal([BODY], PLACE);
    assert.equal(new Sealer(ring, other).open(envelope, PLACE), undefined);
    assert.ok(new Sealer(ring, folder.storeId).open(envelope, PLACE)?.equals(BODY));
    assert.throws(() => new Sealer(ring, new Uint8Array(15)), RangeError);
  });

  test("[R02] an envelope does not open under the epoch of another key", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    const sealer = new Sealer(ring, folder.storeId);
    const envelope = sealer.seal([BODY], PLACE);
    ring.renew();
    assert.equal(Sealer.keyEpochOf(sealer.seal([BODY], PLACE)), 2);
    const moved = Buffer.from(envelope);
    moved.writeUInt32BE(2, 1);
    assert.equal(sealer.open(moved, PLACE), undefined);
    assert.ok(sealer.open(envelope, PLACE)?.equals(BODY));
  });

  test("[R03] an envelope with any bit of header, nonce, tag or ciphertext flipped does not open", () => {
    using folder = new SealingFolder();
    const sealer = folder.sealer();
    const envelope = sealer.seal([BODY], PLACE);
    for (let bit = 0; bit < envelope.length * 8; bit++) {
      assert.equal(sealer.open(flipped(envelope, bit), PLACE), undefined, `bit ${bit}`);
    }
    assert.ok(sealer.open(envelope, PLACE)?.equals(BODY));
  });

  test("[R03] an envelope cut or extended anywhere does not open, and nothing that is none throws", () => {
    using folder = new SealingFolder();
    const sealer = folder.sealer();
    const envelope = sealer.seal([BODY], PLACE);
    for (let length = 0; length < envelope.length; length++) {
      assert.equal(sealer.open(envelope.subarray(0, length), PLACE), undefined, `${length} bytes`);
    }
    assert.equal(sealer.open(Buffer.concat([envelope, Buffer.of(0)]), PLACE), undefined);
    for (const size of [0, 1, 32, 33, 34, 100]) {
      assert.equal(sealer.open(new Uint8Array(size), PLACE), undefined);
      assert.equal(sealer.open(new Uint8Array(size).fill(1), PLACE), undefined);
      assert.equal(sealer.open(randomBytes(size), PLACE), undefined);
    }
  });

  test("the key epoch of an envelope is read without its key, and is 0 of what is none", () => {
    const envelope = new Uint8Array(33);
    envelope.set([1, 0xff, 0xfe, 0xfd, 0xfc]);
    assert.equal(Sealer.keyEpochOf(envelope), 0xfffefdfc);
    assert.equal(Sealer.keyEpochOf(envelope.subarray(0, 32)), 0);
    assert.equal(Sealer.keyEpochOf(Buffer.concat([Buffer.of(2), envelope.subarray(1)])), 0);
    assert.equal(Sealer.keyEpochOf(new Uint8Array()), 0);
  });

  test("[R09] tokens of one store are equal for equal values and kinds, of two stores never", () => {
    using first = new SealingFolder();
    using second = new SealingFolder();
    const value = Buffer.from("CTRL-1");
    const token = first.sealer().token(1, value);
    assert.equal(token.length, 16);
    assert.ok(first.sealer().token(1, Uint8Array.from(value)).equals(token), "after a restart");
    assert.ok(!first.sealer().token(2, value).equals(token), "of another kind");
    assert.ok(!first.sealer().token(1, Buffer.from("CTRL-2")).equals(token), "of another value");
    // Two sites that share a KEK by mistake still share no token.
    assert.ok(!second.sealer({ kek: first.kek }).token(1, value).equals(token));
  });
});
