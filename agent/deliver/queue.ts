/**
 * What delivery asks of the store: the messages of one downstream channel, in order, and a place for
 * everything that must outlive a crash (03 O1, O10).
 *
 * The store keeps and counts nothing by itself: which reply counts how is decided in `sender-state`. A
 * promise resolves once its change is durable. One delivery works on a queue; its calls come one after the
 * other, except those about messages that wait for an application acknowledgment.
 *
 * Of a message: stored → claimed → (awaiting) → settled; held and released any number of times before it is
 * settled.
 *
 * Imports nothing: it is the one file of this part that the outbox, which answers it, may know.
 *
 * @module
 */

/** Failed tries of one message in a row, by kind; zero for a new one (03 O3, O4, O5). */
export interface Tries {
  /** AE and CE. */
  readonly negativeCount: number;
  /** Replies that were unreadable, or answered something else. */
  readonly replyErrorCount: number;
  /** No reply in time, or the connection lost while one was awaited. */
  readonly timeoutCount: number;
}

/** One message that is to be delivered. */
export interface Delivery extends Tries {
  /** The store's own name for it, in this channel; grows in outbox order. */
  readonly id: number;
  readonly epoch: bigint;
  readonly seq: bigint;
  /** Wall time of the commit that made it durable here, in ms since 1970: expiry counts from it (03 O11). */
  readonly receivedAtMs: number;
  /** Length of the body. */
  readonly bytes: number;
  /** It may have been sent before, by this process or an earlier one (03 O1). */
  readonly claimed: boolean;
}

/** What came with a message beside its bytes. */
export interface DeliveryHead {
  /** Of the body. */
  readonly sha256: Uint8Array;
  /** What the receiver says of it: an object as JSON, with `mediaType` and `attributes` where it gave them. */
  readonly meta: string;
}

/** What the hospital system said (03 O10). Bytes as they came; none of them may reach a log. */
export interface Reply {
  /** MSA-1, HL7 table 0008. */
  readonly code: ReplyCode;
  /** MSA-3; at most `REPLY_TEXT_KEPT_BYTES`. Empty where there is none. */
  readonly text: Uint8Array;
  /** The content of the block; at most `REPLY_KEPT_BYTES`, and then the outcome has the flag `replyCut`. */
  readonly bytes: Uint8Array;
}

export const REPLY_CODES = ["AA", "AE", "AR", "CA", "CE", "CR"] as const;
export type ReplyCode = (typeof REPLY_CODES)[number];

/** What a person should know about an outcome. Public names: they travel in the report (03 O10). */
export const OUTCOME_FLAGS = [
  /** `expectReply: none`: TCP took the bytes, nobody said that they were understood (O7). */
  "unconfirmed",
  /** Accepted, and the application acknowledgment did not come in time (O6). */
  "applicationAckMissing",
  /** Bytes of it were written more than once: the hospital system may have it twice, or have taken it (O1). */
  "possibleRepeat",
  /** Only the beginning of the reply was kept. */
  "replyCut",
  /** A person decided, after a hold (O5). */
  "byOperator",
] as const;
export type OutcomeFlag = (typeof OUTCOME_FLAGS)[number];

/** Why a message was set aside instead of being delivered. Public names. */
export const QUARANTINE_REASONS = [
  /** AR or CR (O5). */
  "rejected",
  /** AE or CE, also after the last retry (O5). */
  "error",
  /** Too many replies that were unreadable or answered something else (O3). */
  "replyErrors",
  /** It contains VT or FS: MLLP cannot carry it (O9). */
  "framingBytes",
  /** UTF-16 or UTF-32: MLLP cannot carry it (O9). */
  "wideCharacters",
  /** It has no readable header, and its reply must be matched to one (O3). */
  "unreadableHeader",
  /** Older than `expireAfterSeconds` (O11). */
  "expired",
  /** Its bytes in the store are not those that were received (05 S16), and a person gave it up. */
  "damaged",
  /** A file of its name lies in the target folder (04 P56), and a person gave it up. */
  "nameTaken",
] as const;
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number];

