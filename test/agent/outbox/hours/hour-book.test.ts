/** What is counted of each hour, and what the receiver is told of it, by the real writer thread. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { describe, test } from "node:test";
import Database from "better-sqlite3";
import type { HourStretch } from "#agent/outbox/hours/hour-messages.ts";
import type { Outbox } from "#agent/outbox/outbox.ts";
import { chainInput } from "#protocol/chain.ts";
import type { HourRecord } from "#reconcile/hour-record.ts";
import { HOUR_MS, hourOf } from "#reconcile/hours.ts";
import { Source } from "#test/support/test-inbox.ts";
import { appendTo, entryOf, sha256, TestOutbox } from "#test/support/test-outbox.ts";

/** The one that is not over: of others the writer tells by itself. */
const HOUR = hourOf(Date.now());
const at = (hour: number, ms = 0): number => hour * HOUR_MS + ms;
const ALL = { fromHour: 0, toHour: HOUR + 1_000 };
const CHANNELS = { channels: [{ name: "adt" }, { name: "oru" }, { name: "$status" }] };

async function stretches(outbox: Outbox): Promise<HourStretch[]> {
  const found: HourStretch[] = [];
  for await (const page of outbox.hours.pages(ALL)) found.push(...page.stretches);
  return found;
}

async function counts(outbox: Outbox) {
  const found = [];
  for await (const page of outbox.hours.pages(ALL)) found.push(...page.counts);
  return found;
}

const put = (outbox: Outbox, controlId: string, receivedAtMs: number, more = {}) =>
  appendTo(outbox, entryOf({ controlId, receivedAtMs, ...more }));

const shown = (found: readonly HourStretch[]) =>
  found.map(({ hour, channel, firstSeq, lastSeq, copies }) => [
    ...[hour - HOUR, channel, Number(firstSeq), Number(lastSeq), copies],
  ]);

/** Records on `$status`, oldest first. */
async function told(outbox: Outbox): Promise<HourRecord[]> {
  const channel = outbox.channels.find(({ name }) => name === "$status")?.channel ?? 0;
  const range = { channel, epoch: 1n, afterSeq: 0n, maxBytes: 1e6, maxCount: 100 };
  const { messages } = await outbox.read(range);
  return messages.map(({ body }) => JSON.parse(Buffer.from(body ?? []).toString()) as HourRecord);
}

