/** The message that a sender has in hand: taken from the queue, and looked at before it may leave. @module */
import { AgentError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { type Expectation, expectationOf } from "./expectation.ts";
import type { Outcomes, Subject } from "./outcomes.ts";
import { inspect, type OutgoingBody } from "./outgoing-body.ts";
import type { Delivery, DeliveryQueue, OutcomeFlag, Reply } from "./queue.ts";
import type { SenderSettings } from "./sender-settings.ts";
import type { SenderEvent } from "./sender-state.ts";

export interface InHand {
  readonly delivery: Delivery;
  /** `undefined` until it has been looked at, or where it cannot be sent. */
  readonly body: OutgoingBody | undefined;
  readonly expectation: Expectation;
  readonly flags: Set<OutcomeFlag>;
  /** What was heard last. */
  reply: Reply | undefined;
}

export interface TakingParts {
  readonly queue: DeliveryQueue;
  readonly settings: SenderSettings;
  readonly clock: Clock;
  readonly outcomes: Outcomes;
}

export interface Taken {
  readonly event: SenderEvent;
  readonly hand: InHand | undefined;
}

/**
 * Takes the next message, if there is one, and finds whether it may be sent (03 O9, O11).
 *
 * @param before what was in hand until now: the same message is not read again
 */
export async function takeNext(parts: TakingParts, before: InHand | undefined): Promise<Taken> {
  const { queue, settings, clock, outcomes } = parts;
  const delivery = await outcomes.durably(() => queue.next());
  if (delivery === undefined) return { event: { on: "none" }, hand: undefined };
  const known = before?.delivery.id === delivery.id ? before : undefined;
  const hand: InHand = {
    ...{ delivery, body: known?.body, reply: known?.reply },
    expectation: expectationOf(settings.expectReply, known?.body?.msh),
    flags: new Set(delivery.claimed ? ["possibleRepeat"] : []),
  };
  const ageMs = clock.nowMs() - delivery.receivedAtMs;
  if (settings.expireAfterMs > 0 && ageMs > settings.expireAfterMs) {
    return { event: { on: "unfit", reason: "expired" }, hand };
  }
  if (hand.body !== undefined) return { event: { on: "taken", tries: delivery }, hand };
  return await look(parts, hand);
}

/** What an outcome is about. */
export function subjectOf({ delivery, body, flags }: InHand): Subject {
  return { id: delivery.id, controlId: body?.controlId, flags: [...flags] };
}

/** @returns `undefined` if the bytes are not those that were stored (05 S16) */
export async function unlessDamaged<T>(act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof AgentError && error.code === "STORE_BODY_DAMAGED") return undefined;
    throw error;
  }
}

async function look({ queue, settings, outcomes }: TakingParts, hand: InHand): Promise<Taken> {
  const { delivery } = hand;
  const needsControlId = settings.matchControlId !== "off" && settings.expectReply !== "none";
  const found = await unlessDamaged(() =>
    outcomes.durably(() => inspect(queue, delivery, needsControlId)),
  );
  if (found === undefined) return { event: { on: "damaged" }, hand };
  if (found.kind === "unfit") return { event: { on: "unfit", reason: found.reason }, hand };
  const { body } = found;
  const expectation = expectationOf(settings.expectReply, body.msh);
  return { event: { on: "taken", tries: delivery }, hand: { ...hand, body, expectation } };
}
