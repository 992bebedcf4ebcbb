/**
 * What every store has to do for messages to hospital systems (TP34): one suite, run by each.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { CHAIN_START, chainInput } from "#protocol/chain.ts";
import { LARGE_MESSAGE_BYTES } from "#protocol/limits.ts";
import { COMMANDS_CHANNEL } from "#receiver/served-channels.ts";
import type { EnqueueResult, OutgoingStore } from "#receiver/store/outgoing.ts";
import type { Store } from "#receiver/store/store.ts";
import { sha256 } from "./played-agent.ts";

type Both = Store & OutgoingStore;
const CHANNEL = "orders";

/** Enqueues for one agent, and speaks for its session. */
class Sender {
  readonly store: Both;
  readonly agent: number;
  session = 0;

  constructor(store: Both, agent: number) {
    this.store = store;
    this.agent = agent;
  }

  static async to(store: Both, name = "ward-1"): Promise<Sender> {
    const added = await store.addAgent({ tenant: "north", name, serialHex: "1f", atMs: 1 });
    assert.ok("agent" in added);
    const sender = new Sender(store, added.agent.id);
    await sender.hello();
    return sender;
  }

  async hello(): Promise<void> {
    const [storeId, instanceNonce] = [new Uint8Array(16).fill(7), new Uint8Array(16)];
    const { agent } = this;
    const result = await this.store.hello({ agent, storeId, instanceNonce, atMs: 2 });
    assert.ok("session" in result);
    this.session = result.session;
  }

  enqueue(text: string, key: string | null = null, channel = CHANNEL): Promise<EnqueueResult> {
    const body = new TextEncoder().encode(text);
    const { agent } = this;
    const item = { key, sha256: sha256(body), meta: "{}", body };
    return this.store.enqueue({ agent, channel, ...item, atMs: 1_000 });
  }

  place(epoch: bigint, seq: bigint) {
    return { agent: this.agent, channel: CHANNEL, epoch, seq };
  }

  settle(epoch: bigint, seq: bigint, session = this.session) {
    return this.store.settleOutgoing({ ...this.place(epoch, seq), session, atMs: 5_000 });
  }

  answer(key: string, outcome: string, session = this.session) {
    return this.store.answerCommand({ agent: this.agent, session, key, outcome, atMs: 5_000 });
  }

  async openCommands(limit = 9): Promise<string[]> {
    const open = await this.store.openCommands(this.agent, limit);
    return open.map(({ key, document }) => `${key} ${Buffer.from(document).toString()}`);
  }

  async texts(epoch: bigint, after = 0n): Promise<string[]> {
    const rows = await this.store.readOutgoing(this.place(epoch, after));
    return rows.map(({ seq, body }) => `${seq} ${body === null ? "large" : textOf(body)}`);
  }

