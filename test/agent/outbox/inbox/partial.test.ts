/** Large downstream messages, piece by piece (06 TP14, TP25). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import type { InboxPartialResult } from "#agent/outbox/inbox/inbox-calls.ts";
import { leftovers, wronglyCounted } from "#test/faults/store-accounting.ts";
import { AT_MS, bodyOf, itemOf, okOf, openInbox, Source } from "#test/support/test-inbox.ts";
import { sha256, type TestOutbox } from "#test/support/test-outbox.ts";

const BODY = Buffer.from(Array.from({ length: 700_001 }, (_, index) => index % 251));

interface Piece {
  readonly seq?: bigint;
  readonly body?: Uint8Array;
  readonly epoch?: bigint;
  readonly total?: number;
}

/** Bytes `from` to `to` of a message. */
function piece(
  made: TestOutbox,
  from: number,
  to: number,
  { seq = 1n, body = BODY, epoch = 1n, total = body.length }: Piece = {},
): Promise<InboxPartialResult> {
  return made.outbox.inbox.partial({
    ...{ channel: "orders", epoch, atMs: AT_MS, seq, sha256: sha256(body), totalBytes: total },
    ...{ offset: from, bytes: body.subarray(from, to) },
  });
}

const COMPLETE = { ...itemOf(BODY), body: null };
const sourceOf = (made: TestOutbox): Source => new Source(() => made.outbox.inbox);

/** Nothing is counted wrongly, and nothing lies about (05 S20, S11). */
async function isSound(made: TestOutbox): Promise<void> {
  await made.close();
  const database = new Sqlite(made.databaseFile);
  assert.deepEqual([...wronglyCounted(database), ...leftovers(database)], []);
  database.close();
}

async function openedInbox(): Promise<TestOutbox> {
  const made = await openInbox();
  await sourceOf(made).opened();
  return made;
}

async function isDelivered(made: TestOutbox): Promise<boolean> {
  const next = await made.outbox.inbox.queueOf("orders").next();
  assert.ok(next !== undefined);
  return BODY.equals(await bodyOf(made.outbox.inbox, "orders", next.id, next.bytes));
}