/** Why a channel waits for a person (03 O5, 05 S16, 04 P56). */
export type HoldReason = Extract<
  QuarantineReason,
  "rejected" | "error" | "replyErrors" | "damaged" | "nameTaken"
>;

/** How the delivery of a message ended; stored with its row and reported to the receiver (03 O10). */
export type Outcome =
  | {
      /** 03 E5. */
      readonly kind: "accepted";
      readonly flags: readonly OutcomeFlag[];
      /** `undefined`: the reply that was stored before, with `awaitAcknowledgment` or `hold`, if any. */
      readonly reply: Reply | undefined;
    }
  | {
      readonly kind: "quarantined";
      readonly reason: QuarantineReason;
      readonly flags: readonly OutcomeFlag[];
      /** As above. */
      readonly reply: Reply | undefined;
    };

/** A message that was accepted and whose application acknowledgment is due (03 O6). */
export interface Awaiting {
  readonly id: number;
  /** MSH-10, as sent: what the acknowledgment will name. At most `SENT_CONTROL_ID_MAX_BYTES`. */
  readonly controlId: Uint8Array;
  /** Wall time, in ms since 1970. */
  readonly untilMs: number;
  /** Those known so far; given back with the outcome. */
  readonly flags: readonly OutcomeFlag[];
}

export interface Hold {
  readonly id: number;
  readonly why: HoldReason;
  /** As above. */
  readonly flags: readonly OutcomeFlag[];
}

/** The downstream messages of one channel. */
export interface DeliveryQueue {
  /**
   * The oldest message that is neither settled nor awaiting; the same one again until it is either.
   *
   * @returns `undefined` if there is none. A held one is given, too: whoever asks looks at `held` first
   */
  next(): Promise<Delivery | undefined>;
  /** @returns `undefined` if it cannot be read any more (05 S16) */
  head(id: number): Promise<DeliveryHead | undefined>;
  /**
   * A part of a body, in order or from the start again.
   *
   * The last byte is given out only once the whole is known to be what was received: whoever has it may
   * let the receiving side believe that the message is complete.
   *
   * @param maxBytes at least 1; fewer bytes may come, at least one
   * @throws {AgentError} `STORE_BODY_DAMAGED` if the bytes are not those that were received
   */
  body(id: number, from: number, maxBytes: number): Promise<Uint8Array>;
  /** Durable before the first byte is written (03 O1). Claiming again changes nothing. */
  claim(id: number): Promise<void>;
  /** Replaces the counts. */
  noteTries(id: number, tries: Tries): Promise<void>;
  /**
   * From now on `next` gives the message behind it; it stays open, across restarts, until settled (03 O6).
   *
   * @param reply the accept acknowledgment, kept with the row
   */
  awaitAcknowledgment(awaiting: Awaiting, reply: Reply): Promise<void>;
  /** Oldest first; delivery lets no more than `AWAITING_MAX_COUNT` come together. */
  awaiting(): Promise<readonly Awaiting[]>;
  /**
   * The end of a message, whatever it was before; also ends its hold. The report to the receiver is
   * written in the same commit. Settling again changes nothing.
   */
  settle(id: number, outcome: Outcome): Promise<void>;
  /**
   * The channel stops at this message until a person decides (03 O5). Survives a restart. A message that
   * waits for its application acknowledgment may be held, too: `next` gives it again from then on. So
   * several messages may be held at a time, rarely.
   *
   * @param reply what was heard last, kept with the row for the report
   */
  hold(hold: Hold, reply: Reply | undefined): Promise<void>;
  /** The oldest one. */
  held(): Promise<Hold | undefined>;
  /** Ends the hold, and sets the counts of the message to zero: it is tried anew. */
  release(id: number): Promise<void>;
  /**
   * @param listener called after the commit of a message that was appended
   * @returns disposed, it is called no more
   */
  onArrival(listener: () => void): Disposable;
}
