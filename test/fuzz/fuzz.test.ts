import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_READER, type FuzzTarget, MSH_READER } from "./targets.ts";

/** `npm run fuzz` is the long form. */
function fuzz(target: FuzzTarget, runs: number): void {
  const { seed, failure } = target.run(runs);
  assert.ok(failure === undefined, `npm run fuzz -- --seed ${seed}\n${failure}`);
}

test("[F1, F2, F3, F4, F7, F10, F11] BlockReader gives what a naive reading of the stream gives, however it is cut", () =>
  fuzz(BLOCK_READER, 4_000));

test("[F8, F9, E2, A10, A11] any bytes can be read as a header, and what was read can be acknowledged", () =>
  fuzz(MSH_READER, 20_000));
