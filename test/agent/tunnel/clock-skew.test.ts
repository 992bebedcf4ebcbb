/** The receiver's clock and ours (07 1.10): in WELCOME, and in a refusal. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#test/support/clocks.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";

const MINUTE_MS = 60_000;

test("[I17] [07 1.10] a clock that is more than five minutes off opens a condition; one that is right closes it", async () => {
  await using receiver = await FakeReceiver.open();
  const clock = new ManualClock();
  await using tunnel = new TestTunnel(receiver.url, { clock }, []);
  clock.advance(0);
  for (const [skewMs, isOpen] of [
    [5 * MINUTE_MS, false],
    [5 * MINUTE_MS + 1, true],
    [0, false],
    [-5 * MINUTE_MS - 1, true],
    [-5 * MINUTE_MS, false],
  ] as const) {
    const agent = await receiver.connection();
    await agent.welcome({ nowMs: clock.nowMs() + skewMs });
    await tunnel.reaches("streaming");
    const found = tunnel.conditions.list().find(({ condition }) => condition === "clockSkewed");
    assert.deepEqual(found?.facts, isOpen ? { clockSkewMs: skewMs } : undefined, `${skewMs}`);
    agent.socket.terminate();
    await tunnel.reaches("disconnected");
    clock.advance(tunnel.tunnel.standing.nextAttemptInMs ?? 0);
  }
});

test("[07 1.10] a refusal that tells the time opens it, too", async () => {
  const time = "Holdfast-Time: 2035-01-01T00:00:00Z";
  const answer = `401 Unauthorized\r\nHoldfast-Reason: CERT_HAS_EXPIRED\r\n${time}`;
  await using receiver = await FakeReceiver.open({ answer });
  const clock = new ManualClock();
  await using tunnel = new TestTunnel(receiver.url, { clock }, []);
  clock.advance(0);
  await tunnel.reaches("sticky");
  const names = tunnel.conditions.list().map(({ condition }) => condition);
  assert.deepEqual(names.sort(), ["clockSkewed", "identityRefused", "tunnelDown"]);
});
