/**
 * The frames of the tunnel (06 section 3) as values: one interface a frame, one union of all.
 *
 * A name ends in its unit. `epoch` and `seq` are 63-bit and therefore bigint; every other integer
 * is at most 2^53 - 1. `stream` is 1 to 65,535; 0 is the connection. Byte strings belong to the
 * frame, except the payload of a decoded DATA, a view into the bytes it was decoded from.
 *
 * @module
 */

/** The type byte of each frame. */
export const FRAME_TYPE = {
  hello: 0x01,
  welcome: 0x02,
  open: 0x03,
  opened: 0x04,
  data: 0x05,
  skip: 0x06,
  ack: 0x07,
  partial: 0x08,
  credit: 0x09,
  reject: 0x0a,
  ping: 0x0b,
  pong: 0x0c,
  cmd: 0x0d,
  cmdResult: 0x0e,
  cmdDone: 0x0f,
  goaway: 0x10,
  error: 0x11,
} as const;

/** Where the sink stands (TP16). */
/** Of a stream: which messages leave first (06 TP23). */
export const PRIORITY = { urgent: 0, normal: 1, bulk: 2 } as const;
export type Priority = (typeof PRIORITY)[keyof typeof PRIORITY];

export const OPENED_STATUS = { ok: 0, ahead: 1, behind: 2, unknown: 3, held: 4 } as const;
export type OpenedStatus = (typeof OPENED_STATUS)[keyof typeof OPENED_STATUS];

/** What became of a command (TP36). */
export const COMMAND_RESULT = { done: 0, refused: 1, expired: 2, failed: 3, busy: 4 } as const;

/** Why seqs will never come (TP31). */
export const SKIP_REASON = { quarantined: 1, discarded: 2, damaged: 3, pruned: 4 } as const;
export type SkipReason = (typeof SKIP_REASON)[keyof typeof SKIP_REASON];

/** Why a seq was not stored (06 section 8). */
export const REJECT_CODE = {
  hash: 1,
  tooLarge: 2,
  refused: 3,
  gap: 4,
  staleEpoch: 5,
  restart: 6,
  conflict: 7,
  busy: 8,
} as const;
export type RejectCode = (typeof REJECT_CODE)[keyof typeof REJECT_CODE];

/** Why the connection is about to end in good order (06 section 8). */
export const GOAWAY_CODE = {
  draining: 1,
  overload: 2,
  maxAge: 3,
  fenced: 4,
  duplicateIdentity: 5,
  version: 6,
  denied: 7,
  certExpired: 8,
} as const;
export type GoawayCode = (typeof GOAWAY_CODE)[keyof typeof GOAWAY_CODE];

/** What the peer did wrong (06 section 8). */
export const ERROR_CODE = {
  malformed: 1,
  unknownFrame: 2,
  outOfOrder: 3,
  limit: 4,
  credit: 5,
} as const;
export type ErrorFrameCode = (typeof ERROR_CODE)[keyof typeof ERROR_CODE];

/** Absolute limits on the bytes of DATA bodies (TP20), and the ack clock (TP21). */
export interface Credit {
  readonly streamLimit?: number;
  readonly connectionLimit?: number;
  /** Bytes of DATA bodies (frame less header) received on this connection so far, all streams. */
  readonly bytesReceived?: number;
}

/** A message within one agent, channel and direction. */
export interface MessageId {
  readonly epoch: bigint;
  readonly seq: bigint;
}

