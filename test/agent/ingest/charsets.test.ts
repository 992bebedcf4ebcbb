/** Character sets at the socket: bytes are the record, what is known of them travels along (03 X1 to X5). @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { outgoingMessage } from "#agent/relay/outgoing-message.ts";
import { SliceReader } from "#agent/relay/slice-reader.ts";
import { AgentStack } from "#test/support/agent-stack.ts";
import { framed, latin1, message, sha256Of, textOf } from "#test/support/messages.ts";

type Attributes = Readonly<Record<string, string>>;

interface Case {
  readonly what: string;
  /** MSH-18 as sent. */
  readonly declared: string;
  /** Behind PID-3, one byte a character. */
  readonly more: string;
  readonly setting?: string;
  readonly attributes: Attributes;
  readonly warned: boolean;
}

const UMLAUT = "M\xfcller";
const UTF8_UMLAUT = "M\xc3\xbcller";

const CASES: readonly Case[] = [
  {
    what: "plain ASCII that declares nothing has nothing to say",
    declared: "",
    more: "",
    attributes: {},
    warned: false,
  },
  {
    what: "ASCII in a declared set keeps the declaration alone",
    declared: "8859/1",
    more: "",
    attributes: { "hl7.charset": "8859/1" },
    warned: false,
  },
  {
    what: "8859/1 as declared",
    declared: "8859/1",
    more: UMLAUT,
    attributes: { "hl7.charset": "8859/1", "hl7.encoding": "other" },
    warned: false,
  },
  {
    what: "UTF-8 as declared",
    declared: "UNICODE UTF-8",
    more: UTF8_UMLAUT,
    attributes: { "hl7.charset": "UNICODE UTF-8", "hl7.encoding": "utf-8" },
    warned: false,
  },
  {
    what: "row 27: invalid UTF-8 where UTF-8 is declared",
    declared: "UNICODE UTF-8",
    more: UMLAUT,
    attributes: {
      "hl7.charset": "UNICODE UTF-8",
      "hl7.encoding": "other",
      "hl7.decodingErrors": "1",
    },
    warned: true,
  },
  {
    what: "UTF-8 where 8859/1 is declared",
    declared: "8859/1",
    more: UTF8_UMLAUT,
    attributes: { "hl7.charset": "8859/1", "hl7.encoding": "utf-8" },
    warned: true,
  },
  {
    what: "bytes above 0x7F where nothing is declared",
    declared: "",
    more: UMLAUT,
    attributes: { "hl7.encoding": "other" },
    warned: true,
  },
  {
    what: "UTF-8 where nothing is declared",
    declared: "",
    more: UTF8_UMLAUT,
    attributes: { "hl7.encoding": "utf-8" },
    warned: true,
  },
  {
    what: "a set that nobody knows",
    declared: "KLINGON-8",
    more: UMLAUT,
    attributes: { "hl7.charset": "KLINGON-8", "hl7.encoding": "other" },
    warned: true,
  },
  {
    what: "further repetitions and their escapes are kept, the first repetition is the declaration",
    declared: "8859/1~ISO IR87",
    more: `${UMLAUT}\x1b$B;3ED\x1b(B`,
    attributes: { "hl7.charset": "8859/1", "hl7.encoding": "other" },
    warned: false,
  },
  {
    what: "a declaration with bytes above 0x7F in it",
    declared: "8859/1\xfc",
    more: "",
    attributes: { "hl7.charset": "8859/1\xfc", "hl7.encoding": "other" },
    warned: true,
  },
  {
    what: "the channel's charset replaces a wrong declaration, and is no warning where the bytes fit it",
    declared: "ASCII",
    more: UMLAUT,
    setting: "8859/1",
    attributes: {
      "hl7.charset": "ASCII",
      "hl7.channelCharset": "8859/1",
      "hl7.encoding": "other",
    },
    warned: false,
  },
  {
    what: "the channel's charset that does not fit is a warning",
    declared: "8859/1",
    more: UMLAUT,
    setting: "UNICODE UTF-8",
    attributes: {
      "hl7.charset": "8859/1",
      "hl7.channelCharset": "UNICODE UTF-8",
      "hl7.encoding": "other",
      "hl7.decodingErrors": "1",
    },
    warned: true,
  },
];

for (const { what, declared, more, setting, attributes, warned } of CASES) {
  const heard = warned ? "AA with a warning" : "AA without a warning";
  test(`[X1, X2, X3] ${what}: ${heard}, bytes kept, attributes travel`, async () => {
    await using agent = await AgentStack.open({ rules: { charset: setting } });
    await using sender = await agent.connect();
    const text = message({ 18: declared }, more);
    await sender.send(framed(text));
    assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
    const [kept] = await agent.messages();
    assert.equal(kept?.text, text);
    assert.deepEqual(kept?.attributes, attributes);
    assert.equal(agent.counters.value("charsetMismatch"), warned ? 1 : 0);
    const range = { channel: agent.channel.id, epoch: 1n, afterSeq: 0n };
    const { messages } = await agent.outbox.read({ ...range, maxBytes: 1 << 20, maxCount: 1 });
    const [stored] = messages;
    assert.ok(stored !== undefined);
    const { meta } = outgoingMessage(new SliceReader(agent.outbox), {
      ...{ epoch: 1n, message: stored, from: 0 },
      onDamaged: () => {},
    });
    assert.deepEqual(meta.attributes, { ...attributes, "hl7.controlId": "M1" });
  });
}

