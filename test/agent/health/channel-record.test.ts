/** What a channel's record shows of its senders, and that no sender can fill it (03 A14; 08 PL4). @module */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Facts } from "#agent/errors.ts";
import { ChannelRecord, WARNINGS } from "#agent/health/channel-record.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { COUNTER_NAMES } from "#agent/health/counters.ts";
import type { Log } from "#agent/host/log.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { latin1 } from "#test/support/messages.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NONE = new Uint8Array(0);
const PEER = "10.20.0.4:50123";

interface Bench {
  readonly record: ChannelRecord;
  readonly clock: ManualClock;
  readonly lines: Facts[];
}

function newRecord(): Bench {
  const clock = new ManualClock();
  const lines: Facts[] = [];
  const log: Log = {
    write: (event, facts) => {
      assert.equal(event, "protocolWarning");
      lines.push(facts);
    },
    fault: () => assert.fail("a warning is no fault"),
  };
  return { record: new ChannelRecord({ channel: "adt", clock, log }), clock, lines };
}

describe("warnings", () => {
  test("[A6, D2] each is counted every time, and logged once an hour with the count so far", () => {
    const { record, clock, lines } = newRecord();
    for (let i = 0; i < 5; i++) record.warn("controlIdReused", PEER, latin1("M1"));
    clock.advance(HOUR - 1);
    record.warn("controlIdReused", PEER, latin1("M2"));
    assert.equal(lines.length, 1);
    clock.advance(1);
    record.warn("controlIdReused", PEER, latin1("M3"));
    const common = { channel: "adt", peer: PEER, code: "controlIdReused" };
    assert.deepEqual(lines, [
      { ...common, count: 1, controlId: "M1" },
      { ...common, count: 7, controlId: "M3" },
    ]);
    assert.equal(record.counters.value("controlIdReused"), 7);
  });

  test("[A6] the hour of one warning is not that of another", () => {
    const { record, lines } = newRecord();
    record.warn("lenientEnd", PEER);
    record.warn("sequenceGap", PEER);
    record.warn("lenientEnd", PEER);
    assert.deepEqual(
      lines.map(({ code }) => code),
      ["lenientEnd", "sequenceGap"],
    );
  });

  test("[F3] time, peer and control id shown are those of the last case", () => {
    const { record, clock } = newRecord();
    record.warn("charsetMismatch", "10.0.0.1:1", latin1("M1"));
    clock.advance(MINUTE);
    record.warn("charsetMismatch", "10.0.0.2:2", latin1("M2"));
    const last = record.snapshot().warnings;
    assert.deepEqual(last, [
      {
        warning: "charsetMismatch",
        text: WARNINGS.charsetMismatch,
        count: 2,
        lastAt: "2025-01-01T12:01:00.000Z",
        peer: "10.0.0.2:2",
        controlId: "M2",
      },
    ]);
    record.warn("charsetMismatch", "10.0.0.3:3", latin1("DOE JOHN"));
    assert.equal(record.snapshot().warnings[0]?.controlId, undefined, "not that of another case");
  });

  for (const shown of ["a", "MSG-2025.01_7", "A".repeat(64)]) {
    test(`[PL4] a control id of ${shown.length} safe characters is shown and logged`, () => {
      const { record, lines } = newRecord();
      record.warn("sequenceGap", PEER, latin1(shown));
      assert.equal(record.snapshot().warnings[0]?.controlId, shown);
      assert.equal(lines[0]?.["controlId"], shown);
    });
  }

  for (const [what, hidden] of [
    ["empty", ""],
    ["with a blank", "DOE JOHN"],
    ["with a component", "DOE^JOHN"],
    ["with a colon", "A:B"],
    ["with a line break", "A\nB"],
    ["with a byte above 0x7F", "M\xfc"],
    ["of 65 characters", "A".repeat(65)],
  ] as const) {
    test(`[PL4] a control id ${what} is neither shown nor logged, nor a part of it`, () => {
      const { record, lines } = newRecord();
      record.warn("sequenceGap", PEER, latin1(hidden));
      const all = JSON.stringify([record.snapshot(), lines]);
      assert.equal(record.snapshot().warnings[0]?.controlId, undefined);
      assert.equal(lines[0] !== undefined && "controlId" in lines[0], false);
      if (hidden.length > 1) assert.equal(all.includes(JSON.stringify(hidden).slice(1, -1)), false);
    });
  }

  test("[A14] every warning is a counter, too", () => {
    const counters: readonly string[] = COUNTER_NAMES;
    for (const name of Object.keys(WARNINGS)) assert.ok(counters.includes(name), name);
  });
});