/** What travels with the first chunk of a message. */
export interface MessageMeta {
  /** 32 bytes, over the original bytes of the message (TP9). */
  readonly sha256: Uint8Array;
  readonly receivedAtMs: number;
  readonly mediaType?: string;
  /** 0 none, 1 gzip, 2 zstd. */
  readonly encoding?: 0 | 1 | 2;
  /** Bytes of the message once unpacked. */
  readonly length?: number;
  readonly source?: string;
  readonly traceparent?: string;
  readonly replaces?: MessageId;
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface HelloFrame {
  readonly type: "hello";
  readonly stream: 0;
  /** Lowest and highest minor version spoken. */
  readonly minorRange: readonly [number, number];
  readonly capabilities: readonly string[];
  readonly storeId: Uint8Array;
  readonly instanceNonce: Uint8Array;
  readonly version: string;
  readonly frameLimit: number;
  readonly nowMs: number;
  readonly downstreamCredit: number;
}

export interface WelcomeFrame {
  readonly type: "welcome";
  readonly stream: 0;
  readonly minor: number;
  readonly capabilities: readonly string[];
  readonly session: number;
  readonly frameLimit: number;
  readonly heartbeatMs: number;
  readonly upstreamCredit: number;
  readonly nowMs: number;
  readonly messageLimit: number;
  readonly receiverStoreId: Uint8Array;
}

export interface OpenFrame {
  readonly type: "open";
  readonly stream: number;
  readonly channel: string;
  readonly epoch: bigint;
  readonly nextSeq: bigint;
  readonly oldestRetainedSeq: bigint | null;
  readonly previousEpoch: { readonly epoch: bigint; readonly finalSeq: bigint | null } | null;
  readonly priority: Priority;
  readonly newEpochReason?: number;
}

export interface OpenedFrame {
  readonly type: "opened";
  readonly stream: number;
  readonly status: OpenedStatus;
  readonly epoch: bigint;
  readonly credit: Credit;
  readonly lastSeq: bigint;
  /** The chain at `lastSeq` (TP15), 32 bytes. */
  readonly chain: Uint8Array | null;
  readonly partial?: { readonly seq: bigint; readonly durableOffset: number };
  readonly text?: string;
  readonly retryAfterMs?: number;
}

export interface DataFrame {
  readonly type: "data";
  readonly stream: number;
  /** The first chunk of this message on this connection; exactly then `meta` is there. */
  readonly first: boolean;
  /** Offset and payload reach `total`. */
  readonly last: boolean;
  readonly seq: bigint;
  readonly offset: number;
  readonly total: number;
  readonly meta?: MessageMeta;
  readonly payload: Uint8Array;
}

export interface SkipFrame {
  readonly type: "skip";
  readonly stream: number;
  readonly firstSeq: bigint;
  readonly lastSeq: bigint;
  readonly reason: SkipReason;
  /** The chain after `lastSeq`, 32 bytes. */
  readonly chain: Uint8Array | null;
  readonly text?: string;
}

export interface AckFrame {
  readonly type: "ack";
  readonly stream: number;
  readonly epoch: bigint;
  readonly lastSeq: bigint;
  readonly credit: Credit;
}

export interface PartialFrame {
  readonly type: "partial";
  readonly stream: number;
  readonly seq: bigint;
  readonly durableOffset: number;
}

export interface CreditFrame {
  readonly type: "credit";
  /** 0 if only the connection is meant. */
  readonly stream: number;
  readonly credit: Credit;
}

export interface RejectFrame {
  readonly type: "reject";
  readonly stream: number;
  readonly seq: bigint;
  readonly code: RejectCode;
  readonly permanent: boolean;
  readonly retryAfterMs?: number;
  readonly text?: string;
}

export interface PingFrame {
  readonly type: "ping";
  readonly stream: 0;
  readonly nonce: number;
  readonly unsettledCount?: number;
  readonly oldestAgeMs?: number;
}

export interface PongFrame {
  readonly type: "pong";
  readonly stream: 0;
  readonly nonce: number;
}

export interface CmdFrame {
  readonly type: "cmd";
  readonly stream: 0;
  readonly id: Uint8Array;
  readonly document: Uint8Array;
}

export interface CmdResultFrame {
  readonly type: "cmdResult";
  readonly stream: 0;
  readonly id: Uint8Array;
  /** One of {@link COMMAND_RESULT}, or of a later minor. */
  readonly result: number;
  readonly answer?: Uint8Array;
  readonly answerAt?: MessageId;
  readonly text?: string;
}

export interface CmdDoneFrame {
  readonly type: "cmdDone";
  readonly stream: 0;
  readonly id: Uint8Array;
}

export interface GoawayFrame {
  readonly type: "goaway";
  readonly stream: 0;
  readonly code: GoawayCode;
  readonly retryAfterMs?: number;
  readonly text?: string;
}

export interface ErrorFrame {
  readonly type: "error";
  readonly stream: 0;
  readonly code: ErrorFrameCode;
  readonly frameType?: number;
  readonly text?: string;
}

export type Frame =
  | HelloFrame
  | WelcomeFrame
  | OpenFrame
  | OpenedFrame
  | DataFrame
  | SkipFrame
  | AckFrame
  | PartialFrame
  | CreditFrame
  | RejectFrame
  | PingFrame
  | PongFrame
  | CmdFrame
  | CmdResultFrame
  | CmdDoneFrame
  | GoawayFrame
  | ErrorFrame;
