/** What lies in the store whose bits are flipped. @module */
import { hash } from "node:crypto";

export const CHANNELS = ["adt", "oru"] as const;
/** Messages of each channel, and how many of them the receiver has. */
const COUNT = 150;
export const SETTLED = 5;
/** Small, all of it, so that many flips hit what says where a body lies instead of a body. */
const BYTES = { small: 100, medium: 6_000, large: 40_000 } as const;
export const SLICE_BYTES = 8_192;

export interface Message {
  /** Index in `CHANNELS`. */
  readonly channel: number;
  readonly controlId: string;
  readonly body: Buffer;
  readonly isLarge: boolean;
}

/**
 * Each channel's messages in order. Most have one length, as hospitals' have, so that one message in
 * another's place is not noticed by its length; some are larger, one goes in slices.
 */
export const MESSAGES: readonly Message[] = CHANNELS.flatMap((_, channel) =>
  Array.from({ length: COUNT }, (_, index) => {
    const isLarge = channel === 0 && index === 40;
    const bytes = isLarge ? BYTES.large : index % 30 === 19 ? BYTES.medium : BYTES.small;
    return messageOf(channel, `C${channel}M${String(index).padStart(3, "0")}`, bytes, isLarge);
  }),
);

/** Blocks that were set aside, all on the first channel. */
export const SET_ASIDE: readonly Message[] = Array.from({ length: 6 }, (_, index) =>
  messageOf(0, `ASIDE${index}`, 900, false),
);

function messageOf(channel: number, controlId: string, bytes: number, isLarge: boolean): Message {
  const head = `MSH|^~\\&|LAB|WEST|HUB|EAST|20260101||ADT^A01|${controlId}|P|2.5\rOBX|1|TX|||`;
  const filler = Buffer.alloc(bytes, hash("sha256", controlId).slice(0, 61));
  return { channel, controlId, body: Buffer.concat([Buffer.from(head), filler]), isLarge };
}

/** What the reader found, as one line of JSON. */
export interface Found {
  /** The code of the catalogue with which the store was refused, or died. */
  readonly code?: string;
  readonly channels: readonly FoundChannel[];
  /** Control ids of blocks that were set aside, and the digest of what is kept; no id: unreadable. */
  readonly setAside: readonly FoundMessage[];
  /** What the verification walk finds damaged, of the first epoch of each channel. */
  readonly walked: readonly { readonly channel: number; readonly seq: number }[];
  /** Seqs that the store names as missing. */
  readonly named: readonly {
    readonly channel: number;
    readonly epoch: number;
    readonly firstSeq: number;
    readonly lastSeq: number;
  }[];
}

export interface FoundMessage {
  readonly controlId: string;
  readonly sha256: string;
}

/** One channel in its first epoch, the only one with messages. */
export interface FoundChannel {
  readonly acked: number;
  readonly messages: readonly (FoundMessage & { readonly seq: number })[];
  /** Where reading ended because the message is damaged. */
  readonly damagedSeq: number | undefined;
}
