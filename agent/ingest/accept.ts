/**
 * The one doorway for every source: read the header, append, decide the acknowledgment.
 *
 * Nothing here knows where the message goes afterwards, or that there is a cloud. The reply that comes
 * back exists only after the commit was flushed (I-1).
 *
 * @module
 */
import { hash } from "node:crypto";
import { type AgentError, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { ChannelCounters } from "../health/counters.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { CONTROL_ID_KEPT_BYTES } from "../limits.ts";
import type { QuarantineReason } from "../outbox/append-batch.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { AppendOutcome } from "../outbox/ticket-queue.ts";
import { type AckCode, type AckPolicy, decideAck } from "./hl7/ack-policy.ts";
import { ACK_REASONS, buildAcknowledgment } from "./hl7/acknowledgment.ts";
import { type Msh, readMsh } from "./hl7/msh.ts";
import { controlKeyOf, countControlBytes, ReplyStamps } from "./identify.ts";
import { LargeBody } from "./large-body.ts";
import type { StoreGate } from "./store-gate.ts";

/** One configured channel, as far as taking messages is concerned. */
export interface AcceptingChannel {
  readonly name: string;
  /** Its row in the outbox. */
  readonly id: number;
  readonly counters: ChannelCounters;
  readonly ackPolicy: AckPolicy;
  /** 03 E2: a message without MSH-10 is refused unless this is set. */
  readonly allowEmptyControlId: boolean;
}

/** Something that came from a source: a whole block, or why it is none. */
export interface Arrival {
  readonly channel: AcceptingChannel;
  /** `address:port`, ASCII. */
  readonly peer: string;
  readonly kind: "block" | "malformed" | "abandoned" | "partial" | "tooLarge" | "junk";
  /** The content, or what is left of it after slices went into `large`. Copied before `accept` returns. */
  readonly bytes: Uint8Array;
  /** Length of the whole content. */
  readonly totalBytes: number;
  readonly large: LargeBody | undefined;
  /** False where no reply is possible any more: the end of the block was never seen (03 F10). */
  readonly answerable: boolean;
}

/** What the source does now. */
export type Verdict =
  /** Write `reply`, or nothing where none is owed; then say with `replied` how that went. */
  | { readonly kind: "answer"; readonly reply: Uint8Array | undefined; readonly id: number }
  /** Nothing is known to be stored: say nothing and hang up (03 E1). */
  | { readonly kind: "hangUp"; readonly error: AgentError };

export interface DoorwayOptions {
  readonly outbox: Outbox;
  readonly gate: StoreGate;
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly log: Log;
}

const NO_REPLY: Verdict = { kind: "answer", reply: undefined, id: 0 };
const EMPTY = new Uint8Array(0);
const CONTROL_ID_FIELD = 10;
const VT = 0x0b;
const FS = 0x1c;

/** A reason for setting a block aside, and whether its sender hears of it. */
interface Refusal {
  readonly reason: QuarantineReason;
  readonly msh: Msh | undefined;
}

export class Doorway {
  readonly #options: DoorwayOptions;
  readonly #stamps: ReplyStamps;

  constructor(options: DoorwayOptions) {
    this.#options = options;
    this.#stamps = new ReplyStamps(options.clock);
  }

  /** Whether sources should stop reading for now (05 S8). */
  get saturated(): boolean {
    return this.#options.outbox.saturated;
  }

  onRoom(listener: () => void): void {
    this.#options.outbox.onRoom(listener);
  }

  get isOpen(): boolean {
    return this.#options.gate.isOpen;
  }

  /** Calls `listener` when the store can no longer take messages, and when it can again. */
  onGate(listener: (open: boolean) => void): void {
    this.#options.gate.onChange(listener);
  }

  /** For a body above the spool threshold. */
  newLargeBody(): LargeBody {
    return new LargeBody(this.#options.outbox);
  }

  /** 03 E5: the reply that `accept` gave for row `id` reached the local TCP stack, or did not. */
  replied(id: number, delivered: boolean): void {
    if (id > 0) this.#options.outbox.replied(id, delivered);
  }

  /**
   * Takes one arrival.
   *
   * @param settle called once, after the message or its quarantine copy is durable
   */
  accept(arrival: Arrival, settle: (verdict: Verdict) => void): void {
    const { channel, bytes, totalBytes, large } = arrival;
    const refusal = this.#refusalOf(arrival);
    if (refusal === "empty") {
      channel.counters.add("emptyBlocks");
      settle(NO_REPLY);
      return;
    }
    if ("reason" in refusal) {
      this.#setAside(arrival, refusal, settle);
      return;
    }
    const { msh } = refusal;
    channel.counters.add("received");
    channel.counters.add("receivedBytes", totalBytes);
    const controlBytes = countControlBytes(large?.head ?? bytes);
    if (controlBytes > 0) channel.counters.add("controlBytes", controlBytes);
    const decision = decideAck(channel.ackPolicy, msh, "stored");
    if (decision.unknownCondition) channel.counters.add("unknownAckCondition");
    const reply = this.#reply(msh, decision.code, undefined);
    this.#append(arrival, msh, undefined, reply, settle);
  }

  /** Why this is no message, the header of one, or `empty` (03 E2, E3). */
  #refusalOf(arrival: Arrival): Refusal | { readonly msh: Msh } | "empty" {
    const reading = readMsh(arrival.large?.head ?? arrival.bytes);
    const msh = reading.kind === "batch" ? undefined : reading.msh;
    switch (arrival.kind) {
      case "malformed":
        return { reason: "embeddedFraming", msh };
      case "abandoned":
      case "partial":
      case "tooLarge":
      case "junk":
        return { reason: arrival.kind, msh };
      case "block":
        break;
    }
    if (reading.kind === "message") return { msh: reading.msh };
    if (reading.kind === "batch") return { reason: "batchUnsupported", msh: undefined };
    if (reading.reason === "empty") {
      // Of a large block only the beginning was looked at: not known to be blank as a whole.
      return arrival.large === undefined ? "empty" : { reason: "noHeader", msh };
    }
    const tolerated = reading.reason === "noControlId" && arrival.channel.allowEmptyControlId;
    if (tolerated && reading.msh !== undefined) return { msh: reading.msh };
    return { reason: reading.reason, msh: reading.msh };
  }

  #setAside(arrival: Arrival, { reason, msh }: Refusal, settle: (verdict: Verdict) => void): void {
    const { channel, totalBytes, peer, answerable } = arrival;
    const policy = decideAck(channel.ackPolicy, msh, "rejected");
    const reply = answerable ? this.#reply(msh, policy.code, reason) : undefined;
    const facts = {
      channel: identifierFrom(channel.name),
      reason: identifierFrom(reason),
      bytes: totalBytes,
      peer: identifierFrom(peer),
    };
    this.#options.log.write(answerable ? "blockQuarantined" : "blockFragment", facts);
    this.#append(arrival, msh, reason, reply, settle);
  }

  #append(
    arrival: Arrival,
    msh: Msh | undefined,
    quarantine: QuarantineReason | undefined,
    reply: Uint8Array | undefined,
    settle: (verdict: Verdict) => void,
  ): void {
    const { channel, large, bytes } = arrival;
    // A block over the limit is not kept whole: its beginning is, and its length (03 F7).
    const tooLarge = arrival.kind === "tooLarge";
    if (tooLarge) large?.discard();
    const inSlices = large !== undefined && !tooLarge;
    const body = tooLarge && large !== undefined ? large.head : bytes;
    const stored = this.#options.outbox.append({
      channel: channel.id,
      quarantine,
      ackOwed: quarantine === undefined && reply !== undefined,
      checkDuplicate: true,
      receivedAtMs: this.#options.clock.nowMs(),
      length: arrival.totalBytes,
      sha256: inSlices ? large.finish(bytes) : hash("sha256", body, "buffer"),
      controlKey: controlKeyOf(channel.name, msh, quarantine),
      controlId: msh?.field(CONTROL_ID_FIELD).subarray(0, CONTROL_ID_KEPT_BYTES) ?? EMPTY,
      source: arrival.peer,
      body: inSlices ? EMPTY : body,
      upload: inSlices ? large.upload : 0,
    });
    // Never rejects: a refusal is an outcome.
    void stored.then((outcome) => settle(this.#verdict(arrival, outcome, reply)));
  }

  #verdict(
    { channel, answerable }: Arrival,
    outcome: AppendOutcome,
    reply: Uint8Array | undefined,
  ): Verdict {
    const { counters } = channel;
    switch (outcome.kind) {
      case "stored":
        counters.add("stored");
        if (outcome.controlIdReused) counters.add("controlIdReused");
        break;
      case "repeat":
        counters.add("duplicates");
        break;
      case "quarantined":
        counters.add(outcome.repeated ? "quarantinedRepeats" : "quarantined");
        if (reply !== undefined) counters.add("repliesNegative");
        return { kind: "answer", reply, id: 0 };
      case "refused":
        counters.add("cannotStore");
        if (outcome.error.code === "QUARANTINE_FULL") {
          // 03 E7: a peer that sends rubbish must not stop the healthy channels, and what nobody waits
          // for an answer to is let go rather than its connection.
          const { conditions, clock } = this.#options;
          conditions.open("quarantineFull", channel.name, {}, clock.nowMs());
          return answerable ? { kind: "hangUp", error: outcome.error } : NO_REPLY;
        }
        this.#options.gate.close(outcome.error);
        return { kind: "hangUp", error: outcome.error };
    }
    if (reply !== undefined) counters.add("repliesPositive");
    return { kind: "answer", reply, id: outcome.id };
  }

  /** Built before the commit, while the header is at hand; it leaves only with the verdict. */
  #reply(
    msh: Msh | undefined,
    code: AckCode | undefined,
    reason: QuarantineReason | undefined,
  ): Uint8Array | undefined {
    if (code === undefined) return undefined;
    const request = {
      code,
      reason: reason === undefined ? undefined : ACK_REASONS[reasonForSender(reason)],
      timestamp: this.#stamps.timestamp(),
      controlId: this.#stamps.controlId(),
    };
    const reply = buildAcknowledgment({ ...request, msh });
    // A header with framing bytes in it cannot be echoed: the reply would not be one block (A2).
    return reply.includes(VT) || reply.includes(FS)
      ? buildAcknowledgment({ ...request, msh: undefined })
      : reply;
  }
}

/** The reasons that a sender is told; the others never have a reply. */
function reasonForSender(reason: QuarantineReason): keyof typeof ACK_REASONS {
  return reason in ACK_REASONS ? (reason as keyof typeof ACK_REASONS) : "embeddedFraming";
}
