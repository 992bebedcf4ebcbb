import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { scanBytes } from "#agent/ingest/hl7/charset.ts";
import { splitMessages } from "#agent/ingest/hl7/message-splitter.ts";
import { LargeBody } from "#agent/ingest/large-body.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { AgentStack } from "#test/support/agent-stack.ts";
import { adt, framed, latin1, message, sha256Of, textOf } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import { RelayLine } from "#test/support/relay-line.ts";
import { StoreFile } from "#test/support/store-file.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";

const MIB = 1024 * 1024;
const SLICE = 128 * 1024;
const BHS = "BHS|^~\\&|LAB|NORTH|GATE|CLOUD|20250101||b||B1\r";

/** A message of exactly `bytes`. */
const padded = (controlId: string, bytes: number, fields = {}): string => {
  const head = `${message({ ...fields, 10: controlId })}OBX|1|ED|||`;
  return `${head}${"0123456789abcde+".repeat(bytes / 16 + 1).slice(0, bytes - head.length - 1)}\r`;
};
const bhsOf = (...messages: readonly string[]): string =>
  `${BHS}${messages.join("")}BTS|${messages.length}\r`;
/** `count` messages of 700,000 bytes: three are above the spool threshold. */
const many = (count: number, prefix = "C"): string[] =>
  Array.from({ length: count }, (_, index) => padded(`${prefix}${index + 1}`, 700_000));

/** Sends a block on a connection of its own. @returns MSA-1 and MSA-2 of each acknowledgment, BTS-1 */
async function said(port: number, block: string): Promise<string[]> {
  await using sender = await MllpSocket.open(port);
  sender.socket.write(latin1(framed(block)));
  const [reply = ""] = await sender.replies(1, 60_000);
  return reply.split("\r").flatMap((segment) => {
    const [name, first = "", second = ""] = segment.split("|");
    if (name === "MSA") return [`${first} ${second}`];
    return name === "BTS" ? [`BTS ${first}`] : [];
  });
}

const textsOf = async (agent: AgentStack): Promise<string[]> =>
  (await agent.messages()).map(({ text }) => text);

/** Without a line of a megabyte where it fails. */
function sameTexts(actual: readonly string[], expected: readonly string[]): void {
  const short = (text: string): string => `${text.length} ${sha256Of(latin1(text))}`;
  assert.deepEqual(actual.map(short), expected.map(short));
}

function remains(agent: AgentStack): { slices: number; uploads: number } {
  using file = new StoreFile(agent.stateDir);
  return { slices: file.sliceCount(), uploads: file.uploadCount() };
}

/** Messages and uploads in a store that nobody has open. */
function countsIn(stateDir: string): [number, number] {
  using file = new StoreFile(stateDir);
  return [file.messageCount(), file.uploadCount()];
}

/** What was set aside, oldest first: reason, control id, and the bytes that are kept. */
async function setAside(agent: AgentStack): Promise<[string, string, string][]> {
  const rows = await agent.outbox.quarantined(Number.MAX_SAFE_INTEGER, 100);
  const found: [string, string, string][] = [];
  for (const { id, reason, controlId, sha256, length } of rows.toReversed()) {
    const block = await agent.outbox.quarantinedBlock(id, 0, length + 1);
    const text = textOf(block?.bytes);
    assert.equal(sha256Of(latin1(text)), Buffer.from(sha256).toString("hex"));
    found.push([reason, textOf(controlId), text]);
  }
  return found;
}

const partsOf = (body: Buffer): object[] =>
  splitMessages(body).map((part) => {
    const bytes = textOf(body.subarray(part.start, part.start + part.length));
    const scan = scanBytes(latin1(bytes));
    return { ...part, sha256: sha256Of(latin1(bytes)), head: bytes.split(/[\r\n]/)[0], scan };
  });

