import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NoncePool } from "#agent/sealing/nonce-pool.ts";
import { Sealer } from "#agent/sealing/sealer.ts";
import { SealingFolder } from "./sealing-folder.ts";

const SEALS = 100_000;

describe("nonces", () => {
  test("[R04] no key seals twice with one nonce, over 100,000 seals, new keys and restarts", () => {
    using folder = new SealingFolder();
    const seen = new Set<string>();
    const body = [Buffer.alloc(16)];
    let ring = folder.ring();
    let sealer = new Sealer(ring, folder.storeId);
    for (let row = 1; row <= SEALS; row++) {
      if (row % 9_001 === 0) ring.renew();
      if (row % 20_011 === 0) {
        ring = folder.ring();
        sealer = new Sealer(ring, folder.storeId);
      }
      const envelope = sealer.seal(body, { column: "segment.bytes", channel: 1, row });
      seen.add(envelope.toString("latin1", 1, 17));
    }
    assert.equal(seen.size, SEALS);
    const epochs = new Set([...seen].map((pair) => pair.slice(0, 4)));
    assert.equal(epochs.size, 1 + Math.floor(SEALS / 9_001) + Math.floor(SEALS / 20_011));
  });

  test("[R04] a pool gives each of its places once, and two pools share none", () => {
    const seen = new Set<string>();
    const pools = [new NoncePool(), new NoncePool()];
    for (let count = 0; count < 5_000; count++) {
      for (const pool of pools) seen.add(Buffer.from(pool.next()).toString("hex"));
    }
    assert.equal(seen.size, 10_000);
    for (const nonce of seen) assert.equal(nonce.length, 24);
  });
});
