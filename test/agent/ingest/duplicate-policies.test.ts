/** What is done with a message that came before, and what else repeats show (03 D1, D3, D5, D6). @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import Sqlite from "better-sqlite3";
import { RECENT_ENTRY_BYTES } from "#agent/outbox/recent-keys.ts";
import { outgoingMessage } from "#agent/relay/outgoing-message.ts";
import { SliceReader } from "#agent/relay/slice-reader.ts";
import { statusOf } from "#agent/status.ts";
import { AgentStack } from "#test/support/agent-stack.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { adt, framed, message } from "#test/support/messages.ts";
import type { MllpSocket } from "#test/support/mllp-socket.ts";
import { testSealer } from "#test/support/test-keys.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Sends one block and gives back MSA-1 and MSA-2. */
async function exchange(sender: MllpSocket, text: string, count: number): Promise<string> {
  await sender.send(framed(text));
  return (await sender.acknowledged(count)).at(-1) ?? "";
}

/** `message` with MSH-13. */
const numbered = (controlId: string, sequence: string, app = "LAB", facility = "NORTH"): string =>
  message({ 3: app, 10: controlId })
    .replace("|NORTH|", `|${facility}|`)
    .replace("|2.5\r", `|2.5|${sequence}\r`);

/** The attributes with which each message leaves for the receiver. */
async function outgoing(agent: AgentStack): Promise<(Record<string, string> | undefined)[]> {
  const range = { channel: agent.channel.id, epoch: 1n, afterSeq: 0n };
  const { messages } = await agent.outbox.read({ ...range, maxBytes: 1 << 20, maxCount: 100 });
  return messages.map((message) => {
    const body = { epoch: 1n, message, from: 0, onDamaged: () => {} };
    return outgoingMessage(new SliceReader(agent.outbox), body).meta.attributes;
  });
}

test("[D3] forwardFlagged stores a repeat again, answers AA, and flags it on the way to the receiver", async () => {
  await using agent = await AgentStack.open({ rules: { duplicatePolicy: "forwardFlagged" } });
  await using sender = await agent.connect();
  const replies: string[] = [];
  for (const [index, text] of [adt("M1"), adt("M1"), adt("M1", "^OTHER"), adt("M1")].entries()) {
    replies.push(await exchange(sender, text, index + 1));
  }
  assert.deepEqual(replies, new Array(4).fill("AA M1"));
  const kept = await agent.messages();
  assert.deepEqual(
    kept.map(({ text }) => text),
    [adt("M1"), adt("M1"), adt("M1", "^OTHER"), adt("M1")],
  );
  assert.deepEqual(
    kept.map(({ duplicate }) => duplicate),
    [false, true, false, true],
  );
  const id = { "hl7.controlId": "M1" };
  assert.deepEqual(await outgoing(agent), [
    id,
    { ...id, duplicate: "1" },
    { ...id, controlIdReused: "1" },
    { ...id, duplicate: "1" },
  ]);
});

test("[D3] forwardFlagged recognises a repeat after a restart, and in one commit with the first copy", async () => {
  await using agent = await AgentStack.open({ rules: { duplicatePolicy: "forwardFlagged" } });
  {
    await using sender = await agent.connect();
    await sender.send(framed(adt("M1")).repeat(2));
    await sender.acknowledged(2);
  }
  await agent.close();
  await agent.reopen();
  await using sender = await agent.connect();
  assert.equal(await exchange(sender, adt("M1"), 1), "AA M1");
  assert.deepEqual(
    (await agent.messages()).map(({ seq, duplicate }) => [seq, duplicate]),
    [
      [1n, false],
      [2n, true],
      [3n, true],
    ],
  );
});

test("[D3, D1] forwardFlagged concerns messages: a block that is none is counted, and not stored again", async () => {
  await using agent = await AgentStack.open({ rules: { duplicatePolicy: "forwardFlagged" } });
  await using sender = await agent.connect();
  await sender.send(framed("no header").repeat(3));
  await sender.acknowledged(3);
  const rows = await agent.quarantine();
  assert.deepEqual(
    rows.map(({ repeatCount }) => repeatCount),
    [2],
  );
});

test("[D3] off stores every copy, flags none and warns of none", async () => {
  await using agent = await AgentStack.open({ rules: { duplicatePolicy: "off" } });
  await using sender = await agent.connect();
  for (const [index, text] of [adt("M1"), adt("M1"), adt("M1", "^OTHER")].entries()) {
    assert.equal(await exchange(sender, text, index + 1), "AA M1");
  }
  assert.deepEqual(
    (await agent.messages()).map(({ text, duplicate }) => [text, duplicate]),
    [
      [adt("M1"), false],
      [adt("M1"), false],
      [adt("M1", "^OTHER"), false],
    ],
  );
  assert.deepEqual(await outgoing(agent), new Array(3).fill({ "hl7.controlId": "M1" }));
  assert.equal(agent.counters.value("duplicates"), 0);
  assert.equal(agent.counters.value("controlIdReused"), 0);
});

