/** The agent as the sink: the same results as the receiver's store gives (06 section 12). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CHAIN_START, nextChain } from "#agent/outbox/format/chain.ts";
import { latin1 } from "#test/support/messages.ts";
import { AT_MS, itemOf, okOf, openInbox, Source } from "#test/support/test-inbox.ts";
import { sha256, type TestOutbox } from "#test/support/test-outbox.ts";

const sourceOf = (made: TestOutbox, channel = "orders", epoch = 1n): Source =>
  new Source(() => made.outbox.inbox, channel, epoch);

const chainOf = (epoch: bigint, ...bodies: readonly string[]): Uint8Array => {
  let chain: Uint8Array = CHAIN_START;
  for (const [index, body] of bodies.entries()) {
    chain = nextChain(chain, epoch, BigInt(index + 1), sha256(latin1(body)));
  }
  return new Uint8Array(chain);
};

describe("ingest at the agent", () => {
  test("[RI1] bytes that are not what their digest says are refused, and none of their call is stored", async () => {
    await using made = await openInbox();
    const source = sourceOf(made);
    await source.opened();
    const altered = { ...itemOf("two"), body: latin1("too") };
    assert.deepEqual(await source.send(1n, itemOf("one"), altered), { kind: "hash", seq: 2n });
    assert.equal((await source.opened()).lastSeq, 0n);
    assert.equal(await made.outbox.inbox.queueOf("orders").next(), undefined);
  });

  test("[RI3] only open begins an epoch; a closed one takes nothing but its repeats", async () => {
    await using made = await openInbox();
    const source = sourceOf(made);
    assert.deepEqual(await source.send(1n, "early"), { kind: "unopened" });
    await source.opened();
    await source.sent(1n, "one", "two");
    const next = sourceOf(made, "orders", 2n);
    assert.deepEqual(await next.send(1n, "early"), { kind: "unopened" });
    await next.opened({ previous: { epoch: 1n, finalSeq: 2n } });
    assert.deepEqual(await source.send(1n, "one", "two"), okOf(2n));
    assert.deepEqual(await source.send(2n, "other"), { kind: "staleEpoch" });
    assert.deepEqual(await source.send(3n, "three"), { kind: "staleEpoch" });
    assert.deepEqual(await sourceOf(made, "orders", 0n).send(1n, "x"), { kind: "staleEpoch" });
    await next.sent(1n, "three");
    assert.deepEqual(await source.delivered(), ["one", "two", "three"]);
  });

  test("[RI4] a hole is refused and nothing behind it is stored", async () => {
    await using made = await openInbox();
    const source = sourceOf(made);
    await source.opened();
    await source.sent(1n, "one");
    assert.deepEqual(await source.send(3n, "three"), { kind: "gap", last: 1n });
    assert.deepEqual(await source.skip(3n, 4n), { kind: "gap", last: 1n });
    assert.deepEqual(await source.delivered(), ["one"]);
  });

  test("[RI5, TP19] a repeat is accepted, in whole and in part, and stored once", async () => {
    await using made = await openInbox();
    const source = sourceOf(made);
    await source.opened();
    await source.sent(1n, "one", "two");
    assert.deepEqual(await source.send(1n, "one", "two"), okOf(2n));
    assert.deepEqual(await source.send(2n, "two", "three"), okOf(3n, 1));
    await made.reopen();
    assert.deepEqual(await source.send(1n, "one", "two", "three"), okOf(3n));
    assert.deepEqual(await source.delivered(), ["one", "two", "three"]);
  });

  test("[RI5] another content under a stored seq is a conflict, and nothing is stored", async () => {
    await using made = await openInbox();
    const source = sourceOf(made);
    await source.opened();
    await source.sent(1n, "one", "two");
    assert.deepEqual(await source.send(1n, "one", "other", "three"), { kind: "conflict", seq: 2n });
    assert.equal((await source.opened()).lastSeq, 2n);
  });

  test("[RI5, RI8] a message under a seq that was skipped is a conflict, never silently dropped", async () => {
    await using made = await openInbox();
    const source = sourceOf(made);
    await source.opened();
    assert.deepEqual(await source.skip(1n, 3n), { ...okOf(3n), gap: "discarded" });
    assert.deepEqual(await source.send(2n, "two"), { kind: "conflict", seq: 2n });
  });

  test("[RI6] a message that replaces a stored one with the same content is not handed on", async () => {
    await using made = await openInbox();
    const source = sourceOf(made);
    await source.opened();
    await source.sent(1n, "one", "two");
    const next = sourceOf(made, "orders", 2n);
    await next.opened({ previous: { epoch: 1n, finalSeq: 2n } });
    const again = itemOf("two", { replaces: { epoch: 1n, seq: 2n } });
    const other = itemOf("2", { replaces: { epoch: 1n, seq: 2n } });
    assert.deepEqual(await next.send(1n, again, other), okOf(2n, 1));
    assert.deepEqual(await next.send(1n, again), okOf(2n));
    assert.deepEqual((await next.opened()).chain, chainOf(2n, "two", "2"));
    assert.deepEqual(await next.delivered(), ["one", "two", "2"]);
  });

  test("[RI7, TP15] the chain is that of the messages, and goes on after a crash", async () => {
    await using made = await openInbox();
    const source = sourceOf(made);
    await source.opened();
    await source.sent(1n, "one");
    await made.kill();
    await made.reopen();
    await source.sent(2n, "two");
    assert.deepEqual(await source.opened(), {
      ...{ epoch: 1n, lastSeq: 2n, chain: chainOf(1n, "one", "two"), partial: null },
    });
  });

  test("[RI7] what was collected while a commit ran is one commit, answered in order", async () => {
    await using made = await openInbox();
    const [orders, labels] = [sourceOf(made), sourceOf(made, "labels")];
    const results = await Promise.all([
      orders.open(),
      orders.send(1n, "one"),
      labels.send(1n, "never opened"),
      orders.send(3n, "three"),
      orders.send(2n, "two"),
    ]);
    const kinds = results.map(({ kind }) => kind);
    assert.deepEqual(kinds, ["ok", "ok", "unopened", "gap", "ok"]);
    assert.deepEqual(await orders.delivered(), ["one", "two"]);
  });

  test("[TP34] messages of several channels arrive apart, and their listeners hear of the commit", async () => {
    await using made = await openInbox();
    const { inbox } = made.outbox;
    const heard: string[] = [];
    for (const channel of ["orders", "labels"]) {
      inbox.queueOf(channel).onArrival(() => heard.push(channel));
    }
    const [orders, labels] = [sourceOf(made), sourceOf(made, "labels", 7n)];
    await Promise.all([orders.opened(), labels.opened()]);
    await orders.sent(1n, "one");
    await labels.sent(1n, "label");
    await orders.send(1n, "one");
    assert.deepEqual(heard, ["orders", "labels"], "a repeat is no arrival");
    assert.deepEqual(await orders.delivered(), ["one"]);
    assert.deepEqual(await labels.delivered(), ["label"]);
  });

  test("[06 3] epoch and seq keep 63 bits, and an empty message is one", async () => {
    await using made = await openInbox();
    const epoch = 2n ** 62n + 1n;
    const source = sourceOf(made, "orders", epoch);
    await source.opened();
    const far = 2n ** 62n + 3n;
    await source.skip(1n, far - 1n, "pruned", new Uint8Array(32).fill(1));
    await source.sent(far, "far", "");
    const queue = made.outbox.inbox.queueOf("orders");
    const next = await queue.next();
    assert.deepEqual([next?.epoch, next?.seq], [epoch, far]);
    assert.deepEqual(await source.delivered(), ["far", ""]);
  });
});

describe("opening at the agent", () => {
  test("[TP34] a channel that the configuration does not name is unknown", async () => {
    await using made = await openInbox();
    assert.deepEqual(await sourceOf(made, "other").open(), { kind: "unknown" });
    assert.deepEqual(await sourceOf(made, "adt").open(), { kind: "unknown" }, "upstream alone");
  });

  test("[TP14, TP17] an unknown channel is taken as given, from seq 1", async () => {
    await using made = await openInbox();
    const result = await sourceOf(made, "orders", 5n).open();
    const position = { epoch: 5n, lastSeq: 0n, chain: new Uint8Array(32), partial: null };
    assert.deepEqual(result, { kind: "ok", position, gap: null });
  });

  test("[RI8, TP17] an unknown channel with a previous epoch gets storeReplaced", async () => {
    await using made = await openInbox();
    const source = sourceOf(made, "orders", 5n);
    const result = await source.open({ previous: { epoch: 4n, finalSeq: 9n } });
    assert.equal(result.kind === "ok" && result.gap, "storeReplaced");
    assert.deepEqual(await made.outbox.inbox.gaps(0, 10), [
      {
        ...{ id: 1, channel: "orders", epoch: 4n, firstSeq: 1n, lastSeq: 9n },
        ...{ kind: "storeReplaced", recordedAtMs: AT_MS, acknowledgedAtMs: null },
      },
    ]);
    const labels = sourceOf(made, "labels", 2n);
    const none = await labels.open({ previous: { epoch: 1n, finalSeq: 0n } });
    assert.equal(none.kind === "ok" && none.gap, null);
  });

  test("[TP16] answers OK, BEHIND and AHEAD by what it holds", async () => {
    await using made = await openInbox();
    const source = sourceOf(made, "orders", 3n);
    await source.opened();
    await source.sent(1n, "one");
    const kinds: string[] = [];
    for (const [epoch, previous] of [
      [3n, null],
      [2n, null],
      [9n, { epoch: 8n, finalSeq: 5n }],
      [4n, { epoch: 3n, finalSeq: 1n }],
    ] as const) {
      kinds.push((await sourceOf(made, "orders", epoch).open({ previous })).kind);
    }
    assert.deepEqual(kinds, ["ok", "behind", "ahead", "ok"]);
  });

  for (const [what, finalSeq, gap] of [
    ["equal", 2n, undefined],
    ["smaller", 1n, undefined],
    ["larger", 7n, [3n, 7n]],
    ["unknown", null, [3n, null]],
  ] as const) {
    test(`[RI8, TP17] an epoch is closed by a final seq that is ${what}`, async () => {
      await using made = await openInbox();
      const source = sourceOf(made);
      await source.opened();
      await source.sent(1n, "one", "two");
      const next = sourceOf(made, "orders", 2n);
      const result = await next.open({ previous: { epoch: 1n, finalSeq } });
      assert.equal(result.kind === "ok" && result.gap, gap === undefined ? null : "rolledBack");
      const gaps = await made.outbox.inbox.gaps(0, 10);
      assert.deepEqual(
        gaps.map(({ epoch, firstSeq, lastSeq, kind }) => [epoch, firstSeq, lastSeq, kind]),
        gap === undefined ? [] : [[1n, gap[0], gap[1], "rolledBack"]],
      );
      await next.sent(1n, "three");
    });
  }

  test("[TP31, RI8] skip writes a gap, takes the chain and moves on; twice is once", async () => {
    await using made = await openInbox();
    const source = sourceOf(made);
    await source.opened();
    await source.sent(1n, "one");
    const chain = new Uint8Array(32).fill(3);
    assert.deepEqual(await source.skip(1n, 3n, "pruned", chain), { ...okOf(3n), gap: "pruned" });
    assert.deepEqual(await source.skip(1n, 3n, "pruned", chain), okOf(3n));
    assert.deepEqual((await source.opened()).chain, chain);
    await source.sent(4n, "four");
    const after = nextChain(chain, 1n, 4n, sha256(latin1("four")));
    assert.deepEqual((await source.opened()).chain, new Uint8Array(after));
    const gaps = await made.outbox.inbox.gaps(0, 10);
    assert.deepEqual(
      gaps.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq]),
      [[2n, 3n]],
    );
    assert.deepEqual(await source.delivered(), ["one", "four"]);
  });

  test("[TP31] after a skip without a chain there is none until the next epoch", async () => {
    await using made = await openInbox();
    const source = sourceOf(made);
    await source.opened();
    await source.skip(1n, 1n);
    await source.sent(2n, "two");
    assert.equal((await source.opened()).chain, null);
    const next = sourceOf(made, "orders", 2n);
    assert.deepEqual((await next.opened()).chain, new Uint8Array(32));
  });

  test("[RI8] a gap stays until a person has seen it, and is there afterwards", async () => {
    await using made = await openInbox();
    const source = sourceOf(made);
    await source.opened();
    await source.skip(1n, 1n);
    const { inbox } = made.outbox;
    assert.equal(await inbox.acknowledgeGap(1), true);
    assert.equal(await inbox.acknowledgeGap(1), false, "once");
    assert.equal(await inbox.acknowledgeGap(2), false);
    const [gap] = await inbox.gaps(0, 10);
    assert.ok(gap !== undefined && gap.acknowledgedAtMs !== null);
  });
});