/** The same of a body that comes in slices of `size` bytes and a rest. */
function slicedPartsOf(body: Buffer, size: number, { outbox }: TestOutbox): object[] {
  const large = new LargeBody(outbox);
  const end = body.length - (body.length % size);
  for (let at = 0; at < end; at += size) large.add(new Uint8Array(body.subarray(at, at + size)));
  const { parts, sha256 } = large.finish(body.subarray(end));
  large.discard();
  assert.equal(Buffer.from(sha256).toString("hex"), sha256Of(body));
  return parts.map(({ body: kept, ...part }) => {
    assert.equal(kept.length, 0);
    const digest = Buffer.from(part.sha256).toString("hex");
    return { ...part, sha256: digest, head: textOf(part.head) };
  });
}

test("[F12, P40] the parts of a large body, their digests and heads are the same however it is sliced", async () => {
  await using store = await TestOutbox.open();
  const batch = [
    `\xef\xbb\xbf\r\nFHS|^~\\&|LAB\r\nBHS|^~\\&|LAB\r\n${adt("C1").replaceAll("\r", "\r\n")}`,
    `\r\n${adt("C2")}BTS|2\rZZZ|left over\r\r \rover\rBHS#^~\\&#LAB\r${adt("C3")}${adt("C4")}`,
    "BTS\rFTS|2\rbehind",
  ].join("");
  const body = latin1(batch);
  const expected = partsOf(body);
  assert.equal(expected.length, 12);
  for (let size = 64; size <= body.length; size++) {
    assert.deepEqual(slicedPartsOf(body, size, store), expected, `slices of ${size} bytes`);
  }
});

for (const end of ["BTS|2\r", "BTS\r", "BTS", "BTS\r\n", "BTS|2\r\rFTS\r", "BTS\rx", "x"]) {
  test(`[F12, P36] the last lines of a large body are told apart wherever its last slice begins: ${JSON.stringify(end)}`, async () => {
    await using store = await TestOutbox.open();
    const body = latin1(`${BHS}${adt("C1")}${adt("C2")}${end}`);
    const expected = partsOf(body);
    for (let rest = 0; rest < 40; rest++) {
      const size = body.length - rest;
      assert.deepEqual(slicedPartsOf(body, size, store), expected, `a rest of ${rest} bytes`);
    }
  });
}

for (const rest of [1, 2, 3, 4]) {
  test(`[F12, A1] a batch that ends in a bare BTS ${rest} bytes into a slice is stored with the right digests`, async () => {
    await using agent = await AgentStack.open();
    const last = padded("C2", 9 * SLICE + rest - BHS.length - 600_000 - 4);
    const messages = [padded("C1", 600_000), last];
    const block = `${BHS}${messages.join("")}BTS\r`;
    assert.equal(block.length % SLICE, rest);
    assert.deepEqual(await said(agent.port, block), ["AA C1", "AA C2", "BTS 2"]);
    sameTexts(await textsOf(agent), messages);
  });
}

/** What begins just around the border of a slice. */
const AT_BORDERS: readonly (readonly [string, (id: number) => string])[] = [
  ["MSH", () => ""],
  ["BTS and BHS", () => `BTS|1\r${BHS}`],
  ["BTS and BHS with CRLF", () => `BTS|1\r\nBHS|^~\\&|LAB\r\n`],
  ["what is left over", (id) => `BTS\rleft ${id}\r${BHS}`],
];
for (const [what, between] of AT_BORDERS) {
  test(`[F12, P37] messages keep their bytes when ${what} begins at any place around the border of a slice`, async () => {
    await using agent = await AgentStack.open();
    const offsets = Array.from({ length: 31 }, (_, index) => index - 15);
    const messages: string[] = [];
    let block = BHS;
    for (const [index, offset] of offsets.entries()) {
      const target = (index + 1) * SLICE + offset;
      const one = padded(`C${index + 1}`, target - block.length);
      messages.push(one);
      block += one;
      assert.equal(block.length, target);
      block += between(index);
    }
    const last = adt("LAST");
    block += `${last}BTS\r`;
    const acknowledged = await said(agent.port, block);
    assert.deepEqual(acknowledged.at(-1), `BTS ${messages.length + 1}`);
    assert.ok(acknowledged.slice(0, -1).every((code) => code.startsWith("AA ")));
    sameTexts(await textsOf(agent), [...messages, last]);
    const aside = await setAside(agent);
    assert.deepEqual(
      aside,
      what.includes("left") ? offsets.map((_, id) => ["leftover", "", `left ${id}\r`]) : [],
    );
  });
}