for (const [hours, description] of [
  [24, "the default"],
  [2, "two"],
] as const) {
  test(`[D1] duplicateWindowHours, ${description}: a repeat inside the window is answered, one behind it is stored`, async () => {
    const clock = new ManualClock();
    const rules = { duplicateWindowMs: hours * HOUR };
    await using agent = await AgentStack.open({ clock, rules });
    await using sender = await agent.connect();
    await exchange(sender, adt("M1"), 1);
    clock.advance(hours * HOUR - MINUTE);
    await exchange(sender, adt("M1"), 2);
    assert.equal((await agent.messages()).length, 1);
    assert.equal(agent.counters.value("duplicates"), 1);
    // The window is that of the first copy: repeats do not draw it out.
    clock.advance(2 * MINUTE);
    assert.equal(await exchange(sender, adt("M1"), 3), "AA M1");
    assert.equal((await agent.messages()).length, 2);
    await exchange(sender, adt("M1"), 4);
    assert.equal((await agent.messages()).length, 2, "the second copy has a window of its own");
  });
}

test("[D5] MSH-13 is recorded; a gap, a repeat and a step back each raise their warning", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const { counters } = agent;
  const warned = (): number[] => [
    counters.value("sequenceGap"),
    counters.value("sequenceRepeated"),
  ];
  const steps = [
    ["7", [0, 0]],
    ["8", [0, 0]],
    ["10", [1, 0]],
    ["11", [1, 0]],
    ["11", [1, 1]],
    ["5", [1, 2]],
    ["6", [1, 2]],
  ] as const;
  for (const [index, [sequence, expected]] of steps.entries()) {
    await exchange(sender, numbered(`M${index}`, sequence), index + 1);
    assert.deepEqual(warned(), expected, `after ${index}: ${sequence}`);
  }
  const recorded = (await agent.messages()).map(({ attributes }) => attributes);
  assert.deepEqual(
    recorded,
    steps.map(([sequence]) => ({ "hl7.sequenceNumber": sequence })),
  );
  const lines = agent.logs("protocolWarning").map(({ code, controlId }) => [code, controlId]);
  assert.deepEqual(lines, [
    ["sequenceGap", "M2"],
    ["sequenceRepeated", "M4"],
  ]);
});

test("[D5] each sending application and facility counts for itself, over connections", async () => {
  await using agent = await AgentStack.open();
  for (const [app, facility] of [
    ["LAB", "NORTH"],
    ["LAB", "SOUTH"],
    ["ICU", "NORTH"],
  ] as const) {
    for (const sequence of [1, 2]) {
      await using sender = await agent.connect();
      const text = numbered(`${app}${facility}${sequence}`, String(sequence), app, facility);
      await exchange(sender, text, 1);
    }
  }
  assert.equal(agent.counters.value("sequenceGap"), 0);
  assert.equal(agent.counters.value("sequenceRepeated"), 0);
});

for (const [what, sequence] of [
  ["0 and −1, which ask to start over,", ["0", "-1", "9"]],
  ["what is no number", ["", "A7", "1.5", "9"]],
] as const) {
  test(`[D5] ${what} raise no warning, and are no number to compare with`, async () => {
    await using agent = await AgentStack.open();
    await using sender = await agent.connect();
    for (const [index, one] of sequence.entries()) {
      assert.equal(await exchange(sender, numbered(`M${index}`, one), index + 1), `AA M${index}`);
    }
    assert.equal(agent.counters.value("sequenceGap"), 0);
    assert.equal(agent.counters.value("sequenceRepeated"), 0);
  });
}

test("[D5, D1] a resend that is recognised raises no warning about its number", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await exchange(sender, numbered("M1", "1"), 1);
  await exchange(sender, numbered("M1", "1"), 2);
  await exchange(sender, numbered("M2", "2"), 3);
  assert.equal(agent.counters.value("duplicates"), 1);
  assert.equal(agent.counters.value("sequenceRepeated"), 0);
  assert.equal(agent.counters.value("sequenceGap"), 0);
});

test("[D5, D3] a resend that is recognised and forwarded again raises no warning about its number", async () => {
  await using agent = await AgentStack.open({ rules: { duplicatePolicy: "forwardFlagged" } });
  await using sender = await agent.connect();
  await exchange(sender, numbered("M1", "1"), 1);
  await exchange(sender, numbered("M1", "1"), 2);
  assert.equal(agent.counters.value("sequenceRepeated"), 0);
});

