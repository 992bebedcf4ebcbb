/** What a receiver would send down, said to an inbox directly: items with their digests, channels with their epochs. @module */
import assert from "node:assert/strict";
import type { MessageIdentity } from "#agent/outbox/format/record.ts";
import type { Inbox } from "#agent/outbox/inbox/inbox.ts";
import type {
  InboxItem,
  InboxOpenCall,
  InboxOpenResult,
  InboxPosition,
  InboxResult,
  SkipKind,
} from "#agent/outbox/inbox/inbox-calls.ts";
import { latin1, textOf } from "./messages.ts";
import { sha256, TestOutbox } from "./test-outbox.ts";

export const SOURCE_STORE = new Uint8Array(16).fill(9);
/** Of today: what was settled long ago, the store forgets whenever it likes. */
export const AT_MS = Date.now();

export interface ItemFields {
  readonly replaces?: MessageIdentity;
  readonly meta?: string;
}

export function itemOf(
  body: string | Uint8Array,
  { replaces, meta }: ItemFields = {},
): InboxItem & { readonly body: Uint8Array } {
  const bytes = typeof body === "string" ? latin1(body) : body;
  return {
    ...{ sha256: sha256(bytes), receivedAtMs: AT_MS - 1_000, meta: meta ?? "{}" },
    ...{ replaces: replaces ?? null, body: bytes },
  };
}

/** One downstream channel of an inbox, as the receiver's end of a stream. */
export class Source {
  readonly #inbox: () => Inbox;
  readonly channel: string;
  epoch: bigint;

  /** @param inbox asked again after a restart */
  constructor(inbox: () => Inbox, channel = "orders", epoch = 1n) {
    this.#inbox = inbox;
    this.channel = channel;
    this.epoch = epoch;
  }

  open(more: Partial<InboxOpenCall> = {}): Promise<InboxOpenResult> {
    const { channel, epoch } = this;
    const call = { channel, epoch, atMs: AT_MS, nextSeq: 1n, previous: null };
    return this.#inbox().open({ ...call, sourceStore: SOURCE_STORE, ...more });
  }

  /** @returns the position of an OPENED that is OK */
  async opened(more: Partial<InboxOpenCall> = {}): Promise<InboxPosition> {
    const result = await this.open(more);
    assert.ok(result.kind === "ok", `opened ${result.kind}`);
    return result.position;
  }

  send(
    first: bigint,
    ...bodies: readonly (string | Uint8Array | InboxItem)[]
  ): Promise<InboxResult> {
    const items = bodies.map((one) =>
      typeof one === "string" || one instanceof Uint8Array ? itemOf(one) : one,
    );
    const { channel, epoch } = this;
    return this.#inbox().ingest({ channel, epoch, atMs: AT_MS, first, items });
  }

  /** Messages that must be new. */
  async sent(first: bigint, ...bodies: readonly (string | InboxItem)[]): Promise<void> {
    const last = first + BigInt(bodies.length) - 1n;
    assert.deepEqual(await this.send(first, ...bodies), okOf(last, bodies.length));
  }

  skip(
    first: bigint,
    last: bigint,
    reason: SkipKind = "discarded",
    chain: Uint8Array | null = null,
  ): Promise<InboxResult> {
    const { channel, epoch } = this;
    const call = { channel, epoch, atMs: AT_MS, first, last, reason, chain };
    return this.#inbox().skip({ ...call, sourceStore: SOURCE_STORE });
  }

  /** Everything that waits to be delivered, settled as it comes: bodies in order. */
  async delivered(): Promise<string[]> {
    const queue = this.#inbox().queueOf(this.channel);
    const found: string[] = [];
    for (;;) {
      const next = await queue.next();
      if (next === undefined) return found;
      found.push(textOf(await bodyOf(this.#inbox(), this.channel, next.id, next.bytes)));
      await queue.claim(next.id);
      await queue.settle(next.id, { kind: "accepted", flags: [], reply: undefined });
    }
  }
}

/** A body in parts of `maxBytes`. */
export async function bodyOf(
  inbox: Inbox,
  channel: string,
  id: number,
  length: number,
  maxBytes = 100_000,
): Promise<Buffer> {
  const queue = inbox.queueOf(channel);
  const parts = [await queue.body(id, 0, maxBytes)];
  for (let done = parts[0]?.length ?? 0; done < length; ) {
    const part = await queue.body(id, done, maxBytes);
    parts.push(part);
    done += part.length;
  }
  return Buffer.concat(parts);
}

export const okOf = (last: bigint, arrivedCount = 0): InboxResult => ({
  ...{ kind: "ok", last, arrivedCount, unverifiedCount: 0, gap: null },
});

/** An outbox with the downstream channels `orders` and `labels`. */
export const openInbox = (
  options: Parameters<typeof TestOutbox.open>[0] = {},
): Promise<TestOutbox> => TestOutbox.open({ downstream: ["orders", "labels"], ...options });

/** The reports on `$outcomes`, oldest first, as JSON. */
export async function reportsOf(made: TestOutbox): Promise<Record<string, unknown>[]> {
  const tail = made.outbox.channels.find(({ name }) => name === "$outcomes");
  assert.ok(tail !== undefined, "there is no channel $outcomes");
  const texts = await made.bodies(tail.channel);
  return texts.map((text) => JSON.parse(text) as Record<string, unknown>);
}
