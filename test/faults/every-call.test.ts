/** Any one call of the store's life fails: nothing is promised that is not kept, and it goes on afterwards. */
import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, test } from "node:test";
import { recorderMissing } from "#test/rigs/recorder.ts";
import {
  callsOfOneLife,
  FAULTS,
  type Judged,
  playAll,
  spread,
  titleOf,
} from "./every-call/every-call.ts";

/**
 * Calls of each kind of fault, spread evenly over the two lives, that fail once and for ever: 80 rounds.
 * `npm run soak -- --every-call` takes each call there is.
 */
const COUNT = 10;

describe("rig A", { skip: recorderMissing() }, async () => {
  const judged: Judged[] = [];
  if (recorderMissing() === false) {
    const rounds = spread(COUNT, await callsOfOneLife());
    await playAll(rounds, availableParallelism(), (one) => judged.push(one));
  }

  for (const fault of FAULTS) {
    const rows = fault === "write:ENOSPC" ? "[T-S05] [E1]" : "[T-S10] [S9]";
    test(`${rows} ${fault} at any call, once and for ever: oracles hold, and the process is as it says`, () => {
      const rounds = judged.filter((one) => one.fault === fault);
      assert.equal(rounds.length, 2 * COUNT);
      const wrong = rounds.filter(({ reasons }) => reasons.length > 0);
      assert.deepEqual(
        wrong.map((one) => `${titleOf(one)}: ${one.reasons.join("; ")}`),
        [],
      );
    });
  }

  test("[T-S10] [S9] an error of the device ends the process with 70, wherever it is not over by then", () => {
    const ended = (fault: string): number =>
      judged.filter((one) => one.fault === fault && one.forEver && one.ended === 70).length;
    assert.ok(ended("write:EIO") >= COUNT - 1, `${ended("write:EIO")} of ${COUNT} writes`);
    assert.ok(ended("fsync:EIO") >= COUNT - 2, `${ended("fsync:EIO")} of ${COUNT} flushes`);
  });
});
