import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Flow } from "#streams/source/flow.ts";

const KIB = 1024;
const FAR = 1 << 30;

describe("flow", () => {
  test("[TP22] the window bounds what is sent and not reported as received", () => {
    const flow = new Flow(FAR);
    assert.equal(flow.room, 128 * KIB);
    flow.sent(100 * KIB);
    assert.equal(flow.room, 28 * KIB);
    flow.credited({ bytesReceived: 60 * KIB });
    assert.deepEqual([flow.room, flow.inFlightBytes], [88 * KIB, 40 * KIB]);
  });

  test("[TP20] the connection's credit is absolute, from the first byte", () => {
    const flow = new Flow(50);
    flow.sent(40);
    flow.credited({ bytesReceived: 40 });
    assert.equal(flow.room, 10);
    flow.credited({ connectionLimit: 90 });
    assert.equal(flow.room, 50);
  });

  test("[TP20, T-P02] lower, repeated and reordered values change nothing", () => {
    const flow = new Flow(1_000);
    flow.sent(500);
    const frames = [
      { connectionLimit: 2_000, bytesReceived: 300 },
      { connectionLimit: 1_500, bytesReceived: 100 },
      { connectionLimit: 2_000, bytesReceived: 300 },
      {},
      { bytesReceived: 0 },
      { connectionLimit: 0 },
    ];
    for (const credit of frames) flow.credited(credit);
    assert.deepEqual([flow.room, flow.inFlightBytes], [1_500, 200]);
  });

  test("[TP21] more reported than was sent counts as what was sent", () => {
    const flow = new Flow(FAR);
    flow.sent(10);
    flow.credited({ bytesReceived: 1_000_000 });
    assert.equal(flow.inFlightBytes, 0);
    flow.sent(20);
    assert.equal(flow.inFlightBytes, 20);
  });

  test("[TP22] the window grows only if it held something back since the last PING", () => {
    const flow = new Flow(FAR);
    flow.ponged(10, 0);
    assert.equal(flow.windowBytes, 128 * KIB);
    flow.sent(120 * KIB);
    flow.heldBack(8 * KIB);
    flow.ponged(10, 1_000);
    assert.equal(flow.windowBytes, 128 * KIB, "there was room for it: credit was why");
    flow.heldBack(8 * KIB + 1);
    flow.ponged(10, 2_000);
    assert.equal(flow.windowBytes, 192 * KIB);
    flow.ponged(10, 3_000);
    assert.equal(flow.windowBytes, 192 * KIB);
  });

  test("[TP22] a slow round trip halves the window; what is in flight beyond it waits", () => {
    const flow = new Flow(FAR);
    flow.ponged(10, 0);
    flow.sent(128 * KIB);
    flow.ponged(211, 1_000);
    assert.deepEqual([flow.windowBytes, flow.room], [64 * KIB, -64 * KIB]);
  });

  test("[TP20, TP21] whatever comes, room is never more than either account allows", () => {
    const frame = fc.record({
      sent: fc.nat(40_000),
      limit: fc.nat(400_000),
      received: fc.nat(400_000),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 60 }), (frames) => {
        const flow = new Flow(0);
        let [sent, limit, received] = [0, 0, 0];
        for (const one of frames) {
          limit = Math.max(limit, one.limit);
          received = Math.max(received, Math.min(one.received, sent));
          flow.credited({ connectionLimit: one.limit, bytesReceived: one.received });
          assert.equal(flow.room, Math.min(limit - sent, 128 * KIB - (sent - received)));
          if (one.sent > flow.room) continue;
          flow.sent(one.sent);
          sent += one.sent;
        }
      }),
    );
  });
});
