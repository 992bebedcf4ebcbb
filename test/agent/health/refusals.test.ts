import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Conditions } from "#agent/health/conditions.ts";
import { RefusalShare } from "#agent/health/refusal-share.ts";
import { RefusedPeers } from "#agent/health/refused-peers.ts";
import { ManualClock } from "#test/support/clocks.ts";

const MINUTE_MS = 60_000;

describe("refusals", () => {
  test("[PL10] many refused messages of few are an alarm, few of many are none, and old ones are forgotten", () => {
    const share = new RefusalShare();
    assert.equal(share.look({ atMs: 0, negative: 0, positive: 0 }), undefined);
    assert.equal(share.look({ atMs: MINUTE_MS, negative: 19, positive: 0 }), undefined);
    assert.deepEqual(share.look({ atMs: 2 * MINUTE_MS, negative: 25, positive: 75 }), {
      ...{ count: 25, percent: 25 },
    });
    assert.equal(share.look({ atMs: 3 * MINUTE_MS, negative: 30, positive: 900 }), undefined);
    assert.equal(share.look({ atMs: 20 * MINUTE_MS, negative: 30, positive: 900 }), undefined);
    assert.deepEqual(share.look({ atMs: 21 * MINUTE_MS, negative: 50, positive: 900 }), {
      ...{ count: 20, percent: 100 },
    });
    // Its counters began anew: the channel was opened again.
    assert.equal(share.look({ atMs: 22 * MINUTE_MS, negative: 3, positive: 0 }), undefined);
  });

  test("[PL10] ten refusals of one peer within ten minutes are an alarm; of many peers, or spread out, none", () => {
    const clock = new ManualClock();
    const conditions = new Conditions();
    const peers = new RefusedPeers("adt", { clock, conditions });
    for (let number = 0; number < 200; number++) peers.refused(`10.0.1.${number}`);
    for (let number = 0; number < 20; number++) {
      peers.refused("10.0.0.1");
      clock.advance(2 * MINUTE_MS);
    }
    assert.deepEqual(conditions.list(), []);
    for (let number = 0; number < 10; number++) peers.refused("10.0.0.2");
    const [only] = conditions.list();
    assert.deepEqual(
      [only?.condition, only?.subject, only?.facts],
      ["peerRefused", "adt", { peer: "10.0.0.2", count: 10 }],
    );
    clock.advance(11 * MINUTE_MS);
    assert.deepEqual(conditions.list(), []);
  });
});