  async channel() {
    const [channel] = await this.store.outgoingChannels(this.agent, "");
    assert.ok(channel !== undefined);
    return channel;
  }
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** @param open an empty store */
export function outgoingSuite(name: string, open: () => Promise<Both>): void {
  test(`[TP34] ${name}: what is enqueued gets the next number of its channel, and the chain`, async () => {
    await using store = await open();
    const sender = await Sender.to(store);
    const first = await sender.enqueue("one");
    const second = await sender.enqueue("two");
    assert.ok(first.kind === "ok" && second.kind === "ok");
    assert.deepEqual([first.message.epoch, first.message.seq], [1n, 1n]);
    assert.deepEqual([second.message.epoch, second.message.seq], [1n, 2n]);
    assert.ok(second.message.id > first.message.id);
    assert.deepEqual(await sender.texts(1n), ["1 one", "2 two"]);
    assert.deepEqual(await sender.texts(1n, 1n), ["2 two"]);
    const position = { epoch: 1n, lastSeq: 2n, ackedSeq: 0n, oldestSeq: 1n, previous: null };
    assert.deepEqual(await sender.channel(), { channel: CHANNEL, ...position });
    const chain = createHash("sha256")
      .update(chainInput(CHAIN_START, 1n, 1n, sha256(new TextEncoder().encode("one"))))
      .digest();
    assert.deepEqual(await chainAt(sender, 1n), new Uint8Array(chain));
    assert.deepEqual(await chainAt(sender, 0n), CHAIN_START);
    assert.equal(await store.outgoingChain(sender.place(1n, 3n)), null);
  });

  test(`[TP34] ${name}: under its own key a message is taken once, and other content is refused`, async () => {
    await using store = await open();
    const sender = await Sender.to(store);
    const first = await sender.enqueue("one", "order-1");
    const again = await sender.enqueue("one", "order-1");
    const other = await sender.enqueue("two", "order-1");
    assert.ok(first.kind === "ok" && again.kind === "ok" && other.kind === "conflict");
    assert.deepEqual([first.known, again.known], [false, true]);
    assert.deepEqual(again.message, first.message);
    assert.deepEqual(other.message, first.message);
    assert.deepEqual(await sender.texts(1n), ["1 one"]);
    // Another channel is another name space.
    assert.ok((await sender.enqueue("two", "order-1", "labels")).kind === "ok");
  });

  test(`[TP34] ${name}: settling moves forward only, and never beyond what is here`, async () => {
    await using store = await open();
    const sender = await Sender.to(store);
    for (const text of ["one", "two", "three"]) await sender.enqueue(text);
    await sender.settle(1n, 2n);
    await sender.settle(1n, 1n);
    assert.equal((await sender.channel()).ackedSeq, 2n);
    await sender.settle(1n, 9n);
    assert.equal((await sender.channel()).ackedSeq, 2n);
    const settled = await store.listOutgoing(sender.agent, CHANNEL, 0);
    assert.deepEqual(
      settled.map(({ settledAtMs }) => settledAtMs),
      [5_000, 5_000, null],
    );
    // TP37: what is settled stays, for an agent that was restored.
    assert.deepEqual(await sender.texts(1n), ["1 one", "2 two", "3 three"]);
  });

  test(`[RI2] ${name}: an older session settles and reissues nothing`, async () => {
    await using store = await open();
    const sender = await Sender.to(store);
    await sender.enqueue("one");
    const old = sender.session;
    await sender.hello();
    assert.deepEqual(await sender.settle(1n, 1n, old), { kind: "fenced" });
    const call = { agent: sender.agent, session: old, channel: CHANNEL, epoch: 1n };
    const sink = { epoch: 1n, lastSeq: 7n };
    assert.deepEqual(await store.reissueOutgoing({ ...call, sink }), { kind: "fenced" });
    const { epoch, ackedSeq } = await sender.channel();
    assert.deepEqual([epoch, ackedSeq], [1n, 0n]);
  });

  test(`[TP18] ${name}: parted histories: what is unsettled goes on in a new epoch, with the identity it had first`, async () => {
    await using store = await open();
    const sender = await Sender.to(store);
    for (const text of ["one", "two", "three"]) await sender.enqueue(text);
    await sender.settle(1n, 1n);
    const { agent, session } = sender;
    const parted = { agent, session, channel: CHANNEL, epoch: 1n };
    await store.reissueOutgoing({ ...parted, sink: { epoch: 1n, lastSeq: 9n } });
    // Asked again it does nothing: the answer may have been lost.
    await store.reissueOutgoing({ ...parted, sink: { epoch: 1n, lastSeq: 9n } });
    assert.deepEqual(await sender.texts(2n), ["1 two", "2 three"]);
    assert.deepEqual(await sender.texts(1n), ["1 one"]);
    const previous = { epoch: 1n, finalSeq: 9n };
    const position = { epoch: 2n, lastSeq: 2n, ackedSeq: 0n, oldestSeq: 1n, previous };
    assert.deepEqual(await sender.channel(), { channel: CHANNEL, ...position });
    await sender.enqueue("four");
    // The sink is in a later epoch than ours: ours comes behind it.
    await store.reissueOutgoing({ ...parted, epoch: 2n, sink: { epoch: 5n, lastSeq: 4n } });
    const rows = await store.readOutgoing(sender.place(6n, 0n));
    assert.deepEqual(
      rows.map(({ replaces }) => replaces),
      [
        { epoch: 1n, seq: 2n },
        { epoch: 1n, seq: 3n },
        { epoch: 2n, seq: 3n },
      ],
    );
    assert.deepEqual((await sender.channel()).previous, { epoch: 5n, finalSeq: 4n });
    // The chain is that of the new numbers.
    const one = createHash("sha256")
      .update(chainInput(CHAIN_START, 6n, 1n, sha256(new TextEncoder().encode("two"))))
      .digest();
    assert.deepEqual(await chainAt(sender, 1n, 6n), new Uint8Array(one));
  });

  test(`[TP37] ${name}: to an agent that was put back goes all that it lacks and is still here, from earlier epochs, too`, async () => {
    await using store = await open();
    const sender = await Sender.to(store);
    for (const text of ["one", "two", "three"]) await sender.enqueue(text);
    await sender.settle(1n, 3n);
    const { agent, session } = sender;
    const parted = { agent, session, channel: CHANNEL };
    await store.reissueOutgoing({ ...parted, epoch: 1n, sink: { epoch: 1n, lastSeq: 7n } });
    await sender.enqueue("four");
    await sender.settle(2n, 1n);
    // It holds one message of the first epoch: two to four were there, and are no more.
    await store.reissueOutgoing({ ...parted, epoch: 2n, sink: { epoch: 1n, lastSeq: 1n } });
    assert.deepEqual(await sender.texts(3n), ["1 two", "2 three", "3 four"]);
    const { ackedSeq, previous } = await sender.channel();
    assert.deepEqual([ackedSeq, previous], [0n, { epoch: 1n, finalSeq: 1n }]);
    const settled = await store.listOutgoing(agent, CHANNEL, 0);
    assert.deepEqual(
      settled.map(({ settledAtMs }) => settledAtMs),
      [5_000, null, null, null],
    );
    // Within its own epoch the same.
    await sender.settle(3n, 3n);
    await store.reissueOutgoing({ ...parted, epoch: 3n, sink: { epoch: 3n, lastSeq: 1n } });
    assert.deepEqual(await sender.texts(4n), ["1 three", "2 four"]);
    assert.deepEqual((await sender.channel()).previous, { epoch: 3n, finalSeq: 1n });
    // What is gone here cannot be sent: nobody knows how far that epoch went.
    await sender.settle(4n, 1n);
    await store.pruneOutgoing(5_001);
    await store.reissueOutgoing({ ...parted, epoch: 4n, sink: { epoch: 3n, lastSeq: 1n } });
    assert.deepEqual(await sender.texts(5n), ["1 four"]);
    assert.deepEqual((await sender.channel()).previous, { epoch: 3n, finalSeq: null });
  });

  test(`[O10] [TP18] ${name}: a report under the number that a message had first finds it`, async () => {
    await using store = await open();
    const sender = await Sender.to(store);
    await sender.enqueue("one");
    const { agent, session } = sender;
    const sink = { epoch: 1n, lastSeq: 9n };
    await store.reissueOutgoing({ agent, session, channel: CHANNEL, epoch: 1n, sink });
    await store.noteOutcome({ ...sender.place(1n, 1n), outcome: "A" });
    const [record] = await store.listOutgoing(agent, CHANNEL, 0);
    assert.deepEqual([record?.epoch, record?.outcome], [2n, "A"]);
  });

  test(`[O10] ${name}: the report of a delivery is kept with its message, and the first one counts`, async () => {
    await using store = await open();
    const sender = await Sender.to(store);
    await sender.enqueue("one");
    assert.deepEqual(await store.noteOutcome({ ...sender.place(1n, 1n), outcome: "A" }), {
      kind: "ok",
    });
    await store.noteOutcome({ ...sender.place(1n, 1n), outcome: "B" });
    await store.noteOutcome({ ...sender.place(1n, 8n), outcome: "C" });
    const [record] = await store.listOutgoing(sender.agent, CHANNEL, 0);
    assert.equal(record?.outcome, "A");
  });

  test(`[TP36] ${name}: a command is open until its answer is kept, the first one, and its document goes with the others`, async () => {
    await using store = await open();
    const sender = await Sender.to(store);
    const other = await Sender.to(store, "ward-2");
    await sender.enqueue("message");
    for (const text of ["one", "two", "three"]) await sender.enqueue(text, text, COMMANDS_CHANNEL);
    await other.enqueue("another", "one", COMMANDS_CHANNEL);
    assert.deepEqual(await sender.openCommands(), ["one one", "two two", "three three"]);
    assert.deepEqual(await sender.openCommands(2), ["one one", "two two"]);
    assert.deepEqual(await sender.answer("two", "A"), { kind: "ok" });
    assert.deepEqual(await sender.answer("two", "B"), { kind: "ok" });
    assert.deepEqual(await sender.answer("nobody", "C"), { kind: "ok" });
    assert.deepEqual(await sender.openCommands(), ["one one", "three three"]);
    assert.deepEqual(await other.openCommands(), ["one another"]);
    const records = await store.listOutgoing(sender.agent, COMMANDS_CHANNEL, 0);
    assert.deepEqual(
      records.map(({ key, outcome, settledAtMs }) => [key, outcome, settledAtMs]),
      [
        ["one", null, null],
        ["two", "A", 5_000],
        ["three", null, null],
      ],
    );
    assert.deepEqual(await store.pruneOutgoing(5_001), { count: 1 });
  });

  test(`[TP36] [RI2] ${name}: an answer of a session that is over is not kept`, async () => {
    await using store = await open();
    const sender = await Sender.to(store);
    await sender.enqueue("one", "one", COMMANDS_CHANNEL);
    const { session } = sender;
    await sender.hello();
    assert.deepEqual(await sender.answer("one", "A", session), { kind: "fenced" });
    assert.deepEqual(await sender.openCommands(), ["one one"]);
  });

  test(`[TP38] ${name}: bodies go some time after the agent has them; numbers and chain stay`, async () => {
    await using store = await open();
    const sender = await Sender.to(store);
    for (const text of ["one", "two"]) await sender.enqueue(text);
    await sender.settle(1n, 1n);
    assert.deepEqual(await store.pruneOutgoing(5_000), { count: 0 });
    assert.deepEqual(await store.pruneOutgoing(5_001), { count: 1 });
    assert.deepEqual(await sender.texts(1n), ["2 two"]);
    assert.equal((await sender.channel()).oldestSeq, 2n);
    assert.equal((await chainAt(sender, 1n))?.length, 32);
    const gone = { ...sender.place(1n, 1n), from: 0, maxBytes: 9 };
    assert.equal((await store.readOutgoingBody(gone)).length, 0);
  });

  test(`[TP34] ${name}: a large body is read in parts`, async () => {
    await using store = await open();
    const sender = await Sender.to(store);
    const text = "0123456789".repeat(LARGE_MESSAGE_BYTES / 8);
    await sender.enqueue(text);
    assert.deepEqual(await sender.texts(1n), ["1 large"]);
    let read = "";
    for (;;) {
      const part = { ...sender.place(1n, 1n), from: read.length, maxBytes: 300_000 };
      const bytes = await store.readOutgoingBody(part);
      if (bytes.length === 0) break;
      read += textOf(bytes);
    }
    assert.ok(read === text);
  });

  test(`[TP4] ${name}: any node learns for whom something was enqueued`, async () => {
    await using store = await open();
    const one = await Sender.to(store);
    const two = await Sender.to(store, "ward-2");
    assert.deepEqual(await store.enqueuedSince(0), { lastId: 0, agents: [] });
    await two.enqueue("for two");
    assert.deepEqual(await store.enqueuedSince(null), { lastId: 1, agents: [] });
    const after = await store.enqueuedSince(0);
    assert.deepEqual(after.agents, [two.agent]);
    await one.enqueue("for one");
    assert.deepEqual((await store.enqueuedSince(after.lastId)).agents, [one.agent]);
  });
}

async function chainAt(sender: Sender, seq: bigint, epoch = 1n): Promise<Uint8Array | null> {
  const chain = await sender.store.outgoingChain(sender.place(epoch, seq));
  return chain === null ? null : new Uint8Array(chain);
}