test("[F12, P36] row 45, row 46: large blocks give the rows, replies and attributes that small ones give", async () => {
  await using agent = await AgentStack.open();
  const messages = many(4);
  const batch = `FHS|^~\\&|LAB\r${bhsOf(...messages)}FTS|1\r`;
  assert.deepEqual(await said(agent.port, batch), ["AA C1", "AA C2", "AA C3", "AA C4", "BTS 4"]);
  const plain = many(3, "P");
  assert.deepEqual(await said(agent.port, plain.join("")), ["AA P1"]);
  assert.equal(agent.counters.value("multipleMessages"), 1);
  sameTexts(await textsOf(agent), [...messages, ...plain]);
  const kept = await agent.messages();
  for (const [index, { attributes }] of kept.slice(0, 4).entries()) {
    assert.deepEqual(attributes, {
      "batch.sha256": sha256Of(latin1(batch)),
      "batch.index": String(index),
      "batch.count": "4",
      "batch.envelope": `FHS|^~\\&|LAB\r${BHS}BTS|4\rFTS|1`,
    });
  }
  assert.equal(kept[4]?.attributes["batch.envelope"], undefined);
  await agent.close();
  assert.equal(remains(agent).uploads, 2, "one upload a block");
});

test("[F12, P38, P39] a bad message, small or of several slices, is set aside alone with its own bytes; so is what is left over", async () => {
  await using agent = await AgentStack.open();
  const [good, more, end] = [padded("C1", 900_000), padded("C3", 500_001), padded("C5", 300_000)];
  const large = padded("BAD1", 1_500_000, { 9: "" });
  const small = message({ 9: "", 10: "BAD2" });
  const left = `left over ${"x".repeat(200_000)}\r`;
  const block = `${BHS}${left}${good}${large}${more}${small}${end}BTS|5\rbehind`;
  const expected = ["AA C1", "AR BAD1", "AA C3", "AR BAD2", "AA C5", "BTS 5"];
  assert.deepEqual(await said(agent.port, block), expected);
  sameTexts(await textsOf(agent), [good, more, end]);
  const aside = await setAside(agent);
  assert.deepEqual(
    aside.map(([reason, controlId]) => [reason, controlId]),
    [
      ["leftover", ""],
      ["noMessageType", "BAD1"],
      ["noMessageType", "BAD2"],
      ["leftover", ""],
    ],
  );
  sameTexts(
    aside.map(([, , text]) => text),
    [left, large, small, "behind"],
  );
});

test("[F12, D1] the same large batch again gives the same reply, and leaves no slices behind", async () => {
  await using agent = await AgentStack.open();
  const block = bhsOf(...many(3), message({ 9: "", 10: "BAD" }));
  const expected = ["AA C1", "AA C2", "AA C3", "AR BAD", "BTS 4"];
  assert.deepEqual(await said(agent.port, block), expected);
  await agent.close();
  const before = remains(agent);
  await agent.reopen();
  for (let again = 0; again < 2; again++) assert.deepEqual(await said(agent.port, block), expected);
  assert.equal(agent.counters.value("duplicates"), 6);
  assert.equal(agent.counters.value("quarantinedRepeats"), 2);
  await agent.close();
  assert.deepEqual(remains(agent), before);
  assert.equal(before.uploads, 1);
});

