/** What an operator decides about a block that was set aside: it becomes a message, once, or it goes (03 E7). @module */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Outbox } from "#agent/outbox/outbox.ts";
import type { SetAsideRow } from "#agent/outbox/quarantine-reader.ts";
import type { QuarantineReason } from "#agent/outbox/writing/append-batch.ts";
import { latin1, textOf } from "#test/support/messages.ts";
import { StoreFile } from "#test/support/store-file.ts";
import {
  appendTo,
  type EntryFields,
  entryOf,
  sha256,
  stagedEntry,
  TestOutbox,
} from "#test/support/test-outbox.ts";

const FAR = Number.MAX_SAFE_INTEGER;

async function setAside(
  outbox: Outbox,
  body: string,
  reason: QuarantineReason = "noMessageType",
  more: EntryFields = {},
): Promise<void> {
  const entry = entryOf({ controlId: "Q1", body, quarantine: reason, ...more });
  assert.equal((await appendTo(outbox, entry)).kind, "quarantined");
}

async function setAsideLarge(outbox: Outbox, body: Uint8Array): Promise<void> {
  const entry = { ...stagedEntry(outbox, "BIG", body), quarantine: "embeddedFraming" as const };
  assert.equal((await appendTo(outbox, entry)).kind, "quarantined");
}

const store = async (outbox: Outbox, controlId: string): Promise<void> => {
  assert.equal((await appendTo(outbox, entryOf({ controlId }))).kind, "stored");
};

const bodyOf = (bytes: number): Buffer => Buffer.alloc(bytes, "0123456789abcdefg\x0b\x1c");

/** Numbers of everything that is set aside, newest first. */
const ids = async (outbox: Outbox): Promise<number[]> =>
  (await outbox.quarantined(FAR, 100)).map(({ id }) => id);

async function totals(outbox: Outbox): Promise<[number, number]> {
  const { channels } = await outbox.standing();
  return [channels[0]?.quarantineCount ?? -1, channels[0]?.quarantineBytes ?? -1];
}

/** What is kept of a block, read in pieces. */
async function contentOf(outbox: Outbox, id: number, pieceBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let from = 0; ; ) {
    const found = await outbox.quarantinedBlock(id, from, pieceBytes);
    const bytes = found?.bytes ?? new Uint8Array(0);
    assert.ok(bytes.length <= pieceBytes);
    if (bytes.length === 0) return Buffer.concat(parts);
    parts.push(bytes);
    from += bytes.length;
  }
}

async function leftIn(made: TestOutbox): Promise<{ uploads: number; slices: number }> {
  await made.close();
  using file = new StoreFile(made.stateDir);
  return { uploads: file.uploadCount(), slices: file.sliceCount() };
}

describe("quarantine: looking", () => {
  test("[E7] blocks are listed newest first, in pages, with everything but their bytes", async () => {
    await using made = await TestOutbox.open();
    const { outbox } = made;
    for (let i = 1; i <= 5; i++) await setAside(outbox, `body ${i}`);
    await setAside(outbox, "of oru", "noHeader", { channel: 2, source: "10.0.0.9:4711" });
    assert.deepEqual(await ids(outbox), [6, 5, 4, 3, 2, 1]);
    const [first, second] = await outbox.quarantined(FAR, 2);
    assert.deepEqual([first?.id, second?.id], [6, 5]);
    const next = await outbox.quarantined(5, 2);
    assert.deepEqual(
      next.map(({ id }) => id),
      [4, 3],
    );
    const { sha256: digest, controlId, controlKey, ...row } = first as SetAsideRow;
    assert.deepEqual(row, {
      id: 6,
      channel: 2,
      receivedAtMs: 1_700_000_000_000,
      lastAtMs: undefined,
      repeatCount: 0,
      reason: "noHeader",
      length: 6,
      source: "10.0.0.9:4711",
      upload: 0,
      uploadAt: 0,
      attributes: "",
      replaces: undefined,
      whole: true,
    });
    assert.equal(controlKey.length, 8);
    assert.deepEqual([textOf(controlId), digest], ["Q1", new Uint8Array(sha256(latin1("of oru")))]);
  });

  test("[E7] the bytes come back as they were, whatever the pieces, small and large", async () => {
    await using made = await TestOutbox.open();
    const { outbox } = made;
    const large = bodyOf(400_001);
    await setAside(outbox, "small\x0bbody");
    await setAsideLarge(outbox, large);
    assert.equal(textOf(await contentOf(outbox, 1, 4)), "small\x0bbody");
    for (const pieceBytes of [1_000_000, 131_072, 100_000]) {
      assert.ok((await contentOf(outbox, 2, pieceBytes)).equals(large), `${pieceBytes}`);
    }
    assert.equal((await outbox.quarantinedBlock(2, 0, 0))?.bytes.length, 0);
    assert.equal(await outbox.quarantinedBlock(3, 0, 10), undefined);
  });
});

