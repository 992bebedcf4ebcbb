/** What one sender has done since the process started, in numbers, codes and times. @module */
import type { ReplyCode } from "./queue.ts";

/** Names are public: they are shown by `status`. */
export const DELIVERY_COUNTERS = [
  "connections",
  "connectFailures",
  "sent",
  "sentBytes",
  "accepted",
  "unconfirmed",
  "negativeReplies",
  "repliesMissing",
  "unusableReplies",
  "strayReplies",
  "applicationAckMissing",
  "quarantined",
  "held",
  "emptyBlocks",
  "lenientEnd",
  "junkBytes",
  "targetFailures",
  "alreadyThere",
  "nameCollisions",
  "sentPruned",
] as const;
export type DeliveryCounter = (typeof DELIVERY_COUNTERS)[number];

/** Times are RFC 3339. */
export interface ObservedDelivery {
  readonly counters: Partial<Record<DeliveryCounter, number>>;
  readonly lastReply: { readonly code: ReplyCode; readonly at: string } | undefined;
  readonly lastAcceptedAt: string | undefined;
}

export class DeliveryRecord {
  readonly #values = new Map<DeliveryCounter, number>();
  #lastReply: ObservedDelivery["lastReply"];
  #lastAcceptedAt: string | undefined;

  add(name: DeliveryCounter, count = 1): void {
    this.#values.set(name, this.value(name) + count);
  }

  value(name: DeliveryCounter): number {
    return this.#values.get(name) ?? 0;
  }

  /** @param nowMs wall time */
  replied(code: ReplyCode, nowMs: number): void {
    this.#lastReply = { code, at: new Date(nowMs).toISOString() };
  }

  accepted(nowMs: number): void {
    this.add("accepted");
    this.#lastAcceptedAt = new Date(nowMs).toISOString();
  }

  snapshot(): ObservedDelivery {
    const nonZero = DELIVERY_COUNTERS.filter((name) => this.value(name) > 0);
    const counters = Object.fromEntries(nonZero.map((name) => [name, this.value(name)]));
    return { counters, lastReply: this.#lastReply, lastAcceptedAt: this.#lastAcceptedAt };
  }
}