describe("hours of the outbox", () => {
  test("[D4] a stretch is a run of seqs of one hour, channel and epoch, and its chain is theirs", async () => {
    await using made = await TestOutbox.open(CHANNELS);
    const { outbox } = made;
    await put(outbox, "A1", at(HOUR));
    await put(outbox, "A2", at(HOUR, HOUR_MS - 1));
    await put(outbox, "B1", at(HOUR), { channel: 2 });
    await put(outbox, "A3", at(HOUR + 1));
    // A clock that was put back.
    await put(outbox, "A4", at(HOUR));
    const found = await stretches(outbox);
    assert.deepEqual(shown(found), [
      [0, "adt", 1, 2, 0],
      [0, "oru", 1, 1, 0],
      [0, "adt", 4, 4, 0],
      [1, "adt", 3, 3, 0],
    ]);
    let chain: Uint8Array = new Uint8Array(32);
    for (const [index, id] of ["A1", "A2"].entries())
      chain = sha256(chainInput(chain, 1n, BigInt(index + 1), sha256(Buffer.from(id))));
    assert.deepEqual(Buffer.from(found[0]?.after ?? []), Buffer.from(chain));
  });

  test("[D4] after a restart the same stretch goes on, and nothing is counted twice", async () => {
    await using made = await TestOutbox.open(CHANNELS);
    for (let count = 1; count <= 3; count++) {
      await put(made.outbox, `M${count}`, at(HOUR));
      await made.reopen();
    }
    assert.deepEqual(shown(await stretches(made.outbox)), [[0, "adt", 1, 3, 0]]);
  });

  test("[D4] duplicates, blocks set aside and their repeats are counted by the hour", async () => {
    await using made = await TestOutbox.open(CHANNELS);
    const { outbox } = made;
    await put(outbox, "M1", at(HOUR));
    await put(outbox, "M1", at(HOUR, 1));
    await put(outbox, "Q1", at(HOUR), { quarantine: "noMessageType" });
    await put(outbox, "Q1", at(HOUR), { quarantine: "noMessageType" });
    await put(outbox, "M1", at(HOUR + 1));
    const [first, second, ...rest] = await counts(outbox);
    const none = { channel: "adt", refused: 0, rejected: 0 };
    assert.deepEqual(first, { ...none, hour: HOUR, duplicates: 1, quarantined: 2 });
    assert.deepEqual(second, { ...none, hour: HOUR + 1, duplicates: 1, quarantined: 0 });
    assert.deepEqual(rest, []);
  });

  test("[D1, D4] a repeat is answered without a write, and counted at the next one, or when it is asked for", async () => {
    await using made = await TestOutbox.open(CHANNELS);
    const { outbox } = made;
    const duplicates = async () => (await counts(made.outbox)).map((one) => one.duplicates);
    await put(outbox, "M1", at(HOUR));
    const walBytes = (): number => statSync(made.walFile).size;
    const written = walBytes();
    for (let count = 0; count < 3; count++) await put(outbox, "M1", at(HOUR));
    assert.equal(walBytes(), written, "nothing was flushed for them");
    await put(outbox, "M2", at(HOUR));
    assert.ok(walBytes() > written);
    assert.deepEqual(await duplicates(), [3]);
    await put(outbox, "M1", at(HOUR));
    assert.deepEqual(await duplicates(), [4], "when it is asked for");
    await put(outbox, "M1", at(HOUR));
    await made.reopen();
    assert.deepEqual(await duplicates(), [5], "at the end");
  });

  test("[D4] what a sender did not send now is counted as a copy", async () => {
    await using made = await TestOutbox.open(CHANNELS);
    const { outbox } = made;
    const set = await put(outbox, "Q1", at(HOUR), { quarantine: "noMessageType" });
    assert.ok(set.kind === "quarantined");
    await outbox.release(set.id);
    const [stretch, ...others] = await stretches(outbox);
    assert.deepEqual([stretch?.copies, others], [1, []]);
  });

  test("[D4, TP34] what comes down is counted with what became of it", async () => {
    await using made = await TestOutbox.open({ ...CHANNELS, downstream: ["orders"] });
    const source = new Source(() => made.outbox.inbox);
    await source.opened();
    await source.sent(1n, "one", "two", "three");
    const [stretch] = await stretches(made.outbox);
    const { fates, direction, channel, after } = stretch ?? {};
    assert.deepEqual([direction, channel, after?.length], ["down", "orders", 32]);
    assert.deepEqual(fates, { waiting: 3, done: 0, aside: 0, elsewhere: 0, lost: 0 });
  });

  test("[D4] what is settled is known from the cursor, also after a kill", async () => {
    await using made = await TestOutbox.open(CHANNELS);
    for (const id of ["M1", "M2", "M3"]) await put(made.outbox, id, at(HOUR));
    made.outbox.settle(1, 1n, 2n);
    await made.outbox.flushProgress();
    await made.reopen();
    const [stretch] = await stretches(made.outbox);
    const none = { elsewhere: 0, aside: 0, lost: 0 };
    assert.deepEqual(stretch?.fates, { waiting: 1, done: 2, ...none });
  });

  test("[TP35] everything is told once, what has grown since is told again, and nothing else", async () => {
    await using made = await TestOutbox.open(CHANNELS);
    const { outbox } = made;
    await put(outbox, "M1", at(HOUR));
    await put(outbox, "M1", at(HOUR));
    const first = await outbox.hours.tell();
    assert.equal(first?.records, 1);
    await put(outbox, "M2", at(HOUR));
    await outbox.hours.tell();
    await outbox.hours.tell();
    const [one, two, ...rest] = await told(outbox);
    assert.deepEqual(rest, []);
    const short = (record: HourRecord | undefined) =>
      record?.stretches.map(({ first: from, last, channel }) => [channel, from, last]);
    assert.deepEqual(short(one), [["adt", "1", "1"]]);
    assert.deepEqual(
      one?.counts.map(({ duplicates }) => duplicates),
      [1],
    );
    assert.deepEqual(short(two), [["adt", "1", "2"]]);
    assert.deepEqual(two?.counts, []);
    assert.deepEqual([one?.sinceHour, one?.throughHour], [HOUR, HOUR - 1]);
  });

  test("[08 2.1] the chain of a stretch lies sealed", async () => {
    await using made = await TestOutbox.open(CHANNELS);
    await put(made.outbox, "M1", at(HOUR));
    const [stretch] = await stretches(made.outbox);
    await made.close();
    const database = new Database(made.databaseFile);
    const [chains] = database.prepare("SELECT chains FROM stretch").pluck().all() as Buffer[];
    database.close();
    assert.ok(stretch?.after !== undefined && chains !== undefined);
    assert.equal(chains.includes(Buffer.from(stretch.after)), false);
  });
});
