import assert from "node:assert/strict";
import { test } from "node:test";
import { CHAIN_START, chainInput } from "#protocol/chain.ts";

const SHA256 = new Uint8Array(32);

const MISTAKES: readonly [string, Parameters<typeof chainInput>][] = [
  ["a chain of 31 bytes", [new Uint8Array(31), 1n, 1n, SHA256]],
  ["an epoch below 0", [CHAIN_START, -1n, 1n, SHA256]],
  ["a seq of 0", [CHAIN_START, 1n, 0n, SHA256]],
  ["a seq of 2^63", [CHAIN_START, 1n, 2n ** 63n, SHA256]],
  ["a hash of 31 bytes", [CHAIN_START, 1n, 1n, new Uint8Array(31)]],
];

for (const [name, values] of MISTAKES) {
  test(`[TP15] chainInput refuses ${name}`, () => {
    assert.throws(() => chainInput(...values), RangeError);
  });
}