describe("peers", () => {
  test("[A14] connections, messages, name and last reply of each address, whatever its ports", () => {
    const { record, clock } = newRecord();
    record.connected("10.0.0.1", "Lab-1");
    record.connected("10.0.0.1", undefined);
    record.connected("10.0.0.2", undefined);
    record.disconnected("10.0.0.1");
    record.message("10.0.0.1", NONE, NONE);
    clock.advance(MINUTE);
    record.message("10.0.0.1", NONE, NONE);
    record.replied("10.0.0.1", "AA");
    clock.advance(MINUTE);
    record.replied("10.0.0.2", "none");
    const { peers, lastReply, lastMessageAt } = record.snapshot();
    assert.deepEqual(peers, [
      {
        address: "10.0.0.1",
        name: "Lab-1",
        connections: 1,
        connectionsTotal: 2,
        messages: 2,
        lastSeenAt: "2025-01-01T12:01:00.000Z",
        lastReply: "AA",
      },
      {
        address: "10.0.0.2",
        name: undefined,
        connections: 1,
        connectionsTotal: 1,
        messages: 0,
        lastSeenAt: "2025-01-01T12:02:00.000Z",
        lastReply: "none",
      },
    ]);
    assert.deepEqual(lastReply, { code: "none", at: "2025-01-01T12:02:00.000Z" });
    assert.equal(lastMessageAt, "2025-01-01T12:01:00.000Z");
  });

  test("a record of nothing is empty lists, and no times", () => {
    const { record } = newRecord();
    record.disconnected("10.0.0.1");
    assert.deepEqual(record.snapshot(), {
      peers: [],
      pairs: [],
      warnings: [],
      lastReply: undefined,
      lastMessageAt: undefined,
    });
  });

  test("[I-8] 64 peers are kept: the one without a connection that was seen longest ago goes", () => {
    const { record, clock } = newRecord();
    record.connected("10.0.0.0", undefined);
    for (let i = 1; i < 64; i++) {
      clock.advance(1);
      record.connected(`10.0.0.${i}`, undefined);
      record.disconnected(`10.0.0.${i}`);
    }
    clock.advance(1);
    // Seen again: the next one is the oldest now.
    record.replied("10.0.0.1", "AA");
    record.connected("10.0.1.1", undefined);
    const addresses = record.snapshot().peers.map(({ address }) => address);
    assert.equal(addresses.length, 64);
    assert.deepEqual(
      ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.1.1"].map((one) => addresses.includes(one)),
      [true, true, false, true],
    );
  });

  test("[I-8] 64 peers are kept also where all of them are connected, and their leaving harms nothing", () => {
    const { record } = newRecord();
    for (let i = 0; i < 1_000; i++) record.connected(`10.0.${i >> 8}.${i & 255}`, undefined);
    assert.equal(record.snapshot().peers.length, 64);
    for (let i = 0; i < 1_000; i++) record.disconnected(`10.0.${i >> 8}.${i & 255}`);
    const { peers } = record.snapshot();
    assert.ok(peers.every(({ connections }) => connections === 0));
  });
});

