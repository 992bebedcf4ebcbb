/** What delivery asks of the store, answered by the inbox for one channel (03 O1, O10). @module */
import type {
  Awaiting,
  Delivery,
  DeliveryHead,
  DeliveryQueue,
  Hold,
  Outcome,
  Reply,
  Tries,
} from "../../deliver/queue.ts";
import type { InboxWriter, InboxWrites } from "./inbox-messages.ts";

export interface ChannelQueueParts {
  readonly channel: string;
  readonly writer: InboxWriter;
  readonly inbox: InboxWrites;
  readonly nowMs: () => number;
  readonly onArrival: (listener: () => void) => Disposable;
}

export class ChannelQueue implements DeliveryQueue {
  readonly #parts: ChannelQueueParts;

  constructor(parts: ChannelQueueParts) {
    this.#parts = parts;
  }

  next(): Promise<Delivery | undefined> {
    return this.#parts.writer.ask("inboxNext", this.#parts.channel);
  }

  head(id: number): Promise<DeliveryHead | undefined> {
    return this.#parts.writer.ask("inboxHead", id);
  }

  body(id: number, from: number, maxBytes: number): Promise<Uint8Array> {
    return this.#parts.writer.ask("inboxBody", { id, from, maxBytes });
  }

  claim(id: number): Promise<void> {
    return this.#parts.inbox.write({ call: "claim", id });
  }

  noteTries(id: number, tries: Tries): Promise<void> {
    return this.#parts.inbox.write({ call: "noteTries", id, tries });
  }

  awaitAcknowledgment(awaiting: Awaiting, reply: Reply): Promise<void> {
    return this.#parts.inbox.write({ call: "awaitAcknowledgment", awaiting, reply });
  }

  awaiting(): Promise<readonly Awaiting[]> {
    return this.#parts.writer.ask("inboxAwaiting", this.#parts.channel);
  }

  settle(id: number, outcome: Outcome): Promise<void> {
    const atMs = this.#parts.nowMs();
    return this.#parts.inbox.write({ call: "settle", id, outcome, atMs });
  }

  hold(hold: Hold, reply: Reply | undefined): Promise<void> {
    return this.#parts.inbox.write({ call: "hold", hold, reply });
  }

  held(): Promise<Hold | undefined> {
    return this.#parts.writer.ask("inboxHeld", this.#parts.channel);
  }

  release(id: number): Promise<void> {
    return this.#parts.inbox.write({ call: "release", id });
  }

  onArrival(listener: () => void): Disposable {
    return this.#parts.onArrival(listener);
  }
}
