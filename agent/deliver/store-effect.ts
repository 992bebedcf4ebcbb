/** What must be durable before anything else happens to the message in hand (03 O1, O10). @module */
import type { ApplicationAcks } from "./application-acks.ts";
import { type InHand, subjectOf } from "./in-hand.ts";
import type { Outcomes } from "./outcomes.ts";
import type { DeliveryQueue } from "./queue.ts";
import type { SenderEffect } from "./sender-state.ts";

export type StoredEffect = Extract<
  SenderEffect,
  { readonly act: "note" | "accept" | "awaitApplication" | "quarantine" | "hold" }
>;

export interface StoringParts {
  readonly queue: DeliveryQueue;
  readonly outcomes: Outcomes;
  readonly acks: ApplicationAcks;
}

/** Resolves once it is durable, with its alarms opened or closed. */
export async function storeEffect(
  effect: StoredEffect,
  hand: InHand,
  { queue, outcomes, acks }: StoringParts,
): Promise<void> {
  const subject = subjectOf(hand);
  switch (effect.act) {
    case "note":
      await outcomes.durably(() => queue.noteTries(subject.id, effect.tries));
      break;
    case "accept":
      await outcomes.accepted(subject, hand.reply);
      outcomes.calm();
      break;
    case "awaitApplication":
      if (hand.reply === undefined) throw new TypeError("Cannot wait after no acknowledgment");
      await acks.expect(subject, hand.reply);
      outcomes.calm();
      break;
    case "quarantine":
      await outcomes.quarantined(subject, effect.reason, hand.reply);
      break;
    case "hold":
      await outcomes.held(subject, effect.why, hand.reply);
      break;
  }
}
