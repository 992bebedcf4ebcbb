import assert from "node:assert/strict";
import { test } from "node:test";
import { readMsh } from "#agent/ingest/hl7/msh.ts";
import { controlKeyOf, ReplyStamps } from "#agent/ingest/identify.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { latin1, message } from "#test/support/messages.ts";

function key(text: string, channel = "adt"): string {
  const reading = readMsh(latin1(text));
  const msh = reading.kind === "batch" ? undefined : reading.msh;
  return Buffer.from(controlKeyOf(channel, msh)).toString("hex");
}

test("[D1] the control key is eight bytes of channel, MSH-3, MSH-4 and MSH-10", () => {
  const base = key(message());
  assert.equal(base.length, 16);
  assert.equal(key(message({ 9: "ORU^R01", 12: "2.3" }, "other")), base, "nothing else counts");
  const others = [
    key(message({ 10: "M2" })),
    key(message({ 3: "ICU" })),
    key(message().replace("NORTH", "SOUTH")),
    key(message(), "oru"),
    key("no header"),
  ];
  assert.equal(new Set([base, ...others]).size, 6);
});

test("[D1] parts of the control key cannot run into each other, and bytes count, not text", () => {
  const pairs: readonly (readonly [string, string])[] = [
    [message({ 3: "AB", 10: "C" }), message({ 3: "A", 10: "BC" })],
    [message({ 10: "\xe4" }), message({ 10: "\xc3\xa4" })],
    [message({ 10: "m1" }), message({ 10: "M1" })],
    [message({ 10: "M1 " }), message({ 10: "M1" })],
  ];
  for (const [one, other] of pairs) assert.notEqual(key(one), key(other));
});

test("[D6] without MSH-10 sender and facility do not count either: the content alone decides", () => {
  assert.equal(key(message({ 3: "ICU", 10: "" })), key(message({ 10: "" })));
  assert.notEqual(key(message({ 10: "" }), "oru"), key(message({ 10: "" })));
});

test("[A10] reply timestamps are UTC to the second and follow the clock", () => {
  const clock = new ManualClock(Date.UTC(2025, 11, 31, 23, 59, 59, 900));
  const stamps = new ReplyStamps(clock);
  assert.equal(stamps.timestamp(), "20251231235959+0000");
  clock.advance(99);
  assert.equal(stamps.timestamp(), "20251231235959+0000");
  clock.advance(1);
  assert.equal(stamps.timestamp(), "20260101000000+0000");
});

test("[A10] reply control ids are unique, ASCII and at most 20 characters, also after a restart", () => {
  const clock = new ManualClock();
  const ids = new Set<string>();
  for (let run = 0; run < 2; run++) {
    const stamps = new ReplyStamps(clock);
    for (let i = 0; i < 5_000; i++) ids.add(stamps.controlId());
    clock.advance(1_000);
  }
  assert.equal(ids.size, 10_000);
  for (const id of ids) assert.match(id, /^[A-Z0-9.]{1,20}$/);
});