test("[X3] the warning names peer and control id, is counted each time and logged once", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  for (let i = 1; i <= 3; i++) {
    await sender.send(framed(message({ 10: `M${i}` }, UMLAUT)));
    await sender.acknowledged(i);
  }
  assert.equal(agent.counters.value("charsetMismatch"), 3);
  const [shown, ...more] = agent.record.snapshot().warnings;
  assert.deepEqual(
    [shown?.warning, shown?.count, shown?.controlId, more],
    ["charsetMismatch", 3, "M3", []],
  );
  const lines = agent.logs("protocolWarning").map(({ code, controlId }) => [code, controlId]);
  assert.deepEqual(lines, [["charsetMismatch", "M1"]]);
});

test("[X1, F12] each message of a batch is judged by its own bytes", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const parts = [
    message({ 10: "M1", 18: "8859/1" }, UMLAUT),
    message({ 10: "M2" }),
    message({ 10: "M3", 18: "UNICODE UTF-8" }, UMLAUT),
  ];
  await sender.send(framed(`BHS|^~\\&|LAB\r${parts.join("")}BTS|3\r`));
  await sender.replies(1);
  const kept = await agent.messages();
  assert.deepEqual(
    kept.map(({ text, attributes }) => [
      text,
      attributes["hl7.charset"],
      attributes["hl7.encoding"],
      attributes["hl7.decodingErrors"],
    ]),
    [
      [parts[0], "8859/1", "other", undefined],
      [parts[1], undefined, undefined, undefined],
      [parts[2], "UNICODE UTF-8", "other", "1"],
    ],
  );
  assert.equal(agent.counters.value("charsetMismatch"), 1);
});

test("[D5, X1] sequence number and character set travel together", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const text = message({ 18: "8859/1" }, UMLAUT).replace("|2.5||", "|2.5|42|");
  await sender.send(framed(text));
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  const [kept] = await agent.messages();
  assert.deepEqual(kept?.attributes, {
    "hl7.charset": "8859/1",
    "hl7.encoding": "other",
    "hl7.sequenceNumber": "42",
  });
});

const MIB = 1024 * 1024;

/** A body above the spool threshold: `unit` again and again behind the header. */
const large = (declared: string, unit: string, bytes: number): Buffer => {
  const head = latin1(message({ 10: "BIG", 18: declared }, "|"));
  const body = Buffer.alloc(bytes, latin1(unit));
  head.copy(body);
  body[bytes - 1] = 0x0d;
  return body;
};

for (const { what, declared, unit, tail, attributes, warned } of [
  {
    what: "UTF-8, its sequences cut by slices and chunks,",
    declared: "UNICODE UTF-8",
    unit: "\xe2\x82\xac",
    tail: "",
    attributes: { "hl7.charset": "UNICODE UTF-8", "hl7.encoding": "utf-8" },
    warned: false,
  },
  {
    what: "UTF-8 but for one byte near its end",
    declared: "UNICODE UTF-8",
    unit: "a",
    tail: "\xff",
    attributes: {
      "hl7.charset": "UNICODE UTF-8",
      "hl7.encoding": "other",
      "hl7.decodingErrors": "1",
    },
    warned: true,
  },
  {
    what: "ASCII but for one byte near its end, where nothing is declared,",
    declared: "",
    unit: "a",
    tail: "\xfc",
    attributes: { "hl7.encoding": "other" },
    warned: true,
  },
  {
    what: "plain ASCII",
    declared: "",
    unit: "abc",
    tail: "",
    attributes: {},
    warned: false,
  },
] as const) {
  test(`[X1, F7] a body in slices of ${what} is kept and judged like a small one`, async () => {
    await using agent = await AgentStack.open();
    await using sender = await agent.connect();
    const body = large(declared, unit, 3 * MIB + 1);
    // The euro signs have to end where the segment does.
    const start = latin1(message({ 10: "BIG", 18: declared }, "|")).length;
    const whole = start + Math.floor((body.length - 1 - start) / unit.length) * unit.length;
    const text = Buffer.alloc(whole + 1, latin1(unit));
    for (let at = start; at < whole; at += unit.length) text.write(unit, at, "latin1");
    body.copy(text, 0, 0, start);
    text[whole] = 0x0d;
    if (tail !== "") text.write(tail, whole - 5, "latin1");
    sender.socket.write(Buffer.concat([latin1("\x0b"), text, latin1("\x1c\r")]));
    assert.deepEqual(await sender.acknowledged(1), ["AA BIG"]);
    const [kept] = await agent.messages();
    assert.equal(kept?.sha256, sha256Of(text));
    assert.deepEqual(kept?.attributes, attributes);
    assert.equal(agent.counters.value("charsetMismatch"), warned ? 1 : 0);
  });
}

test("[X3, X4] no encoding is ever a reason to refuse: every byte above 0x7F, in every claim", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const every = textOf(Uint8Array.from({ length: 128 }, (_, index) => 0x80 + index));
  const claims = [
    "",
    "ASCII",
    "UNICODE UTF-8",
    "8859/5",
    "ISO IR87",
    "GB 18030-2000",
    "???",
    every,
  ];
  const texts = claims.map((claim, index) => message({ 10: `M${index}`, 18: claim }, every));
  await sender.send(texts.map(framed).join(""));
  const expected = claims.map((_, index) => `AA M${index}`);
  assert.deepEqual(await sender.acknowledged(claims.length), expected);
  assert.deepEqual(
    (await agent.messages()).map(({ text }) => text),
    texts,
  );
  assert.equal(agent.counters.value("quarantined"), 0);
});