test("[D5] a message that is refused has no number to speak of", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await exchange(sender, numbered("M1", "1"), 1);
  await exchange(sender, numbered("M2", "50").replace("ADT^A01", ""), 2);
  await exchange(sender, numbered("M3", "2"), 3);
  assert.equal(agent.counters.value("sequenceGap"), 0);
});

test("[D6, E2] without a control id the same bytes are a repeat for ten minutes, and then a message", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock, rules: { allowEmptyControlId: true } });
  await using sender = await agent.connect();
  const text = message({ 10: "" });
  assert.equal(await exchange(sender, text, 1), "AA ");
  clock.advance(9 * MINUTE);
  assert.equal(await exchange(sender, text, 2), "AA ");
  assert.equal((await agent.messages()).length, 1);
  // Content decides: other bytes are another message, and no control id came again.
  await exchange(sender, message({ 10: "" }, "^OTHER"), 3);
  assert.equal((await agent.messages()).length, 2);
  assert.equal(agent.counters.value("controlIdReused"), 0);
  clock.advance(2 * MINUTE);
  assert.equal(await exchange(sender, text, 4), "AA ");
  assert.equal((await agent.messages()).length, 3);
  // A message with a control id has the whole window all the same.
  await exchange(sender, adt("M1"), 5);
  clock.advance(20 * MINUTE);
  await exchange(sender, adt("M1"), 6);
  assert.equal((await agent.messages()).length, 4);
  assert.equal(agent.counters.value("duplicates"), 2);
});

/** 126,000 keys of messages that came one a second: two generations, and a part of a third. */
function plantKeys(store: TestOutbox, firstSecond: number): void {
  const database = new Sqlite(store.databaseFile);
  const storeId = database.prepare("SELECT store_id FROM identity").pluck().get() as Buffer;
  const sealer = testSealer(store.stateDir, storeId, "sealed");
  const rowEntries = 1_000;
  database.exec("BEGIN");
  for (let row = 0; row < 126; row++) {
    const entries = Buffer.alloc(rowEntries * RECENT_ENTRY_BYTES);
    for (let i = 0; i < rowEntries; i++) {
      const index = row * rowEntries + i;
      const at = i * RECENT_ENTRY_BYTES;
      entries.writeUInt32LE(index + 1, at);
      entries.writeUInt32LE(index + 1, at + 8);
      entries.writeBigInt64LE(BigInt(index + 1), at + 24);
      entries.writeUInt32LE(firstSecond + index, at + 32);
    }
    const place = { column: "recent.entries", channel: 0, row: row + 1 } as const;
    const sealed = sealer.seal([entries], place);
    database.prepare("INSERT INTO recent (id, entries) VALUES (?, ?)").run(row + 1, sealed);
  }
  database.exec("COMMIT");
  database.close();
}

const GENERATION = 62_500;

/** What `status` says of an outbox. */
async function knownSince(store: TestOutbox): Promise<string | undefined> {
  const tunnel = { state: "closed", sinceMs: 0, session: undefined, windowBytes: 0 } as never;
  const parts = {
    version: "0",
    startedAtMs: 0,
    conditions: [],
    alarms: [],
    tunnel,
    running: [],
    drops: [],
  };
  const none = { senders: [], inbox: [], identity: undefined as never, configuration: undefined };
  return statusOf({ ...parts, ...none, store: await store.outbox.standing() }).store
    .duplicatesKnownSince;
}

const FIRST_SECOND = 1_700_000_000;

/** A store whose duplicate memory has forgotten a generation. */
async function forgetful(): Promise<TestOutbox> {
  const store = await TestOutbox.open({ duplicateMemoryKeys: 1 });
  assert.equal(await knownSince(store), undefined, "nothing was forgotten");
  await store.close();
  plantKeys(store, FIRST_SECOND);
  await store.reopen();
  const receivedAtMs = (FIRST_SECOND + 126_000) * 1_000;
  // The second commit deletes what the first one has found that nobody needs any more.
  for (const controlId of ["M1", "M2"]) {
    await appendTo(store.outbox, entryOf({ controlId, receivedAtMs }));
  }
  return store;
}

const REMEMBERED_SINCE = new Date((FIRST_SECOND + GENERATION) * 1_000).toISOString();

test("[D1] where memory shortens the window, the status says since when repeats are recognised", async () => {
  await using store = await forgetful();
  assert.equal(await knownSince(store), REMEMBERED_SINCE);
});

test("[D1] it says so after a restart, too, while it is so", async () => {
  await using store = await forgetful();
  await store.reopen();
  await appendTo(store.outbox, entryOf({ controlId: "M3" }));
  assert.ok((await knownSince(store)) !== undefined);
});
