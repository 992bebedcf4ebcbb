import assert from "node:assert/strict";
import { test } from "node:test";
import { type ReplyEvent, ReplyReader } from "#agent/deliver/reply-reader.ts";
import { REPLY_KEPT_BYTES } from "#agent/limits.ts";
import { framed, latin1, textOf } from "#test/support/messages.ts";

const MIB = 1024 * 1024;
const newReader = (changed: { lenientEnd?: boolean; blockMaxBytes?: number } = {}): ReplyReader =>
  new ReplyReader({ blockMaxBytes: 32 * MIB, lenientEnd: true, ...changed });

const shown = (events: readonly ReplyEvent[]): string[] =>
  events.map((event) => {
    if (event.kind === "reply") return `${textOf(event.bytes)}${event.cut ? "…" : ""}`;
    return event.kind === "unusable" ? event.why : event.kind;
  });

test("[F1] the same replies come out however the bytes are cut", () => {
  const wire = latin1(`\r\n${framed("MSH|one")}\0${framed("MSH|two")}`);
  for (let size = 1; size <= wire.length; size++) {
    const reader = newReader();
    const found: string[] = [];
    for (let at = 0; at < wire.length; at += size) {
      found.push(...shown(reader.push(wire.subarray(at, at + size))));
    }
    assert.deepEqual(found, ["MSH|one", "MSH|two"], `${size} bytes at a time`);
  }
});

test("[F3, O9] lenient ends are understood: FS LF, FS VT, FS then FIN, FS then silence", () => {
  const lenient = ["lenientEnd", "MSH|one"];
  assert.deepEqual(shown(newReader().push(latin1("\x0bMSH|one\x1c\n"))), lenient);
  assert.deepEqual(shown(newReader().push(latin1("\x0bMSH|one\x1c\x0bMSH|"))), lenient);
  const atFin = newReader();
  atFin.push(latin1("\x0bMSH|one\x1c"));
  assert.ok(atFin.awaitsEnd);
  assert.deepEqual(shown(atFin.end()), lenient);
  const atSilence = newReader();
  atSilence.push(latin1("\x0bMSH|one\x1c"));
  assert.deepEqual(shown(atSilence.silence()), lenient);
});

test("[F3] with lenientEnd false they are not", () => {
  const reader = newReader({ lenientEnd: false });
  assert.deepEqual(shown(reader.push(latin1("\x0bMSH|one\x1c\n"))), []);
  assert.ok(!reader.awaitsEnd);
  assert.deepEqual(shown(reader.end()), ["fragment"]);
});

const UNUSABLE = [
  ["[F3] FS inside", "\x0bMSH|o\x1cne\x1c\r", ["malformed"]],
  ["[F4] VT inside", "\x0bMSH|o\x0bne\x1c\r", ["malformed"]],
  ["[F2] HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", ["notMllp"]],
  ["[F2] a TLS alert", "\x15\x03\x01\x00\x02\x02\x46", ["notMllp"]],
  ["[F2] 64 KiB without VT", "x".repeat(65_537), ["junk", "notMllp"]],
  ["[F2] junk between blocks", "x\r\nyz", ["junk"]],
  ["[E3] an empty block", "\x0b\x1c\r", ["empty"]],
  ["[E3] white space", "\x0b \r\n\x1c\r", ["empty"]],
] as const;
for (const [what, wire, wanted] of UNUSABLE) {
  test(`${what} is no reply`, () => {
    assert.deepEqual(shown(newReader().push(latin1(wire))), wanted);
  });
}

test("[F5] half a reply at FIN is a fragment", () => {
  const reader = newReader();
  reader.push(latin1("\x0bMSH|one"));
  assert.deepEqual(shown(reader.end()), ["fragment"]);
});

test("[F7, F11] of a large reply the beginning is kept, whatever its length; over the limit it is none", () => {
  for (const bytes of [REPLY_KEPT_BYTES + 1, MIB, 5 * MIB]) {
    const reader = newReader();
    const body = Buffer.alloc(bytes, "MSH|");
    const wire = Buffer.concat([latin1("\x0b"), body, latin1("\x1c\r")]);
    const found: ReplyEvent[] = [];
    for (let at = 0; at < wire.length; at += 65_536) {
      found.push(...reader.push(wire.subarray(at, at + 65_536)));
    }
    const [reply] = found;
    assert.ok(reply?.kind === "reply" && reply.cut && found.length === 1);
    assert.deepEqual(Buffer.from(reply.bytes), body.subarray(0, REPLY_KEPT_BYTES));
  }
  const small = newReader({ blockMaxBytes: 1_024 });
  assert.deepEqual(shown(small.push(latin1(framed("x".repeat(1_025))))), ["tooLarge"]);
});

test("[F1] what is given out does not change when the chunk is reused", () => {
  const chunk = latin1(framed("MSH|one"));
  const events = newReader().push(chunk);
  chunk.fill(0);
  assert.deepEqual(shown(events), ["MSH|one"]);
});
