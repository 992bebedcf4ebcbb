/**
 * What every store has to do (06 section 12): one suite, run by each.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { CHAIN_START, chainInput } from "#protocol/chain.ts";
import type { GapRecord, Store } from "#receiver/store/store.ts";
import type { GapKind, IngestItem, IngestResult, OpenCall } from "#streams/sink/sink-store.ts";
import { duplicateSuite } from "./duplicate-suite.ts";
import type { LargeMessage } from "./partial-suite.ts";
import { sha256, textOf } from "./played-agent.ts";

const STORE_ID = new Uint8Array(16).fill(7);

/** Speaks for one agent, in one session, on channel `adt`. */
export class Caller {
  readonly store: Store;
  readonly agent: number;
  session = 0;
  /** The time at which it calls. */
  atMs = 1_700_000_000_000;

  constructor(store: Store, agent: number) {
    this.store = store;
    this.agent = agent;
  }

  static async greet(store: Store, name = "ward-1"): Promise<Caller> {
    const added = await store.addAgent({ tenant: "north", name, serialHex: "1f", atMs: 1 });
    assert.ok("agent" in added);
    const caller = new Caller(store, added.agent.id);
    await caller.hello();
    return caller;
  }

  async hello(): Promise<number> {
    const instanceNonce = new Uint8Array(16);
    const { agent } = this;
    const result = await this.store.hello({ agent, storeId: STORE_ID, instanceNonce, atMs: 2 });
    assert.ok("session" in result);
    this.session = result.session;
    return result.session;
  }