describe("quarantine: releasing", () => {
  test("[E7, I-2] a small block becomes a message with its bytes, its control id and its source", async () => {
    await using made = await TestOutbox.open();
    const { outbox } = made;
    const attributes = '{"hl7.charset":"8859/1"}';
    await setAside(outbox, "not\x1ca message\xff", "embeddedFraming", { attributes });
    const released = await outbox.release(1);
    assert.deepEqual([released?.channel, released?.seq], [1, 1n]);
    assert.deepEqual(await made.bodies(), ["not\x1ca message\xff"]);
    const range = { channel: 1, epoch: 1n, afterSeq: 0n, maxBytes: 100, maxCount: 9 };
    const [message] = (await outbox.read(range)).messages;
    assert.deepEqual([textOf(message?.controlId), message?.id], ["Q1", released?.id]);
    assert.deepEqual(JSON.parse(message?.attributes ?? ""), {
      "hl7.charset": "8859/1",
      "quarantine.reason": "embeddedFraming",
      "quarantine.receivedAt": new Date(1_700_000_000_000).toISOString(),
    });
    const [traced] = await outbox.trace(latin1("Q1"));
    assert.equal(traced?.ack, "notOwed", "nobody waits for a reply to it");
    assert.deepEqual([await ids(outbox), await totals(outbox)], [[], [0, 0]]);
  });

  test("[E7, S11] a large block becomes a message with its bytes; its slices stay", async () => {
    await using made = await TestOutbox.open();
    const large = bodyOf(400_001);
    await setAsideLarge(made.outbox, large);
    await made.outbox.release(1);
    assert.deepEqual(await totals(made.outbox), [0, 0]);
    await made.reopen();
    assert.deepEqual(await made.bodies(), [textOf(large)]);
    assert.deepEqual(await leftIn(made), { uploads: 1, slices: 4 });
  });

  test("[E7, I-3] it leaves behind what was stored before it, and before what comes after it", async () => {
    await using made = await TestOutbox.open();
    const { outbox } = made;
    const appended: [number, bigint][] = [];
    outbox.onAppended((channel, seq) => void appended.push([channel, seq]));
    await setAside(outbox, "set aside first");
    await store(outbox, "M1");
    const released = await outbox.release(1);
    await store(outbox, "M2");
    assert.equal(released?.seq, 2n);
    assert.deepEqual(await made.bodies(), ["M1", "set aside first", "M2"]);
    assert.deepEqual(appended, [
      [1, 1n],
      [1, 2n],
      [1, 3n],
    ]);
    await made.reopen();
    await store(made.outbox, "M3");
    assert.deepEqual(await made.bodies(), ["M1", "set aside first", "M2", "M3"]);
  });

  test("[E7] it is released once, however often and how quickly it is asked for", async () => {
    await using made = await TestOutbox.open();
    const { outbox } = made;
    await setAside(outbox, "body");
    const answers = await Promise.all([outbox.release(1), outbox.release(1), outbox.release(1)]);
    assert.equal(answers.filter((one) => one !== undefined).length, 1);
    assert.equal(await outbox.release(1), undefined);
    assert.deepEqual(await made.bodies(), ["body"]);
  });

  test("[E7, A1] once it is answered it survives a crash of the writer; the block does not come back", async () => {
    await using made = await TestOutbox.open();
    const large = bodyOf(300_000);
    await setAside(made.outbox, "small");
    await setAsideLarge(made.outbox, large);
    await made.outbox.release(2);
    await made.outbox.release(1);
    await made.kill();
    await made.reopen();
    assert.deepEqual(await made.bodies(), [textOf(large), "small"]);
    assert.deepEqual([await ids(made.outbox), await totals(made.outbox)], [[], [0, 0]]);
    assert.equal(await made.outbox.release(1), undefined);
  });

  test("[E7, A1] a crash while it is being released leaves a block or a message, and never both or none", async () => {
    for (let round = 0; round < 8; round++) {
      await using made = await TestOutbox.open();
      await setAside(made.outbox, "body");
      // Whether it is ever answered does not matter here.
      made.outbox.release(1).catch(() => undefined);
      for (let turns = 0; turns < round; turns++) await new Promise(setImmediate);
      await made.kill();
      await made.reopen();
      const asides = (await ids(made.outbox)).length;
      assert.equal(asides + (await made.bodies()).length, 1);
      assert.equal((await totals(made.outbox))[0], asides);
    }
  });

  test("[E7, D3] it is no repeat of a message with the same bytes, and a resend is a repeat of the newest", async () => {
    await using made = await TestOutbox.open();
    const { outbox } = made;
    await appendTo(outbox, entryOf({ controlId: "Q1", body: "same" }));
    await setAside(outbox, "same");
    await outbox.release(1);
    assert.deepEqual(await made.bodies(), ["same", "same"]);
    const again = await appendTo(outbox, entryOf({ controlId: "Q1", body: "same" }));
    assert.deepEqual([again.kind, again.kind === "repeat" && again.seq], ["repeat", 2n]);
  });

  test("[E7, D1] the same block that comes again afterwards is counted, and never sent twice", async () => {
    await using made = await TestOutbox.open();
    const { outbox } = made;
    const block = entryOf({ controlId: "Q1", body: "body", quarantine: "notAllowed" });
    await appendTo(outbox, block);
    await outbox.release(1);
    const again = await appendTo(outbox, block);
    assert.deepEqual(
      [again.kind, again.kind === "quarantined" && again.repeated],
      ["quarantined", true],
    );
    assert.deepEqual(await ids(outbox), []);
    // And where the channel was set right meanwhile.
    const accepted = await appendTo(outbox, entryOf({ controlId: "Q1", body: "body" }));
    assert.equal(accepted.kind, "repeat");
    assert.deepEqual(await made.bodies(), ["body"]);
  });

  for (const reason of ["abandoned", "partial", "tooLarge", "junk"] as const) {
    test(`[E7] a fragment (${reason}) is refused, and stays where it is`, async () => {
      await using made = await TestOutbox.open();
      const { outbox } = made;
      await setAside(outbox, "half a mess", reason);
      await assert.rejects(outbox.release(1), { code: "QUARANTINE_NOT_WHOLE" });
      assert.deepEqual([await ids(outbox), await made.bodies()], [[1], []]);
      await store(outbox, "M1");
      assert.deepEqual(await made.bodies(), ["M1"], "the store goes on");
    });
  }

  test("[E7] a block of which only the beginning is kept is refused, whatever its reason", async () => {
    await using made = await TestOutbox.open();
    await setAside(made.outbox, "beginning", "noHeader", { length: 5_000 });
    await assert.rejects(made.outbox.release(1), { code: "QUARANTINE_NOT_WHOLE" });
  });

  test("[E7] a number that is not there is no message, and harms nothing", async () => {
    await using made = await TestOutbox.open();
    await setAside(made.outbox, "body");
    for (const id of [0, 2, 1_000_000]) assert.equal(await made.outbox.release(id), undefined);
    assert.deepEqual([await ids(made.outbox), await made.bodies()], [[1], []]);
  });

  test("[E7, C5] what is released counts in the channel's backlog", async () => {
    await using made = await TestOutbox.open();
    await setAside(made.outbox, "x".repeat(1_000));
    await made.outbox.release(1);
    // What a row costs, and what the receiver is told of quarantine.
    assert.equal(made.outbox.backlogBytes(1), 1_000 + 256 + 88);
  });
});

