import assert from "node:assert/strict";
import { createSecretKey, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { type StoreKey, unwrapKey, wrapKey } from "#agent/sealing/key-file.ts";

const STORE = new Uint8Array(randomBytes(16));
const KEK = new Uint8Array(randomBytes(32));
const OTHER = new Uint8Array(randomBytes(32));
const KEY: StoreKey = {
  key: createSecretKey(randomBytes(32)),
  epoch: 2 ** 32 - 1,
  madeAtMs: 1_764_115_200_123,
};

const outcomeOf = (...args: Parameters<typeof unwrapKey>): string => unwrapKey(...args).outcome;

describe("key file", () => {
  test("[S21] a wrapped key comes back with its epoch and time, by whichever of the KEKs given", () => {
    const file = wrapKey(KEY, KEK, STORE);
    assert.equal(file.length, 88);
    assert.ok(!file.includes(KEY.key.export()));
    for (const keks of [[KEK], [OTHER, KEK], [KEK, OTHER]]) {
      const result = unwrapKey(file, KEY.epoch, keks, STORE);
      assert.ok(result.outcome === "opened");
      assert.ok(result.key.key.equals(KEY.key));
      assert.deepEqual([result.key.epoch, result.key.madeAtMs], [KEY.epoch, KEY.madeAtMs]);
    }
  });

  test("[R06] a file that names a KEK which is not given says so", () => {
    const file = wrapKey(KEY, KEK, STORE);
    assert.equal(outcomeOf(file, KEY.epoch, [OTHER], STORE), "otherKek");
    assert.equal(outcomeOf(file, KEY.epoch, [], STORE), "otherKek");
  });

  test("[R02] it opens as the key of its own epoch and store alone", () => {
    const file = wrapKey(KEY, KEK, STORE);
    assert.equal(outcomeOf(file, 1, [KEK], STORE), "damaged");
    assert.equal(outcomeOf(file, KEY.epoch, [KEK], new Uint8Array(randomBytes(16))), "damaged");
    const renamed = Buffer.from(file);
    renamed.writeUInt32BE(1, 16);
    assert.equal(outcomeOf(renamed, 1, [KEK], STORE), "damaged");
  });

  test("[R03] with any bit flipped it is damaged; in the name of its KEK it opens still", () => {
    const file = wrapKey(KEY, KEK, STORE);
    for (let bit = 0; bit < file.length * 8; bit++) {
      const copy = Buffer.from(file);
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const inKekId = bit >> 3 >= 8 && bit >> 3 < 16;
      const expected = inKekId ? "opened" : "damaged";
      assert.equal(outcomeOf(copy, KEY.epoch, [OTHER, KEK], STORE), expected, `bit ${bit}`);
    }
  });

  test("[R03] cut or extended anywhere it is damaged", () => {
    const file = wrapKey(KEY, KEK, STORE);
    for (let length = 0; length < file.length; length++) {
      assert.equal(outcomeOf(file.subarray(0, length), KEY.epoch, [KEK], STORE), "damaged");
    }
    const longer = Buffer.concat([file, Buffer.alloc(1)]);
    assert.equal(outcomeOf(longer, KEY.epoch, [KEK], STORE), "damaged");
  });

  test("[R04] wrapping a key again takes another nonce", () => {
    const nonces = Array.from({ length: 100 }, () =>
      wrapKey(KEY, KEK, STORE).toString("hex", 28, 40),
    );
    assert.equal(new Set(nonces).size, 100);
  });
});
