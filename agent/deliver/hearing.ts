/** What something that came from a hospital system is about: the message in hand, an earlier one, or none (03 O3). @module */
import { controlIdFact, identifierFrom } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { namesMessage, readAcknowledgment } from "./acknowledgment-fields.ts";
import type { ApplicationAcks } from "./application-acks.ts";
import type { DeliveryRecord } from "./delivery-record.ts";
import { meaningOf } from "./expectation.ts";
import type { InHand } from "./in-hand.ts";
import type { Outcomes } from "./outcomes.ts";
import type { ReplyEvent } from "./reply-reader.ts";
import type { SenderSettings } from "./sender-settings.ts";
import type { SenderEvent } from "./sender-state.ts";

export interface HearingParts {
  readonly settings: Pick<SenderSettings, "matchControlId" | "expectReply">;
  readonly acks: ApplicationAcks;
  readonly record: DeliveryRecord;
  readonly outcomes: Outcomes;
  readonly clock: Clock;
  readonly log: Log;
}

export class Hearing {
  readonly #parts: HearingParts;

  constructor(parts: HearingParts) {
    this.#parts = parts;
  }

  /**
   * @param hand what a reply may be about: the message that is being sent or has been
   * @returns what it means for the sender; `stray` with nothing in flight: hang up; `undefined`: nothing
   */
  hear(event: ReplyEvent, hand: InHand | undefined): SenderEvent | "stray" | undefined {
    switch (event.kind) {
      case "empty":
        this.#parts.record.add("emptyBlocks");
        return undefined;
      case "junk":
        this.#parts.record.add("junkBytes", event.count);
        return undefined;
      case "lenientEnd":
        this.#parts.record.add("lenientEnd");
        return undefined;
      case "unusable":
        return this.#unusable(event.why, hand);
      case "reply":
        return this.#read(event.bytes, event.cut, hand);
    }
  }

  #read(
    bytes: Uint8Array,
    cut: boolean,
    hand: InHand | undefined,
  ): SenderEvent | "stray" | undefined {
    const { settings, acks, record, clock } = this.#parts;
    const fields = readAcknowledgment(bytes);
    if (fields === undefined) return this.#unusable("noAcknowledgment", hand);
    const { code, text, controlId: msa2 } = fields;
    const reply = { code, text, bytes };
    const named = hand?.body?.controlId ?? new Uint8Array(0);
    // An earlier message's application acknowledgment, unless it names the one in hand exactly.
    const exact = hand !== undefined && namesMessage(msa2, named, "exact");
    if (!exact && acks.hear(msa2, reply, cut)) return undefined;
    const matched = namesMessage(msa2, named, settings.matchControlId);
    if (hand === undefined || !matched || this.#expectsNone(hand)) {
      return this.#unusable("otherControlId", hand);
    }
    hand.reply = reply;
    if (cut) hand.flags.add("replyCut");
    record.replied(code, clock.nowMs());
    const meaning = meaningOf(code, hand.expectation);
    if (meaning === "error" || meaning === "rejected") {
      record.add("negativeReplies");
      const facts = { code: identifierFrom(code), ...controlIdFact(named) };
      this.#parts.log.write("deliveryRefused", this.#parts.outcomes.facts(facts));
    }
    return { on: "replied", meaning };
  }

  /** Dropped, and the connection with it: it may be an answer to what went before. */
  #unusable(why: string, hand: InHand | undefined): SenderEvent | "stray" | undefined {
    const { record, log, outcomes } = this.#parts;
    if (this.#expectsNone(hand)) {
      record.add("strayReplies");
      return undefined;
    }
    record.add(hand === undefined ? "strayReplies" : "unusableReplies");
    log.write("replyUnusable", outcomes.facts({ reason: identifierFrom(why) }));
    return hand === undefined ? "stray" : { on: "misreplied" };
  }

  /** Many systems reply although nobody waits for it: no message is sent again for that (03 O7). */
  #expectsNone(hand: InHand | undefined): boolean {
    return this.#parts.settings.expectReply === "none" || hand?.expectation.reply === "none";
  }
}