  open(epoch: bigint, previous: OpenCall["previous"] = null, channel = "adt") {
    return this.store.open({ ...this.#call(epoch, channel), previous });
  }

  ingest(epoch: bigint, first: bigint, ...items: readonly (string | IngestItem)[]) {
    const all = items.map((item) => (typeof item === "string" ? itemOf(item) : item));
    return this.store.ingest({ ...this.#call(epoch, "adt"), first, items: all });
  }

  skip(epoch: bigint, first: bigint, last: bigint, chain: Uint8Array | null = null) {
    const reason = "quarantined" as const;
    return this.store.skip({ ...this.#call(epoch, "adt"), first, last, reason, chain });
  }

  /** Keeps a part of a large message, as message `seq` of the channel. */
  save(seq: bigint, large: LargeMessage, from: number, to: number, epoch = 1n) {
    const { sha256: digest, totalBytes, bytes } = large;
    const part = { seq, sha256: digest, totalBytes, offset: from, bytes: bytes.slice(from, to) };
    return this.store.savePartial({ ...this.#call(epoch, "adt"), ...part });
  }

  /** Says that all of a large message is there. */
  end(seq: bigint, large: LargeMessage, epoch = 1n) {
    const { sha256: digest } = large;
    const item = { sha256: digest, receivedAtMs: 1.5e12, meta: "{}", replaces: null, body: null };
    return this.store.ingest({ ...this.#call(epoch, "adt"), first: seq, items: [item] });
  }

  /** Seq and durable bytes of the message that has not ended. */
  async partial(epoch: bigint): Promise<[bigint, number] | null> {
    const result = await this.open(epoch);
    assert.ok("position" in result);
    const { partial } = result.position;
    return partial === null ? null : [partial.seq, partial.durableBytes];
  }

  /** The body of a stored message, as `readBody` gives it. */
  async bodyOf(seq: bigint, epoch = 1n, maxBytes = 1_000_000): Promise<Uint8Array> {
    const where = { agent: this.agent, channel: "adt", epoch, seq, maxBytes };
    const parts: Uint8Array[] = [];
    for (let from = 0; ; ) {
      const part = await this.store.readBody({ ...where, from });
      if (part.length === 0) return new Uint8Array(Buffer.concat(parts));
      assert.ok(part.length <= maxBytes);
      parts.push(part);
      from += part.length;
    }
  }

  /** `epoch.seq:body` of everything that is handed on. */
  async stored(): Promise<string[]> {
    const upTo = { epoch: 2n ** 62n, seq: 0n };
    const rows = await this.store.readMessages({
      agent: this.agent,
      channel: "adt",
      after: { epoch: 0n, seq: 0n },
      upTo,
      withBody: true,
    });
    return rows.map((row) => {
      const flag = row.possibleRepeat ? "?" : "";
      return `${row.epoch}.${row.seq}${flag}:${Buffer.from(row.body ?? []).toString("latin1")}`;
    });
  }

  async gaps(): Promise<string[]> {
    const rows = await this.store.readGaps(this.agent, "adt", 0);
    return rows.map((gap: GapRecord) => `${gap.kind} ${gap.epoch}.${gap.firstSeq}-${gap.lastSeq}`);
  }

  #call(epoch: bigint, channel: string) {
    return { agent: this.agent, session: this.session, channel, epoch, atMs: this.atMs };
  }
}

export function itemOf(body: string, replaces: IngestItem["replaces"] = null): IngestItem {
  const bytes = textOf(body);
  return { sha256: sha256(bytes), receivedAtMs: 1.5e12, meta: "{}", replaces, body: bytes };
}

export function chainOf(epoch: bigint, ...bodies: readonly string[]): Uint8Array {
  let chain = CHAIN_START;
  for (const [index, body] of bodies.entries()) {
    const input = chainInput(chain, epoch, BigInt(index + 1), sha256(textOf(body)));
    chain = new Uint8Array(createHash("sha256").update(input).digest());
  }
  return chain;
}

const ok = (last: bigint, gap: GapKind | null = null): IngestResult => ({
  kind: "ok",
  last,
  unverifiedCount: 0,
  gap,
});

async function positionOf(caller: Caller, epoch: bigint) {
  const result = await caller.open(epoch);
  assert.ok("position" in result);
  const { lastSeq, chain } = result.position;
  return { kind: result.kind, epoch: result.position.epoch, lastSeq, chain: hex(chain) };
}

const hex = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString("hex");

/** @param open opens an empty store, and disposes of all it leaves when it is disposed */
export function storeSuite(name: string, open: () => Promise<Store>): void {
  const greeted = async (act: (caller: Caller, store: Store) => Promise<void>): Promise<void> => {
    await using store = await open();
    await act(await Caller.greet(store), store);
  };

  duplicateSuite(name, open);

  test(`[RI2] ${name}: hello fences every call of an older session, on every channel`, () =>
    greeted(async (old, store) => {
      await old.open(1n);
      const young = new Caller(store, old.agent);
      assert.equal(await young.hello(), old.session + 1);
      assert.deepEqual(await old.ingest(1n, 1n, "zombie"), { kind: "fenced" });
      assert.deepEqual(await old.skip(1n, 1n, 1n), { kind: "fenced" });
      assert.deepEqual(await old.open(1n), { kind: "fenced" });
      assert.deepEqual(await old.open(1n, null, "other"), { kind: "fenced" });
      assert.deepEqual(await young.stored(), []);
      assert.deepEqual(await young.ingest(1n, 1n, "a"), ok(1n));
    }));

  test(`[RI2] ${name}: a call made before a hello in one batch counts, one after it does not`, () =>
    greeted(async (caller) => {
      await caller.open(1n);
      const before = caller.ingest(1n, 1n, "a");
      const stale = new Caller(caller.store, caller.agent);
      stale.session = caller.session;
      const hello = caller.hello();
      const after = stale.ingest(1n, 2n, "b");
      assert.deepEqual(await before, ok(1n));
      await hello;
      assert.deepEqual(await after, { kind: "fenced" });
    }));

  test(`[RI3] ${name}: only open begins an epoch; a closed one takes nothing but its repeats`, () =>
    greeted(async (caller) => {
      assert.deepEqual(await caller.ingest(1n, 1n, "a"), { kind: "unopened" });
      await caller.open(1n);
      assert.deepEqual(await caller.ingest(1n, 1n, "a", "b"), ok(2n));
      assert.deepEqual(await caller.ingest(2n, 1n, "a"), { kind: "unopened" });
      await caller.open(2n, { epoch: 1n, finalSeq: 2n });
      assert.deepEqual(await caller.ingest(1n, 1n, "a"), ok(2n));
      assert.deepEqual(await caller.ingest(1n, 1n, "a", "b"), ok(2n));
      assert.deepEqual(await caller.ingest(1n, 2n, "x"), { kind: "staleEpoch" });
      assert.deepEqual(await caller.ingest(1n, 2n, "b", "c"), { kind: "staleEpoch" });
      assert.deepEqual(await caller.stored(), ["1.1:a", "1.2:b"]);
    }));

  test(`[RI4] ${name}: a hole is refused and nothing behind it is stored`, () =>
    greeted(async (caller) => {
      await caller.open(1n);
      assert.deepEqual(await caller.ingest(1n, 2n, "b"), { kind: "gap", last: 0n });
      await caller.ingest(1n, 1n, "a");
      assert.deepEqual(await caller.ingest(1n, 3n, "c"), { kind: "gap", last: 1n });
      assert.deepEqual(await caller.stored(), ["1.1:a"]);
    }));

  test(`[RI5] [TP19] ${name}: a repeat is accepted, in whole and in part, and stored once`, () =>
    greeted(async (caller) => {
      await caller.open(1n);
      await caller.ingest(1n, 1n, "a", "b");
      assert.deepEqual(await caller.ingest(1n, 1n, "a", "b"), ok(2n));
      assert.deepEqual(await caller.ingest(1n, 1n, "a"), ok(2n));
      assert.deepEqual(await caller.ingest(1n, 2n, "b", "c"), ok(3n));
      assert.deepEqual(await caller.stored(), ["1.1:a", "1.2:b", "1.3:c"]);
    }));

  test(`[RI5] ${name}: another content under a stored seq is a conflict, and nothing is stored`, () =>
    greeted(async (caller) => {
      await caller.open(1n);
      await caller.ingest(1n, 1n, "a", "b");
      const before = await positionOf(caller, 1n);
      assert.deepEqual(await caller.ingest(1n, 1n, "a", "x", "c"), { kind: "conflict", seq: 2n });
      assert.deepEqual(await caller.stored(), ["1.1:a", "1.2:b"]);
      assert.deepEqual(await positionOf(caller, 1n), before);
    }));

  test(`[RI5] ${name}: a message under a seq that was skipped is a conflict, never silently dropped`, () =>
    greeted(async (caller) => {
      await caller.open(1n);
      await caller.skip(1n, 1n, 2n);
      assert.deepEqual(await caller.ingest(1n, 2n, "b"), { kind: "conflict", seq: 2n });
    }));

  test(`[RI6] ${name}: a message that replaces a stored one with the same content is not handed on`, () =>
    greeted(async (caller) => {
      await caller.open(1n);
      await caller.ingest(1n, 1n, "a", "b");
      await caller.open(2n, { epoch: 1n, finalSeq: 4n });
      const again = itemOf("b", { epoch: 1n, seq: 2n });
      const other = itemOf("x", { epoch: 1n, seq: 1n });
      const lost = itemOf("c", { epoch: 1n, seq: 3n });
      assert.deepEqual(await caller.ingest(2n, 1n, again, other, lost), ok(3n));
      assert.deepEqual(await caller.stored(), ["1.1:a", "1.2:b", "2.2:x", "2.3:c"]);
      assert.deepEqual(await caller.ingest(2n, 1n, again), ok(3n));
    }));

  test(`[RI7] [TP15] ${name}: the chain is that of the messages, and goes on after a restart`, () =>
    greeted(async (caller) => {
      const at = async () => (await positionOf(caller, 1n)).chain;
      assert.equal(await at(), hex(CHAIN_START));
      await caller.ingest(1n, 1n, "a", "b");
      assert.equal(await at(), hex(chainOf(1n, "a", "b")));
      await caller.ingest(1n, 2n, "b", "c");
      assert.equal(await at(), hex(chainOf(1n, "a", "b", "c")));
    }));

  test(`[TP15] ${name}: the chain of the vector in 06 section 15`, () =>
    greeted(async (caller) => {
      await caller.open(1n);
      await caller.ingest(1n, 1n, "hello");
      const { chain } = await positionOf(caller, 1n);
      assert.equal(chain, "7d4aa940fd24a50528cbcba13cb43c9ff1d3f832693a420a2ea603c865606f72");
    }));

  test(`[TP14] [TP17] ${name}: an unknown channel is taken as given, from seq 1`, () =>
    greeted(async (caller) => {
      assert.deepEqual(await positionOf(caller, 5n), {
        kind: "ok",
        epoch: 5n,
        lastSeq: 0n,
        chain: hex(CHAIN_START),
      });
      assert.deepEqual(await caller.gaps(), []);
    }));

  test(`[RI8] [TP17] ${name}: an unknown channel with a previous epoch gets storeReplaced`, () =>
    greeted(async (caller) => {
      await caller.open(5n, { epoch: 4n, finalSeq: 9n });
      assert.deepEqual(await caller.gaps(), ["storeReplaced 4.1-9"]);
      await caller.open(5n, { epoch: 4n, finalSeq: 9n });
      assert.deepEqual(await caller.gaps(), ["storeReplaced 4.1-9"], "once");
    }));

  test(`[TP16] ${name}: answers OK, BEHIND and AHEAD by what it holds`, () =>
    greeted(async (caller) => {
      await caller.open(3n);
      await caller.ingest(3n, 1n, "a");
      const kindOf = async (epoch: bigint, previous: OpenCall["previous"]) => {
        const result = await caller.open(epoch, previous);
        assert.ok("position" in result);
        assert.equal(result.position.epoch, 3n);
        assert.equal(result.position.lastSeq, 1n);
        return result.kind;
      };
      assert.equal(await kindOf(3n, null), "ok");
      assert.equal(await kindOf(2n, null), "behind");
      assert.equal(await kindOf(5n, { epoch: 4n, finalSeq: 2n }), "ahead");
      assert.deepEqual(await caller.gaps(), []);
    }));

  const CLOSINGS = [
    { final: 2n, gaps: [], what: "equal" },
    { final: 1n, gaps: [], what: "smaller" },
    { final: 5n, gaps: ["rolledBack 1.3-5"], what: "larger" },
    { final: null, gaps: ["rolledBack 1.3-null"], what: "unknown" },
  ];
  for (const { final, gaps, what } of CLOSINGS) {
    test(`[RI8] [TP17] ${name}: an epoch is closed by a final seq that is ${what}`, () =>
      greeted(async (caller) => {
        await caller.open(1n);
        await caller.ingest(1n, 1n, "a", "b");
        const result = await caller.open(2n, { epoch: 1n, finalSeq: final });
        assert.equal(result.kind, "ok");
        assert.ok("position" in result);
        assert.equal(result.position.epoch, 2n);
        assert.equal(result.position.lastSeq, 0n);
        assert.deepEqual(await caller.gaps(), gaps);
      }));
  }

  test(`[RI8] ${name}: a new epoch that does not name ours leaves a gap of unknown length`, () =>
    greeted(async (caller) => {
      await caller.open(3n);
      await caller.open(4n, { epoch: 2n, finalSeq: 7n });
      await caller.open(5n);
      assert.deepEqual(await caller.gaps(), ["rolledBack 3.1-null", "rolledBack 4.1-null"]);
    }));

  test(`[TP31] [RI8] ${name}: skip writes a gap, takes the chain and moves on; twice is once`, () =>
    greeted(async (caller) => {
      await caller.open(1n);
      await caller.ingest(1n, 1n, "a");
      const chain = chainOf(1n, "a", "b", "c");
      assert.deepEqual(await caller.skip(1n, 4n, 5n), { kind: "gap", last: 1n });
      assert.deepEqual(await caller.skip(1n, 1n, 3n, chain), ok(3n, "quarantined"));
      assert.deepEqual(await caller.skip(1n, 2n, 3n, chain), ok(3n));
      assert.deepEqual(await caller.gaps(), ["quarantined 1.2-3"]);
      await caller.ingest(1n, 4n, "d");
      assert.equal((await positionOf(caller, 1n)).chain, hex(chainOf(1n, "a", "b", "c", "d")));
      assert.deepEqual(await caller.skip(2n, 1n, 1n), { kind: "unopened" });
    }));

  test(`[TP31] ${name}: after a skip without a chain there is none until the next epoch`, () =>
    greeted(async (caller) => {
      await caller.open(1n);
      await caller.skip(1n, 1n, 1n, null);
      await caller.ingest(1n, 2n, "b");
      assert.equal((await positionOf(caller, 1n)).chain, null);
      await caller.open(2n, { epoch: 1n, finalSeq: 2n });
      assert.equal((await positionOf(caller, 2n)).chain, hex(CHAIN_START));
      assert.deepEqual(await caller.skip(1n, 1n, 2n), ok(2n));
      assert.deepEqual(await caller.skip(1n, 2n, 3n), { kind: "staleEpoch" });
    }));

  test(`[06 3] ${name}: epoch and seq keep 63 bits`, () =>
    greeted(async (caller) => {
      const epoch = 2n ** 62n + 1n;
      await caller.open(epoch - 1n);
      await caller.open(epoch, { epoch: epoch - 1n, finalSeq: 0n });
      const last = 2n ** 63n - 3n;
      await caller.skip(epoch, 1n, last, CHAIN_START);
      assert.deepEqual(await caller.ingest(epoch, last + 1n, "a"), ok(last + 1n));
      assert.equal((await positionOf(caller, epoch)).lastSeq, last + 1n);
      await caller.skip(epoch, last + 2n, last + 2n);
      assert.equal((await caller.open(epoch + 1n)).kind, "ok");
    }));

  test(`[RI5] ${name}: agents and channels of the same name do not meet`, async () => {
    await using store = await open();
    const one = await Caller.greet(store, "ward-1");
    const two = await Caller.greet(store, "ward-2");
    await one.open(1n);
    await two.open(1n);
    assert.deepEqual(await one.ingest(1n, 1n, "a"), ok(1n));
    assert.deepEqual(await two.ingest(1n, 1n, "b"), ok(1n));
    assert.deepEqual(await one.stored(), ["1.1:a"]);
    assert.deepEqual(await two.stored(), ["1.1:b"]);
  });
}