describe("pairs of MSH-15 and MSH-16", () => {
  test("[A14] are counted trimmed and without case; an empty field is a dash", () => {
    const { record } = newRecord();
    for (const [accept, application] of [
      ["AL", "NE"],
      [" al ", "ne"],
      ["", ""],
      ["", ""],
      ["NE", ""],
      ["", "ER"],
    ] as const) {
      record.message("10.0.0.1", latin1(accept), latin1(application));
    }
    assert.deepEqual(record.snapshot().pairs, [
      { accept: "AL", application: "NE", count: 2 },
      { accept: "-", application: "-", count: 2 },
      { accept: "NE", application: "-", count: 1 },
      { accept: "-", application: "ER", count: 1 },
    ]);
  });

  test("[PL4, A14] what does not look like a condition is called other: a name in MSH-15 is not shown", () => {
    const { record } = newRecord();
    for (const field of ["DOE^JOHN", "DOEJOHN", "A B", "19700101", "\x1b[2J", "\xc4L"]) {
      record.message("10.0.0.1", latin1(field), latin1(field));
    }
    assert.deepEqual(record.snapshot().pairs, [
      { accept: "other", application: "other", count: 6 },
    ]);
  });

  test("[I-8] 32 pairs are kept, the first ones, and go on counting", () => {
    const { record } = newRecord();
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (let i = 0; i < 200; i++) {
      const word = `${letters[i % 26]}${letters[Math.floor(i / 26)]}`;
      record.message("10.0.0.1", latin1(word), NONE);
    }
    record.message("10.0.0.1", latin1("AA"), NONE);
    const { pairs, peers } = record.snapshot();
    assert.equal(pairs.length, 32);
    assert.deepEqual(pairs[0], { accept: "AA", application: "-", count: 2 });
    assert.equal(peers[0]?.messages, 201, "the messages are counted all the same");
  });
});

describe("conditions that happen rather than last", () => {
  const names = (conditions: Conditions): string[] =>
    conditions.list().map(({ condition, subject }) => `${condition} ${subject}`);

  test("[E7, F7] openFor: open until the time has passed without another case", () => {
    const conditions = new Conditions();
    const clock = new ManualClock();
    conditions.openFor("messageTooLarge", "adt", { bytes: 1 }, clock, HOUR);
    const [first] = conditions.list();
    clock.advance(HOUR - 1);
    conditions.openFor("messageTooLarge", "adt", { bytes: 2 }, clock, HOUR);
    clock.advance(HOUR - 1);
    const [last, ...more] = conditions.list();
    assert.deepEqual(
      [last?.sinceMs, last?.facts, more],
      [first?.sinceMs, { bytes: 2 }, []],
      "one alarm, since the first case, with the facts of the last",
    );
    clock.advance(1);
    assert.deepEqual(conditions.list(), []);
    assert.equal(clock.armedCount, 0);
  });

  test("[C2] openFor: each subject and each condition has a time of its own", () => {
    const conditions = new Conditions();
    const clock = new ManualClock();
    conditions.openFor("tooManyConnections", "adt", {}, clock, 10 * MINUTE);
    clock.advance(MINUTE);
    conditions.openFor("tooManyConnections", "oru", {}, clock, 10 * MINUTE);
    conditions.openFor("quarantineFull", "adt", {}, clock, HOUR);
    clock.advance(9 * MINUTE);
    assert.deepEqual(names(conditions), ["tooManyConnections oru", "quarantineFull adt"]);
    clock.advance(HOUR);
    assert.deepEqual(names(conditions), []);
  });

  test("[E7] openFor: what was closed meanwhile and opened to last is not closed by the old time", () => {
    const conditions = new Conditions();
    const clock = new ManualClock();
    conditions.openFor("channelFull", "adt", {}, clock, HOUR);
    conditions.close("channelFull", "adt");
    conditions.open("channelFull", "adt", {}, clock.nowMs());
    clock.advance(2 * HOUR);
    assert.deepEqual(names(conditions), ["channelFull adt"]);
  });
});