describe("a large message at the agent", () => {
  test("[TP14, TP25] comes in pieces of any size and is one message", async () => {
    await using made = await openedInbox();
    for (const [from, to] of [
      [0, 1],
      [1, 131_072],
      [131_072, 131_073],
      [131_073, 600_000],
      [600_000, 700_001],
    ] as const) {
      assert.deepEqual(await piece(made, from, to), { kind: "ok", durableBytes: to });
    }
    assert.equal(await made.outbox.inbox.queueOf("orders").next(), undefined, "it has not ended");
    assert.deepEqual(await sourceOf(made).send(1n, COMPLETE), okOf(1n, 1));
    assert.ok(await isDelivered(made));
    assert.deepEqual(await sourceOf(made).send(1n, itemOf(BODY)), okOf(1n), "a repeat, whole");
    assert.deepEqual(await sourceOf(made).send(1n, COMPLETE), okOf(1n), "a repeat, as a partial");
  });

  test("[TP14] what is durable of it is there after a kill, and it goes on from there", async () => {
    await using made = await openedInbox();
    await piece(made, 0, 300_000);
    await made.kill();
    await made.reopen();
    assert.deepEqual((await sourceOf(made).opened()).partial, {
      ...{ seq: 1n, sha256: new Uint8Array(sha256(BODY)) },
      ...{ totalBytes: BODY.length, durableBytes: 300_000 },
    });
    await piece(made, 300_000, 700_001);
    // Its digest was not made along: it is read through first.
    assert.deepEqual(await sourceOf(made).send(1n, COMPLETE), okOf(1n, 1));
    assert.ok(await isDelivered(made));
    assert.equal((await sourceOf(made).opened()).partial, null);
  });

  test("[TP25] a piece that does not follow is refused, and what is durable stays", async () => {
    await using made = await openedInbox();
    await piece(made, 0, 1_000);
    assert.deepEqual(await piece(made, 999, 2_000), { kind: "restart" });
    assert.deepEqual(await piece(made, 1_001, 2_000), { kind: "restart" });
    assert.deepEqual(await piece(made, 1_000, 2_000, { seq: 2n }), { kind: "restart" });
    assert.deepEqual(await piece(made, 1_000, 2_000, { epoch: 2n }), { kind: "unopened" });
    assert.deepEqual(await piece(made, 1_000, 2_000), { kind: "ok", durableBytes: 2_000 });
    assert.deepEqual(await piece(made, 0, 10), { kind: "ok", durableBytes: 10 }, "begins anew");
    assert.equal((await sourceOf(made).opened()).partial?.durableBytes, 10);
    await isSound(made);
  });

  test("[TP25] [TP14] a piece of another message under the same number is refused, and what was here goes: it is not gone on with again", async () => {
    for (const other of [{ total: 1_999 }, { body: Buffer.alloc(700_001) }]) {
      await using made = await openedInbox();
      await piece(made, 0, 1_000);
      assert.deepEqual(await piece(made, 1_000, 1_500, other), { kind: "restart" });
      assert.equal((await sourceOf(made).opened()).partial, null);
      await isSound(made);
    }
  });

  test("[RI1] pieces that do not come to the digest are forgotten, and nothing is stored", async () => {
    for (const withCrash of [false, true]) {
      await using made = await openedInbox();
      const digest = sha256(BODY);
      const altered = Buffer.from(BODY);
      altered[400_000] = 0xff;
      const common = { channel: "orders", epoch: 1n, atMs: AT_MS, seq: 1n, sha256: digest };
      await made.outbox.inbox.partial({
        ...{ ...common, totalBytes: BODY.length, offset: 0, bytes: altered },
      });
      if (withCrash) await made.kill();
      if (withCrash) await made.reopen();
      assert.deepEqual(await sourceOf(made).send(1n, COMPLETE), { kind: "hash", seq: 1n });
      assert.equal((await sourceOf(made).opened()).partial, null);
      await piece(made, 0, BODY.length);
      assert.deepEqual(await sourceOf(made).send(1n, COMPLETE), okOf(1n, 1));
    }
  });

  test("[RI1] an item that names a partial which is not complete, or none, stores nothing", async () => {
    await using made = await openedInbox();
    assert.deepEqual(await sourceOf(made).send(1n, COMPLETE), { kind: "hash", seq: 1n });
    await piece(made, 0, 700_000);
    assert.deepEqual(await sourceOf(made).send(1n, COMPLETE), { kind: "hash", seq: 1n });
    assert.equal((await sourceOf(made).opened()).lastSeq, 0n);
  });

  test("[TP31, TP17] it is forgotten by a skip, by a new epoch, and when its seq comes whole", async () => {
    await using made = await openedInbox();
    const source = sourceOf(made);
    await piece(made, 0, 200_000);
    await source.sent(1n, "one");
    assert.equal((await source.opened()).partial, null);
    await piece(made, 0, 200_000, { seq: 2n });
    await source.skip(2n, 2n);
    assert.equal((await source.opened()).partial, null);
    await piece(made, 0, 200_000, { seq: 3n });
    const next = new Source(() => made.outbox.inbox, "orders", 2n);
    assert.equal((await next.opened({ previous: { epoch: 1n, finalSeq: 2n } })).partial, null);
    assert.deepEqual(await source.delivered(), ["one"]);
    await isSound(made);
  });

  test("[RI6] a large message that replaces a stored one is not kept twice", async () => {
    await using made = await openedInbox();
    await piece(made, 0, BODY.length);
    await sourceOf(made).send(1n, COMPLETE);
    const next = new Source(() => made.outbox.inbox, "orders", 2n);
    await next.opened({ previous: { epoch: 1n, finalSeq: 1n } });
    await piece(made, 0, BODY.length, { epoch: 2n });
    const again = { ...COMPLETE, replaces: { epoch: 1n, seq: 1n } };
    assert.deepEqual(await next.send(1n, again), okOf(1n));
    assert.ok(await isDelivered(made));
    assert.equal((await made.outbox.inbox.standing())[0]?.openCount, 1);
    await isSound(made);
  });
});
