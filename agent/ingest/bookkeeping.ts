/**
 * What is noted of every block: counters, protocol warnings, log lines, alarms. Nothing depends on it.
 *
 * @module
 */
import { controlIdFact, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { AppendOutcome } from "../outbox/writing/ticket-queue.ts";
import type { Answer } from "./answer.ts";
import type { AcceptingChannel, Arrival } from "./channel.ts";
import type { Batch, Item } from "./examine.ts";
import type { AckDecision } from "./hl7/ack-policy.ts";
import { type Numbered, SenderHabits } from "./sender-habits.ts";

export interface BookkeepingParts {
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly log: Log;
}

/** 03 F7, E7: how long such an alarm stays in sight after the last case. */
const ALARM_MS = 3_600_000;
const EMPTY = new Uint8Array(0);
const CONTROL_ID_FIELD = 10;
const ACCEPT_CONDITION_FIELD = 15;
const APPLICATION_CONDITION_FIELD = 16;

export class Bookkeeping {
  readonly #parts: BookkeepingParts;
  readonly #habits = new Map<AcceptingChannel, SenderHabits>();

  constructor(parts: BookkeepingParts) {
    this.#parts = parts;
  }

  /** A block came, and is about to be appended. */
  arrived(
    arrival: Arrival,
    items: readonly Item[],
    batch: Batch | undefined,
    answer: Answer,
  ): void {
    const { channel, peer, totalBytes, kind } = arrival;
    const { record } = channel;
    const first = items[0]?.msh?.field(CONTROL_ID_FIELD);
    let index = 0;
    for (const item of items) this.#item(arrival, item, answer.decisions[index++]);
    if (kind === "block") record.counters.add("receivedBytes", totalBytes);
    if (kind === "tooLarge") this.#tooLarge(arrival, first);
    if (batch === undefined) return;
    record.counters.add("batches");
    record.counters.add("batchMessages", batch.count);
    if (batch.header === undefined) record.warn("multipleMessages", peer, first);
    if (batch.countMismatch) record.warn("batchCountMismatch", peer, first);
  }

  /**
   * @param controlId MSH-10
   * @param number MSH-13, where the message has one
   * @param refusal why it was set aside, and the length of what was
   */
  settled(
    arrival: Pick<Arrival, "channel" | "peer" | "answerable">,
    decision: AckDecision | undefined,
    outcome: AppendOutcome,
    controlId: Uint8Array | undefined,
    number: Numbered | undefined,
    refusal: { readonly reason: string; readonly length: number } | undefined,
  ): void {
    const { channel, peer } = arrival;
    const { record } = channel;
    switch (outcome.kind) {
      case "stored": {
        record.counters.add("stored");
        if (outcome.duplicate) record.counters.add("duplicates");
        if (outcome.controlIdReused) record.warn("controlIdReused", peer, controlId);
        const habits = this.#habitsOf(channel);
        if (decision?.silentByRequest === true) habits.storedInSilence(outcome.id, peer);
        const counts = number !== undefined && !outcome.duplicate;
        const warning = counts ? habits.sequence(number) : undefined;
        if (warning !== undefined) record.warn(warning, peer, controlId);
        return;
      }
      case "repeat":
        record.counters.add("duplicates");
        this.#resent(arrival, decision, outcome.id, controlId);
        return;
      case "quarantined":
        record.counters.add(outcome.repeated ? "quarantinedRepeats" : "quarantined");
        if (refusal !== undefined) this.#setAside(arrival, refusal, controlId);
        // Rows of quarantine have numbers of their own.
        if (outcome.repeated) this.#resent(arrival, decision, -outcome.id, controlId);
        else if (decision?.silentByRequest === true) {
          this.#habitsOf(channel).storedInSilence(-outcome.id, peer);
        }
        return;
      case "refused":
        return;
    }
  }

  /** @param code MSA-1 of the reply; `undefined` where nothing is sent */
  replied({ channel, address }: Arrival, code: string | undefined): void {
    const { record } = channel;
    record.replied(address, code ?? "none");
    if (code === undefined) return;
    record.counters.add(/^[AC][ER]$/.test(code) ? "repliesNegative" : "repliesPositive");
  }

  /** 03 E7: no room to set a block aside. */
  quarantineFull({
    channel,
    peer,
    totalBytes,
  }: Pick<Arrival, "channel" | "peer" | "totalBytes">): void {
    const { conditions, clock, log } = this.#parts;
    const who = { channel: identifierFrom(channel.name), peer: identifierFrom(peer) };
    const facts = { ...who, bytes: totalBytes };
    channel.record.counters.add("quarantineFull");
    conditions.openFor("quarantineFull", channel.name, facts, clock, ALARM_MS);
    log.write("quarantineFull", facts);
  }

  /** 03 A3: the receiver did not answer in time. */
  unanswered({ channel, peer }: Arrival, seq: bigint): void {
    const where = { channel: identifierFrom(channel.name), peer: identifierFrom(peer) };
    this.#parts.log.write("deferredUnanswered", { ...where, seq });
  }

  #item(arrival: Arrival, item: Item, decision: AckDecision | undefined): void {
    const { msh, refusal, scan } = item;
    const { record } = arrival.channel;
    const controlId = msh?.field(CONTROL_ID_FIELD);
    if (decision?.unknownCondition === true) {
      record.warn("unknownAckCondition", arrival.peer, controlId);
    }
    if (decision?.applicationAckDue === true) {
      record.warn("applicationAckUnserved", arrival.peer, controlId);
    }
    const controlBytes = scan?.controlBytes ?? 0;
    if (controlBytes > 0) record.counters.add("controlBytes", controlBytes);
    if (refusal !== undefined) return;
    record.counters.add("received");
    const accept = msh?.field(ACCEPT_CONDITION_FIELD) ?? EMPTY;
    const application = msh?.field(APPLICATION_CONDITION_FIELD) ?? EMPTY;
    record.message(arrival.address, accept, application);
  }

  /** 03 A14: a sender that had asked for silence, and comes back all the same. */
  #resent(
    { channel, peer }: Pick<Arrival, "channel" | "peer">,
    decision: AckDecision | undefined,
    id: number,
    controlId: Uint8Array | undefined,
  ): void {
    if (decision?.silentByRequest !== true) return;
    const warning = this.#habitsOf(channel).repeatedInSilence(id, peer);
    if (warning !== undefined) channel.record.warn(warning, peer, controlId);
  }

  #setAside(
    { channel, peer, answerable }: Pick<Arrival, "channel" | "peer" | "answerable">,
    { reason, length }: { readonly reason: string; readonly length: number },
    controlId: Uint8Array | undefined,
  ): void {
    this.#parts.log.write(answerable ? "blockQuarantined" : "blockFragment", {
      channel: identifierFrom(channel.name),
      reason: identifierFrom(reason),
      bytes: length,
      peer: identifierFrom(peer),
      ...controlIdFact(controlId),
    });
  }

  /** 03 F7: some senders retry such a message for ever and block their own queue. */
  #tooLarge({ channel, peer, totalBytes }: Arrival, controlId: Uint8Array | undefined): void {
    const { conditions, clock, log } = this.#parts;
    const who = { channel: identifierFrom(channel.name), peer: identifierFrom(peer) };
    const facts = { ...who, bytes: totalBytes, ...controlIdFact(controlId) };
    conditions.openFor("messageTooLarge", channel.name, facts, clock, ALARM_MS);
    log.write("blockTooLarge", facts);
  }

  #habitsOf(channel: AcceptingChannel): SenderHabits {
    const known = this.#habits.get(channel);
    if (known !== undefined) return known;
    const habits = new SenderHabits();
    this.#habits.set(channel, habits);
    return habits;
  }
}
