/** Messages that are set aside and reported instead of sent (03 O9, O11). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SenderSettings } from "#agent/deliver/sender-settings.ts";
import { HospitalSystem } from "#test/support/hospital-system.ts";
import { adt, largeAdt, latin1 } from "#test/support/messages.ts";
import { SenderBench } from "#test/support/sender-bench.ts";

const SECOND = 1_000;
const wide = (encoding: "utf16le"): Buffer => Buffer.from(adt("M1"), encoding);

function largeWith(byte: number): Buffer {
  const body = largeAdt("BIG", 2 * 1024 * 1024);
  body[body.length - 2] = byte;
  return body;
}

const CASES: readonly (readonly [string, string | Uint8Array, string, Partial<SenderSettings>?])[] =
  [
    ["[O9] VT inside", adt("M1", "|\x0b"), "framingBytes"],
    ["[O9] FS inside", adt("M1", "|\x1c"), "framingBytes"],
    ["[O9] FS CR at its end", `${adt("M1")}\x1c\r`, "framingBytes"],
    ["[O9] VT at the end of 2 MiB", largeWith(0x0b), "framingBytes"],
    ["[O9] FS at the end of 2 MiB", largeWith(0x1c), "framingBytes"],
    [
      "[O9] UTF-16 with a mark",
      Buffer.concat([Buffer.of(0xff, 0xfe), wide("utf16le")]),
      "wideCharacters",
    ],
    ["[O9] UTF-16 without one", wide("utf16le"), "wideCharacters"],
    ["[O9] UTF-32", Buffer.from("M\0\0\0S\0\0\0H\0\0\0", "latin1"), "wideCharacters"],
    ["[O3] no header", "PID|1\r", "unreadableHeader"],
    ["[O3] no control id", adt(""), "unreadableHeader"],
    ["[O3] a control id of 2 KiB", adt("x".repeat(2_048)), "unreadableHeader"],
    ["[O3] no byte at all", "", "unreadableHeader"],
    ["[O3] no byte at all, whatever the reply", "", "unreadableHeader", { matchControlId: "off" }],
  ];
for (const [what, body, reason, changed] of CASES) {
  test(`${what}: set aside and reported, not sent, and the next one goes`, async () => {
    await using ris = await HospitalSystem.open();
    await using bench = await SenderBench.open(ris.port, changed);
    bench.queue.sliceBytes = 1_000_000;
    bench.queue.append(body);
    bench.queue.append(adt("M2"));
    await bench.stands(`quarantined ${reason}`, "accepted");
    assert.deepEqual(ris.controlIds, ["M2"]);
    assert.deepEqual(bench.queue.calls, ["settle 1", "claim 2", "settle 2"]);
    assert.deepEqual(bench.alarms, ["deliveryQuarantined"]);
  });
}

test("[O3] without a header it is sent where no reply is waited for, or any will do", async () => {
  for (const changed of [{ expectReply: "none" }, { matchControlId: "off" }] as const) {
    await using ris = await HospitalSystem.open(() => "\x0bMSH|^~\\&\rMSA|AA|\r\x1c\r");
    await using bench = await SenderBench.open(ris.port, changed);
    bench.queue.append("PID|1\r");
    await bench.stands("accepted");
    await bench.until("it came", () => ris.blocks.length === 1);
  }
});

test("[O9] the bytes of GB18030 and Shift-JIS text are no framing bytes", async () => {
  await using ris = await HospitalSystem.open();
  await using bench = await SenderBench.open(ris.port);
  const body = Buffer.concat([
    latin1(adt("M1")),
    Buffer.of(0x81, 0x30, 0x81, 0x30, 0x83, 0x5c, 0x0d),
  ]);
  bench.queue.append(body);
  await bench.stands("accepted");
  assert.ok(latin1(ris.blocks[0]?.text ?? "").equals(body));
});

test("[O11] an older message is set aside and reported; the age counts from its commit here", async () => {
  await using ris = await HospitalSystem.open();
  await using bench = await SenderBench.open(ris.port, { expireAfterMs: 60 * SECOND });
  const nowMs = bench.clock.nowMs();
  bench.queue.append(adt("OLD"), nowMs - 60 * SECOND - 1);
  bench.queue.append(adt("M2"), nowMs - 60 * SECOND);
  await bench.stands("quarantined expired", "accepted");
  assert.deepEqual(ris.controlIds, ["M2"]);
});

test("[O11] a message that expires between two tries is not sent again, and what is behind it goes on", async () => {
  await using ris = await HospitalSystem.open(() => undefined);
  await using bench = await SenderBench.open(ris.port, { expireAfterMs: 45 * SECOND });
  bench.queue.append(adt("M1"), bench.clock.nowMs());
  for (let tried = 1; tried <= 2; tried++) {
    await bench.until(
      "it waits",
      () => bench.state === "awaitingReply" && ris.blocks.length === tried,
    );
    bench.clock.advance(30 * SECOND);
    await bench.until("counted", () => bench.queue.row(1).tries.timeoutCount === tried);
  }
  await bench.stands("quarantined expired");
  assert.deepEqual(bench.queue.row(1).outcome?.flags, ["possibleRepeat"], "it may have arrived");
  assert.equal(ris.blocks.length, 2);
});

test("[O11] expireAfterSeconds 0: never", async () => {
  await using ris = await HospitalSystem.open();
  await using bench = await SenderBench.open(ris.port);
  bench.queue.append(adt("M1"), 0);
  await bench.stands("accepted");
});
