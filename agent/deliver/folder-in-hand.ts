/** The message that a folder channel has in hand: taken from the queue, and what is known of its file. @module */
import type { Clock } from "../host/clock.ts";
import type { FolderEvent } from "./folder-sender-state.ts";
import type { FolderSettings } from "./folder-settings.ts";
import type { Outcomes, Subject } from "./outcomes.ts";
import type { Delivery, DeliveryHead, DeliveryQueue } from "./queue.ts";

export interface FileInHand {
  readonly delivery: Delivery;
  /** `undefined`: nobody can read it any more (05 S16). */
  readonly head: DeliveryHead | undefined;
  /** A reader may have seen it, and taken it: by this process or an earlier one. */
  mayHaveLeft: boolean;
}

export interface FileTakingParts {
  readonly queue: DeliveryQueue;
  readonly settings: Pick<FolderSettings, "expireAfterMs">;
  readonly clock: Clock;
  readonly outcomes: Outcomes;
}

export interface TakenFile {
  readonly event: FolderEvent;
  readonly hand: FileInHand | undefined;
}

/**
 * Takes the next message, if there is one, and finds whether it may be sent (03 O11).
 *
 * @param before what was in hand until now
 */
export async function takeNextFile(
  { queue, settings, clock, outcomes }: FileTakingParts,
  before: FileInHand | undefined,
): Promise<TakenFile> {
  const delivery = await outcomes.durably(() => queue.next());
  if (delivery === undefined) return { event: { on: "none" }, hand: undefined };
  const known = before?.delivery.id === delivery.id ? before : undefined;
  const head = known?.head ?? (await outcomes.durably(() => queue.head(delivery.id)));
  // What was claimed by this process is known better than by the claim.
  const hand = { delivery, head, mayHaveLeft: known?.mayHaveLeft ?? delivery.claimed };
  const ageMs = clock.nowMs() - delivery.receivedAtMs;
  if (settings.expireAfterMs > 0 && ageMs > settings.expireAfterMs) {
    return { event: { on: "unfit", reason: "expired" }, hand };
  }
  return { event: { on: head === undefined ? "damaged" : "taken" }, hand };
}

/** What an outcome is about. */
export function subjectOfFile({ delivery, mayHaveLeft }: FileInHand): Subject {
  return {
    id: delivery.id,
    controlId: undefined,
    flags: mayHaveLeft ? ["possibleRepeat"] : [],
  };
}
