/**
 * What the receiver and the senders have confirmed, on its way to the store: written a little later and
 * together, for repeating it is harmless.
 *
 * @module
 */
import type { Clock } from "../host/clock.ts";
import { LAZY_WRITE_MS } from "../limits.ts";
import { AckLedger } from "./ack-ledger.ts";
import type { SettledListener } from "./outbox-options.ts";
import type { LazyOrder } from "./writing/writer-messages.ts";

export interface ProgressOptions {
  readonly clock: Clock;
  /** The newest row when the store was opened. */
  readonly lastMessageId: number;
  readonly post: (order: LazyOrder) => void;
  /** Whether a channel's messages are numbered in this epoch now. */
  readonly isCurrent: (channel: number, epoch: bigint) => boolean;
}

export class Progress {
  /** 03 E5. */
  readonly acks: AckLedger;
  readonly #options: ProgressOptions;
  readonly #listeners: SettledListener[] = [];
  /** By channel and epoch: what the receiver has and the writer was not told yet. */
  readonly #settles = new Map<string, Extract<LazyOrder, { order: "settle" }>>();
  #isScheduled = false;
  #isClosing = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.acks = new AckLedger(options.lastMessageId);
  }

  /** Calls `listener` on the receiver's word, before that is written down here. */
  onSettled(listener: SettledListener): void {
    this.#listeners.push(listener);
  }

  settle(channel: number, epoch: bigint, seq: bigint): void {
    const key = `${channel}/${epoch}`;
    const known = this.#settles.get(key)?.seq ?? 0n;
    if (seq > known) this.#settles.set(key, { order: "settle", channel, epoch, seq });
    // Of an epoch that has ended nobody waits for a number.
    if (this.#options.isCurrent(channel, epoch)) this.#tell(channel, seq, "settled");
    this.schedule();
  }

  refused(channel: number, epoch: bigint, seq: bigint): void {
    if (this.#options.isCurrent(channel, epoch)) this.#tell(channel, seq, "refused");
  }

  /** Something was confirmed. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.clock.after(LAZY_WRITE_MS, () => {
      this.#isScheduled = false;
      if (!this.#isClosing) this.post();
    });
  }

  /** Hands over what there is. */
  post(): void {
    const outcomes = this.acks.take();
    if (outcomes !== undefined) this.#options.post({ order: "outcomes", outcomes });
    for (const settle of this.#settles.values()) this.#options.post(settle);
    this.#settles.clear();
  }

  /** The last time. */
  close(): void {
    this.#isClosing = true;
    this.post();
  }

  #tell(channel: number, seq: bigint, verdict: "settled" | "refused"): void {
    for (const listener of this.#listeners) listener(channel, seq, verdict);
  }
}
