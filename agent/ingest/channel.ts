/** What a source is told of its channel, and what it brings. @module */
import type { AgentError } from "../errors.ts";
import type { ChannelRecord } from "../health/channel-record.ts";
import type { DuplicatePolicy } from "../outbox/writing/append-batch.ts";
import type { ClaimedContent } from "./file-drop/claims.ts";
import type { AckPolicy } from "./hl7/ack-policy.ts";
import type { LargeBody } from "./large-body.ts";

/** A channel's settings as far as taking messages is concerned; the keys of 03. */
export interface ChannelRules {
  readonly ackPolicy: AckPolicy;
  /** 03 A3: how long the receiver may take, and what is done then. */
  readonly deferredTimeoutMs: number;
  readonly deferredFallback: "close" | "storeAA" | "error";
  readonly allowEmptyControlId: boolean;
  /** 03 E2: none allows every one. First components of MSH-11 and MSH-12. */
  readonly allowedProcessingIds: readonly string[];
  readonly allowedVersions: readonly string[];
  readonly emptyBlockReply: "none" | "reject";
  readonly oversizeReply: "reject" | "close";
  readonly batchReply: "batch" | "first" | "none";
  readonly duplicatePolicy: DuplicatePolicy;
  readonly duplicateWindowMs: number;
  readonly storeDeadlineMs: number;
  /** 03 X2. */
  readonly charset: string | undefined;
  /** 03 C5: bytes of the channel's backlog at which senders are no longer read from, and are again. */
  readonly highWaterBytes: number;
  readonly lowWaterBytes: number;
  /** 04 P38, P40: of a channel that takes files. */
  readonly file?: { readonly maxMessages: number; readonly maxMessageBytes: number };
}

/** One configured channel. */
export interface AcceptingChannel {
  readonly name: string;
  /** Its row in the outbox. */
  readonly id: number;
  readonly record: ChannelRecord;
  readonly rules: ChannelRules;
}

/** Something that came from a source: a whole block, or why it is none. */
export interface Arrival {
  readonly channel: AcceptingChannel;
  /** `address:port`, ASCII. */
  readonly peer: string;
  readonly address: string;
  readonly kind: "block" | "malformed" | "abandoned" | "partial" | "tooLarge" | "junk";
  /** The content, or what is left of it after slices went into `large`. Copied before `accept` returns. */
  readonly bytes: Uint8Array;
  /** Length of the whole content. */
  readonly totalBytes: number;
  readonly large: LargeBody | undefined;
  /** False where no reply is possible any more: the end of the block was never seen (03 F10). */
  readonly answerable: boolean;
}

/** One file, read whole and found unchanged (04 P22, P23). */
export interface FileArrival {
  readonly channel: AcceptingChannel;
  /** What logs call it: 16 hexadecimal digits. */
  readonly claim: string;
  readonly content: "hl7" | "binary";
  /** The content, or what is left of it after slices went into `large`. Copied before `acceptFile` returns. */
  readonly bytes: Uint8Array;
  /** Length of the whole content. */
  readonly totalBytes: number;
  /** From `newFileBody` of the same channel and content. */
  readonly large: LargeBody | undefined;
  /** `file.name` and the like: they travel with each message. The first are kept where not all have room. */
  readonly attributes: Readonly<Record<string, string>>;
  /** The row becomes committed with the last of its messages. */
  readonly mark: ClaimedContent;
  /** Once it is aborted, a file of several steps is left as far as it has come. */
  readonly stopping?: AbortSignal;
  /** The same content came before, and is sent all the same (04 P26, `duplicateFilePolicy` `send`): flagged. */
  readonly repeated: boolean;
}

/** What became of a file. */
export type FileVerdict =
  /** Messages that were stored, that came before, and what is in quarantine of it, as far as it came before included. */
  | {
      readonly kind: "committed";
      readonly stored: number;
      readonly repeats: number;
      readonly aside: number;
    }
  /** Nothing was appended; slices were taken back: the file goes to the error folder. */
  | {
      readonly kind: "unfit";
      readonly reason: "noHeader" | "wideCharacters" | "tooManyMessages";
    }
  /** Not known to be stored, or not all of it: ask again later with the file read anew. */
  | { readonly kind: "refused"; readonly error: AgentError };