test("[F12, D1] half of a large batch sent first: the rest is new, and every message is there once", async () => {
  await using agent = await AgentStack.open();
  const messages = many(6);
  await said(agent.port, bhsOf(...messages.slice(0, 3)));
  const reply = await said(agent.port, bhsOf(...messages));
  assert.deepEqual(reply.at(-1), "BTS 6");
  assert.deepEqual([agent.counters.value("stored"), agent.counters.value("duplicates")], [6, 3]);
  sameTexts(await textsOf(agent), messages);
  await agent.close();
  assert.equal(remains(agent).uploads, 2);
  await agent.reopen();
  sameTexts(await textsOf(agent), messages);
});

test("[F12, D1] half of a large batch sent again is all repeats, and takes nothing from the whole", async () => {
  await using agent = await AgentStack.open();
  const messages = many(6);
  await said(agent.port, bhsOf(...messages));
  const half = messages.slice(2, 5);
  assert.deepEqual(await said(agent.port, bhsOf(...half)), ["AA C3", "AA C4", "AA C5", "BTS 3"]);
  assert.equal(agent.counters.value("duplicates"), 3);
  await agent.close();
  assert.equal(remains(agent).uploads, 1);
  await agent.reopen();
  sameTexts(await textsOf(agent), messages);
});

test("[F12, A1] a large batch of which one slice is missing is not stored at all, and its resend is", async () => {
  await using agent = await AgentStack.open({
    probeIntervalMs: 20,
    ackPolicy: { cannotStoreReply: "error" },
  });
  const { outbox } = agent;
  const stage = outbox.stage.bind(outbox);
  const losing = mock.method(outbox, "stage", (...args: Parameters<typeof stage>) => {
    if (args[1] !== 9) stage(...args);
  });
  const messages = many(4);
  const [code] = await said(agent.port, bhsOf(...messages));
  assert.equal(code, "AE C1");
  assert.deepEqual(await textsOf(agent), []);
  losing.mock.restore();
  await until("the store is healthy", () => agent.doorway.isOpen);
  assert.equal((await said(agent.port, bhsOf(...messages))).at(-1), "BTS 4");
  sameTexts(await textsOf(agent), messages);
  await agent.close();
  assert.equal(remains(agent).uploads, 1, "what the refused one had staged is gone");
});

const tinies = (count: number): string =>
  Array.from(
    { length: count },
    (_, id) => `MSH|^~\\&|||||||A|${id}\rZZZ|${"z".repeat(100)}\r`,
  ).join("");
const TOO_LARGE: readonly (readonly [string, () => string, string])[] = [
  ["10,001 messages", () => `${BHS}${tinies(10_001)}BTS|10001\r`, "AR 0"],
  ["30,000 messages", () => `${BHS}${tinies(30_000)}BTS|30000\r`, "AR "],
  [
    "an envelope over 3,000 bytes",
    () => `${BHS}${many(2).join("")}${`BTS|${"b".repeat(900)}\r`.repeat(4)}`,
    "AR C1",
  ],
];
for (const [what, made, refusal] of TOO_LARGE) {
  test(`[F12, P40] a large block of ${what} is set aside whole`, async () => {
    await using agent = await AgentStack.open();
    const block = made();
    assert.ok(block.length > MIB);
    assert.deepEqual(await said(agent.port, block), [refusal]);
    assert.deepEqual(await textsOf(agent), []);
    const [[reason, , text] = [], ...more] = await setAside(agent);
    assert.deepEqual([reason, text === block, more], ["batchTooLarge", true, []]);
  });
}

test("[F12, P40] a large block of 10,000 messages is stored", async () => {
  await using agent = await AgentStack.open();
  const reply = await said(agent.port, `${BHS}${tinies(10_000)}BTS|10000\r`);
  assert.deepEqual([reply.length, reply.at(-1)], [10_001, "BTS 10000"]);
  assert.equal((await agent.outbox.standing()).channels[0]?.lastSeq, 10_000n);
  const kept = await agent.messages();
  assert.equal(kept[9_999]?.controlId, "9999");
});

