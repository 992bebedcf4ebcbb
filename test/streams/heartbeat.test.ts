import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Heartbeat } from "#streams/heartbeat.ts";
import { ManualClock } from "../support/clocks.ts";

class Pulse {
  readonly clock = new ManualClock(0);
  readonly heard: string[] = [];
  inFlight = false;
  readonly heartbeat: Heartbeat;

  constructor(heartbeatMs = 10_000) {
    this.heartbeat = new Heartbeat({
      clock: this.clock,
      heartbeatMs,
      inFlight: () => this.inFlight,
      ping: (nonce) => this.heard.push(`${this.clock.nowMs()} ping ${nonce}`),
      onRoundTrip: (ms) => this.heard.push(`${this.clock.nowMs()} round trip ${ms}`),
      onSilence: () => this.heard.push(`${this.clock.nowMs()} silence`),
    });
  }
}

describe("heartbeat", () => {
  test("[TP26] pings after a heartbeat without a frame, and not before", () => {
    const pulse = new Pulse();
    pulse.clock.advance(9_999);
    assert.deepEqual(pulse.heard, []);
    pulse.clock.advance(1);
    assert.deepEqual(pulse.heard, ["10000 ping 1"]);
  });

  test("[TP26] does not ping while frames arrive", () => {
    const pulse = new Pulse();
    for (let i = 0; i < 60; i++) {
      pulse.heartbeat.heard();
      pulse.clock.advance(1_000);
    }
    assert.deepEqual(pulse.heard, []);
  });

  test("[TP26] pings each second while DATA is on the way, once the one before is answered", () => {
    const pulse = new Pulse();
    pulse.inFlight = true;
    for (let i = 1; i <= 3; i++) {
      pulse.clock.advance(1_000);
      pulse.clock.advance(40);
      pulse.heartbeat.heard();
      pulse.heartbeat.ponged(i);
    }
    const expected = ["1000 ping 1", "1040 round trip 40", "2000 ping 2", "2080 round trip 80"];
    assert.deepEqual(pulse.heard.slice(0, 4), expected);
  });

  test("[TP22] a PONG that takes longer than a heartbeat is a round trip, too", () => {
    const pulse = new Pulse();
    pulse.inFlight = true;
    for (let second = 1; second <= 13; second++) {
      pulse.clock.advance(1_000);
      pulse.heartbeat.heard();
      if (second === 13) pulse.heartbeat.ponged(1);
    }
    assert.deepEqual(pulse.heard, ["1000 ping 1", "11000 ping 2", "13000 round trip 12000"]);
  });

  test("[TP22] a round trip is measured once, for the PING that is out", () => {
    const pulse = new Pulse();
    pulse.clock.advance(10_000);
    pulse.clock.advance(25);
    for (const nonce of [7, 0, 1, 1]) pulse.heartbeat.ponged(nonce);
    assert.deepEqual(pulse.heard, ["10000 ping 1", "10025 round trip 25"]);
  });

  for (const heartbeatMs of [5_000, 10_000, 60_000]) {
    test(`[TP26] nothing at all for three heartbeats of ${heartbeatMs} ms is silence, told once`, () => {
      const pulse = new Pulse(heartbeatMs);
      pulse.clock.advance(2_500);
      pulse.heartbeat.heard();
      pulse.clock.advance(10 * heartbeatMs);
      const silences = pulse.heard.filter((line) => line.includes("silence"));
      assert.equal(silences.length, 1);
      const atMs = Number.parseInt(silences[0] ?? "", 10);
      assert.ok(atMs >= 2_500 + 3 * heartbeatMs && atMs <= 3_500 + 3 * heartbeatMs, `${atMs}`);
      assert.equal(pulse.clock.armedCount, 0);
    });
  }

  test("[TP26] any frame before that begins the count anew", () => {
    const pulse = new Pulse();
    for (let i = 0; i < 10; i++) {
      pulse.clock.advance(29_000);
      pulse.heartbeat.heard();
    }
    assert.ok(pulse.heard.every((line) => !line.includes("silence")));
  });

  test("disposed, it leaves no timer and says nothing", () => {
    const pulse = new Pulse();
    pulse.clock.advance(3_000);
    pulse.heartbeat[Symbol.dispose]();
    assert.equal(pulse.clock.armedCount, 0);
    pulse.clock.advance(100_000);
    assert.deepEqual(pulse.heard, []);
  });
});
