/** A certificate that ends by the receiver's clock alone (07 1.6, 1.10). @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DAY_MS, KeptIdentity } from "#test/support/kept-identity.ts";

test("[I11, I17] [07 1.6] this machine's clock is behind and sees no end: the receiver's refusal begins the recovery", async () => {
  await using kept = await KeptIdentity.open();
  kept.clock.wrongMs = -40 * DAY_MS;
  kept.restart();
  kept.aheadMs = 35 * DAY_MS;
  assert.equal(kept.dial(), "CERT_HAS_EXPIRED");
  await kept.settled();
  assert.deepEqual(kept.doors.requests, ["POST /v1/renew/nonce", "POST /v1/renew"]);
  assert.ok(kept.reconnects > 0, "and it dials at once");
  assert.equal(kept.dial(), "");
  assert.equal(kept.store.current?.load().generation, 2);
  assert.ok(kept.logged.includes("identityRecovered"), "by the receiver's clock, not by its own");
});