test("[F12, A12] answerApplicationAck holds for an acknowledgment in a large batch, too", async () => {
  await using agent = await AgentStack.open({ ackPolicy: { answerApplicationAck: true } });
  const ack = `${message({ 9: "ACK", 10: "K1", 15: "AL" })}MSA|AA|X\r`;
  const reply = await said(agent.port, bhsOf(...many(2), ack));
  assert.deepEqual(reply, ["AA C1", "AA C2", "CA K1", "BTS 3"]);
});

test("[F12, A11] MSA-2 is whole in a large batch, however long the header is", async () => {
  await using agent = await AgentStack.open();
  const controlId = `L${"1".repeat(1_200)}`;
  const reply = await said(agent.port, bhsOf(...many(2), adt(controlId)));
  assert.deepEqual(reply, ["AA C1", "AA C2", `AA ${controlId}`, "BTS 3"]);
});

test("[F12, E2] a good message with a long header is no bad one because its batch is large", async () => {
  await using agent = await AgentStack.open();
  const long = message({ 3: `LAB${"x".repeat(1_100)}`, 10: "C3" });
  const reply = await said(agent.port, bhsOf(...many(2), long));
  assert.deepEqual(reply, ["AA C1", "AA C2", "AA C3", "BTS 3"]);
});

test("[F12, X1] each message of a large batch has what its own bytes are", async () => {
  await using agent = await AgentStack.open();
  await said(agent.port, bhsOf(...many(2), message({ 10: "C3", 18: "8859/1" }, "\xe4")));
  const encodings = (await agent.messages()).map((kept) => kept.attributes["hl7.encoding"]);
  assert.deepEqual(encodings.slice(0, 2), [undefined, undefined]);
  assert.notEqual(encodings[2], undefined);
  assert.equal(agent.counters.value("charsetMismatch"), 0);
});

test("[F12, T-S03] kill -9 while a large batch arrives: all of it or nothing, and after the resend all of it once", async () => {
  using folder = await AgentFolder.make();
  const count = 5;
  /** How much of the block is with the agent's kernel when it is killed; above 1, its reply, too. */
  const phases = [0.5, 0.9, 1, 1, 1, 2];
  for (const [round, phase] of phases.entries()) {
    const block = bhsOf(...many(count, `R${round}-`));
    {
      await using agent = await folder.start();
      await using sender = await MllpSocket.open(folder.port);
      const bytes = latin1(framed(block));
      const written = bytes.subarray(0, Math.floor(bytes.length * phase));
      await new Promise((resolve) => sender.socket.write(written, resolve));
      if (phase > 1) await sender.replies(1, 60_000);
      await agent.end("SIGKILL");
    }
    assert.equal(countsIn(folder.stateDir)[0] % count, 0, "all or nothing");
    await using agent = await folder.start();
    const reply = await said(folder.port, block);
    assert.deepEqual([reply.length, reply.at(-1)], [count + 1, `BTS ${count}`]);
    await agent.end("SIGTERM");
    const found = countsIn(folder.stateDir);
    assert.deepEqual(found, [(round + 1) * count, round + 1], "no slices are left behind");
  }
});

test("[F12, TP8, I-3] a large batch arrives at the receiver message by message, in order, with its bytes", async () => {
  await using line = await RelayLine.open();
  await using agent = await AgentStack.open();
  line.openTunnel(agent.outbox);
  const messages = [...many(3), adt("S1"), padded("C4", 1_200_000), adt("S2")];
  const bad = message({ 9: "", 10: "BAD" });
  await said(agent.port, adt("M1"));
  await said(agent.port, bhsOf(...messages.slice(0, 4), bad, ...messages.slice(4)));
  await said(agent.port, adt("M2"));
  const stands = async (): Promise<bigint | undefined> =>
    (await agent.outbox.standing()).channels[0]?.ackedSeq;
  await until("all are settled", async () => (await stands()) === 8n, 60_000);
  sameTexts(await line.agent.stored(), [adt("M1"), ...messages, adt("M2")]);
  await line.closeTunnel();
});
