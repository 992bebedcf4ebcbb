/** Builds the reply to a block, as its sender's mode wants it (03 A2, A3, F12). @module */
import type { QuarantineReason } from "../outbox/writing/append-batch.ts";
import type { AckCode, AckMode } from "./hl7/ack-policy.ts";
import { ACK_REASONS, type AckReason, buildAcknowledgment } from "./hl7/acknowledgment.ts";
import { buildBatchAcknowledgment } from "./hl7/batch-acknowledgment.ts";
import type { Msh } from "./hl7/msh.ts";
import type { ReplyStamps } from "./identify.ts";

const VT = 0x0b;
const FS = 0x1c;
/** MLLP Release 2, section 3: the commit acknowledgment block holds one byte. */
const RELEASE_2_ACK = Uint8Array.of(0x06);
const RELEASE_2_NAK = Uint8Array.of(0x15);

/** Why a negative code is given: what is wrong with the block, or with us. */
export type ReplyReason = QuarantineReason | "cannotStore" | "receiverRefused" | "receiverSilent";

export class ReplyBuilder {
  readonly #stamps: ReplyStamps;

  constructor(stamps: ReplyStamps) {
    this.#stamps = stamps;
  }

  /** @returns the reply without framing; `undefined` where no code is given */
  reply(
    mode: AckMode,
    msh: Msh | undefined,
    code: AckCode | undefined,
    reason: ReplyReason | undefined,
  ): Uint8Array | undefined {
    if (code === undefined) return undefined;
    const positive = code.endsWith("A");
    if (mode === "r2") return positive ? RELEASE_2_ACK : RELEASE_2_NAK;
    const request = {
      msh,
      code,
      // `malformedReply: accept` gives a positive code although there is a reason.
      reason: reason === undefined || positive ? undefined : reasonForSender(reason),
      timestamp: this.#stamps.timestamp(),
      controlId: this.#stamps.controlId(),
    };
    const reply = buildAcknowledgment(request);
    // A header with framing bytes in it cannot be echoed: the reply would not be one block (A2).
    return reply.includes(VT) || reply.includes(FS)
      ? buildAcknowledgment({ ...request, msh: undefined })
      : reply;
  }

  /** @param header the sender's BHS or FHS @param acknowledgments of its messages that are owed one */
  batch(header: Uint8Array, acknowledgments: readonly Uint8Array[]): Uint8Array {
    return buildBatchAcknowledgment({
      fhsOrBhs: header,
      acknowledgments,
      timestamp: this.#stamps.timestamp(),
      controlId: this.#stamps.controlId(),
    });
  }
}

/** The reasons that a sender is told; the others never have a reply. */
function reasonForSender(reason: ReplyReason): AckReason {
  return reason in ACK_REASONS
    ? ACK_REASONS[reason as keyof typeof ACK_REASONS]
    : ACK_REASONS.embeddedFraming;
}