describe("quarantine: discarding", () => {
  test("[E7] blocks are forgotten with their slices, for good; the answer is how many were there", async () => {
    await using made = await TestOutbox.open();
    const { outbox } = made;
    await setAside(outbox, "one");
    await setAsideLarge(outbox, bodyOf(400_001));
    await setAside(outbox, "half", "partial");
    await setAside(outbox, "stays");
    assert.equal(await outbox.discard([1, 2, 3, 3, 99]), 3);
    assert.deepEqual([await ids(outbox), await totals(outbox)], [[4], [1, 5 + 512]]);
    assert.equal(await outbox.discard([1, 2]), 0);
    await made.kill();
    await made.reopen();
    assert.deepEqual([await ids(made.outbox), await totals(made.outbox)], [[4], [1, 5 + 512]]);
    assert.deepEqual(await leftIn(made), { uploads: 0, slices: 0 });
  });

  test("[E7, F12] slices that a message shares with a block stay until the last of both is gone", async () => {
    await using made = await TestOutbox.open();
    const { outbox } = made;
    const whole = bodyOf(300_000);
    const part = (from: number, to: number): EntryFields => ({
      length: to - from,
      sha256: sha256(whole.subarray(from, to)),
      uploadAt: from,
      uploadBytes: whole.length,
      body: "",
    });
    const { upload } = stagedEntry(outbox, "BATCH", whole);
    const entries = [
      entryOf({ controlId: "GOOD", upload, ...part(0, 200_000) }),
      entryOf({ controlId: "BAD", quarantine: "noControlId", upload, ...part(200_000, 250_000) }),
      entryOf({ controlId: "REST", quarantine: "leftover", upload, ...part(250_000, 300_000) }),
    ];
    await new Promise<void>((resolve) => outbox.append(entries, 3_000, () => resolve()));
    const rest = whole.subarray(250_000);
    assert.ok((await contentOf(outbox, 2, 20_000)).equals(rest), "its own part alone");
    assert.equal(await outbox.discard([1]), 1);
    assert.ok((await contentOf(outbox, 2, 20_000)).equals(rest), "the slices are still there");
    const released = await outbox.release(2);
    assert.equal(released?.seq, 2n);
    const range = { channel: 1, epoch: 1n, afterSeq: 0n, maxBytes: 1 << 20, maxCount: 9 };
    const { messages } = await outbox.read(range);
    for (const [index, [from, to]] of [
      [0, 200_000],
      [250_000, 300_000],
    ].entries()) {
      const { upload: at = 0, uploadAt = 0, length = 0 } = messages[index] ?? {};
      const bytes = await outbox.slices(at, uploadAt, length);
      const expected = whole.subarray(from, Math.min(to ?? 0, (from ?? 0) + bytes.length));
      assert.ok(Buffer.from(bytes).equals(expected), `message ${index}`);
      assert.equal(length, (to ?? 0) - (from ?? 0));
    }
  });
});
