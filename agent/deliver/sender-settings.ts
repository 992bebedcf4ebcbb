/** A channel's settings as far as delivering over MLLP is concerned; the keys of 03 section 8. @module */
import type { SenderTls } from "./sender-tls.ts";

/** 03 O3: how MSA-2 must name the message. `truncated`: its first 20 bytes will do. */
export type ControlIdMatch = "exact" | "truncated" | "off";
/** 03 O7. */
export type ExpectedReply = "auto" | "application" | "accept" | "any" | "none";
/** 03 O5: what becomes of a message that is refused. */
export type RefusalPolicy = "hold" | "quarantine" | "retryForever";

/** What is decided from a reply, or from its absence. */
export interface SenderRules {
  /** 03 O5: how often a message is sent again after AE or CE. */
  readonly errorRetries: number;
  readonly onError: RefusalPolicy;
  readonly onReject: RefusalPolicy;
  /** 03 O3: unusable replies in a row for one message before `onError`. */
  readonly maxReplyErrors: number;
  /** 03 O4: the ceiling of the first wait, and of every wait. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** 03 O2: false: a connection for each message. */
  readonly keepOpen: boolean;
}

/** How the hospital system is reached, and how its bytes are read. */
export interface EndpointSettings {
  /** A name or an address. */
  readonly host: string;
  readonly port: number;
  /** `undefined`: plain MLLP. */
  readonly tls: SenderTls | undefined;
  readonly connectTimeoutMs: number;
  readonly keepAliveMs: number;
  /** 03 F3. */
  readonly lenientEnd: boolean;
  readonly endOfBlockWaitMs: number;
  /** 03 F5: silence inside a reply. */
  readonly blockIdleTimeoutMs: number;
  /** 03 F5: a whole reply, however it trickles. */
  readonly blockMaxMs: number;
  /** 03 F7: the largest reply. */
  readonly blockMaxBytes: number;
}

export interface SenderSettings extends SenderRules, EndpointSettings {
  readonly matchControlId: ControlIdMatch;
  readonly expectReply: ExpectedReply;
  /** 03 O4: from the last byte written. */
  readonly replyTimeoutMs: number;
  /** 03 O6. */
  readonly applicationAckTimeoutMs: number;
  readonly waitForApplicationAck: boolean;
  /** 03 O11: age of a message that is no longer sent; 0: never. */
  readonly expireAfterMs: number;
}
