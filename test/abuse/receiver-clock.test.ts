/**
 * The two clocks of a tunnel, an hour apart or put forward and back while it stands (07 section 4, I17): it connects or
 * says that it is the clock, and nothing that waits goes by the wall clock.
 *
 * @module
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { systemClock } from "#agent/host/clock.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { ListedSource } from "#test/support/listed-source.ts";
import { until } from "#test/support/processes.ts";
import { identityOf, TestTunnel } from "#test/support/test-tunnel.ts";
import { EnrollingFolder } from "../receiver/support/enrolling-folder.ts";
import { HOUR_MS, ShiftedClock } from "../receiver/support/shifted-clock.ts";

const MINUTE_MS = 60_000;
const HEARTBEAT_MS = 10_000;
/** Between the two readings that make a skew. */
const SLACK_MS = 10_000;

/** The agent's: time passes by `advance`; the wall clock is put where a test wants it. */
class WallClock extends ManualClock {
  wrongMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.wrongMs;
  }
}

const folder = await EnrollingFolder.create();
const clock = new ShiftedClock();
const receiver = await folder.open({ clock, chance: { unit: () => 0 } });
after(async () => {
  await receiver[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});
const { port } = receiver.address;
const url = new URL(`wss://127.0.0.1:${port}`);
// Issued by the profile: it is valid from an hour before (07 1.3).
const { identity } = await folder.enrol(port, "north/ward-1");

const skewShown = ({ conditions }: TestTunnel): number | undefined => {
  const found = conditions.list().find(({ condition }) => condition === "clockSkewed");
  return found === undefined ? undefined : Number(found.facts["clockSkewMs"]);
};

function assertNear(actual: number | undefined, expected: number): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) < SLACK_MS, `${actual}`);
}

describe("a receiver whose clock is wrong", () => {
  for (const [what, aheadMs] of [
    ["an hour ahead", HOUR_MS],
    ["almost an hour behind", -HOUR_MS + MINUTE_MS],
  ] as const) {
    test(`[I17] [07 1.10] that is ${what} is connected with, and the skew is named`, async () => {
      clock.aheadMs = aheadMs;
      const source = new ListedSource(aheadMs > 0 ? "ahead" : "behind", "one");
      await using tunnel = new TestTunnel(url, { identity: identityOf(identity) }, [source]);
      await until("the message is acked", () => source.heard.includes("acked 1 1"));
      assertNear(skewShown(tunnel), aheadMs);
    });
  }

  test("[I17] [G4] behind the certificate's first moment it refuses, and the refusal names the clock", async () => {
    clock.aheadMs = -2 * HOUR_MS;
    await using tunnel = new TestTunnel(url, { identity: identityOf(identity) }, []);
    await tunnel.reaches("sticky");
    const { code, facts } = tunnel.lastError ?? {};
    assert.deepEqual([code, facts?.["code"]], ["TUNNEL_REFUSED", "CERT_NOT_YET_VALID"]);
    assertNear(skewShown(tunnel), clock.aheadMs);
    // Once it is right, the next dial is let in, and all is well.
    clock.aheadMs = 0;
    tunnel.tunnel.dialNow();
    await tunnel.reaches("streaming");
    assert.deepEqual(tunnel.conditions.list(), []);
  });

  test("[I17] that jumps while connected keeps the connection, and messages flow", async () => {
    clock.aheadMs = 0;
    const source = new ListedSource("jumping");
    await using tunnel = new TestTunnel(url, { identity: identityOf(identity) }, [source]);
    await tunnel.reaches("streaming");
    const { session } = tunnel.tunnel.standing;
    for (const [index, aheadMs] of [HOUR_MS, -HOUR_MS + MINUTE_MS, 0].entries()) {
      clock.aheadMs = aheadMs;
      clock.sweep();
      source.add(`message ${index}`);
      tunnel.tunnel.wake(source);
      await until("it is acked", () => source.heard.includes(`acked 1 ${index + 1}`));
    }
    assert.deepEqual([tunnel.state, tunnel.tunnel.standing.session], ["streaming", session]);
  });
});

describe("an agent whose clock jumps while connected", () => {
  test("[I17] [TP26] asks when it would have asked, and gives up when it would have given up", async () => {
    await using receiver = await FakeReceiver.open();
    const time = new WallClock(systemClock.nowMs());
    await using tunnel = new TestTunnel(receiver.url, { clock: time }, []);
    time.advance(0);
    const agent = await receiver.connection();
    await agent.welcome({ heartbeatMs: HEARTBEAT_MS });
    await tunnel.reaches("streaming");
    let pongs = 0;
    agent.socket.on("pong", () => {
      pongs += 1;
    });
    const pings = async (): Promise<number> => {
      // What was sent before the answer has been read when it is here.
      const before = pongs;
      agent.socket.ping();
      await until("it answers", () => pongs > before, 5_000);
      return agent.history.filter(({ type }) => type === "ping").length;
    };
    for (const wrongMs of [HOUR_MS, -HOUR_MS, 0]) {
      time.wrongMs = wrongMs;
      const before = await pings();
      time.advance(HEARTBEAT_MS - 1);
      assert.equal(await pings(), before, `${wrongMs}`);
      time.advance(1);
      assert.equal(await pings(), before + 1, `${wrongMs}`);
      const { nonce } = await agent.next("ping");
      agent.send({ type: "pong", stream: 0, nonce });
      await until("it is heard", () => tunnel.tunnel.standing.roundTripMs === 0);
      assert.equal(await pings(), before + 1);
    }
    time.wrongMs = HOUR_MS;
    time.advance(3 * HEARTBEAT_MS - 1);
    assert.equal(tunnel.state, "streaming");
    time.advance(1);
    assert.equal(tunnel.lastError?.code, "TUNNEL_SILENT");
  });
});
