/** An inbox without its thread, on a clock that stands still: to see chores work on it, step by step. @module */
import assert from "node:assert/strict";
import type { Outcome } from "#agent/deliver/queue.ts";
import type { InboxCall, InboxItem } from "#agent/outbox/inbox/inbox-calls.ts";
import type { InboxAnswer } from "#agent/outbox/inbox/inbox-messages.ts";
import { InboxReader } from "#agent/outbox/inbox/inbox-reader.ts";
import { InboxStore } from "#agent/outbox/inbox/inbox-store.ts";
import { textOf } from "./messages.ts";
import { type RoomOptions, RoomStore } from "./room-store.ts";
import { itemOf, SOURCE_STORE } from "./test-inbox.ts";

export const ACCEPTED: Outcome = { kind: "accepted", flags: [], reply: undefined };
export const ASIDE: Outcome = {
  ...{ kind: "quarantined", reason: "expired", flags: [], reply: undefined },
};

export class RoomInbox implements Disposable {
  readonly room: RoomStore;
  inbox: InboxStore;
  reader: InboxReader;

  constructor(options: RoomOptions = {}) {
    this.room = new RoomStore({ channels: ["adt", "$outcomes"], ...options });
    [this.inbox, this.reader] = this.#open();
    assert.deepEqual(this.kindOf({ call: "open", ...this.#common(), ...OPEN }), "ok");
  }

  /** Closes it without a word, as a crash does, and opens it as it was left. */
  reopen(): void {
    this.room.reopen();
    [this.inbox, this.reader] = this.#open();
  }

  write(...calls: readonly InboxCall[]): InboxAnswer[] {
    const answers = this.inbox.write(calls);
    assert.ok(!(answers instanceof Promise), "it has to read first");
    return answers;
  }

  /** `kind` of the result of a call. */
  kindOf(call: InboxCall): string {
    const [answer] = this.write(call);
    assert.ok(answer !== undefined && "result" in answer);
    return (answer.result as { readonly kind: string }).kind;
  }

  ingest(first: bigint, ...bodies: readonly (string | Uint8Array | InboxItem)[]): void {
    const items = bodies.map((one) =>
      typeof one === "string" || one instanceof Uint8Array ? itemOf(one) : one,
    );
    assert.equal(this.kindOf({ call: "ingest", ...this.#common(), first, items }), "ok");
  }

  /** The next message to be delivered ends so. @returns its id */
  settle(outcome: Outcome = ACCEPTED): number {
    const id = this.reader.next("orders")?.id;
    assert.ok(id !== undefined, "nothing waits");
    const [answer] = this.write({ call: "settle", id, outcome, atMs: this.room.clock.nowMs() });
    assert.deepEqual(answer, { result: undefined });
    return id;
  }

  /** The body of a message, read whole. @throws {AgentError} `STORE_BODY_DAMAGED` */
  body(id: number): string {
    const parts: Uint8Array[] = [];
    const { length } = { length: this.room.number(`SELECT length FROM inbox WHERE id = ${id}`) };
    for (let done = 0; parts.length === 0 || done < length; ) {
      const part = this.reader.body(id, done, 1 << 20);
      parts.push(part);
      done += part.length;
    }
    return textOf(Buffer.concat(parts));
  }

  /** Bodies that are kept, by id. */
  kept(): number[] {
    return this.room.database
      .prepare("SELECT id FROM inbox WHERE kept = 1 ORDER BY id")
      .pluck()
      .all() as number[];
  }

  [Symbol.dispose](): void {
    this.room[Symbol.dispose]();
  }

  #common(): { readonly channel: string; readonly epoch: bigint; readonly atMs: number } {
    return { channel: "orders", epoch: 1n, atMs: this.room.clock.nowMs() };
  }

  #open(): [InboxStore, InboxReader] {
    const { store } = this.room;
    const inbox = new InboxStore({
      ...{ store, storeId: new Uint8Array(16).fill(7), channels: ["orders"] },
      ...{ onReported: () => {}, onRefused: () => {}, isHalted: () => false },
    });
    return [inbox, new InboxReader(store)];
  }
}

const OPEN = { nextSeq: 1n, previous: null, sourceStore: SOURCE_STORE } as const;
