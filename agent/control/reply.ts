/** What whoever asked is told: by CMD_RESULT, and for what is large by a message on `$answers` (06 TP35, TP36). @module */
import { hash } from "node:crypto";
import type { RefusalCode } from "#documents/refusal.ts";
import type { ErrorCode } from "../errors.ts";

/** As the tunnel names them. */
export type ReplyResult = "done" | "refused" | "expired" | "failed" | "busy";

export interface MessagePlace {
  readonly epoch: bigint;
  readonly seq: bigint;
}

export interface Reply {
  readonly result: ReplyResult;
  /** JSON, at most 16 KiB: the answer, the digest of a large one, or a code. */
  readonly answer: Uint8Array;
  /** Where a large answer lies on `$answers`, unless its numbers change (06 TP18): its digest says which it is. */
  readonly answerAt?: MessagePlace;
}

const RESULTS: Partial<Readonly<Record<RefusalCode, ReplyResult>>> = {
  EXPIRED: "expired",
  BUSY: "busy",
  RATE: "busy",
};

/** A code, and nothing else (08 4.4). */
export const refusal = (code: RefusalCode): Reply => ({
  result: RESULTS[code] ?? "refused",
  answer: json({ refused: code }),
});

export const failure = (code: ErrorCode): Reply => ({
  result: "failed",
  answer: json({ failed: code }),
});

/** In the place of an answer that is on `$answers`. */
export const elsewhere = (bytes: Uint8Array, answerAt: MessagePlace): Reply => ({
  result: "done",
  answer: json({ bytes: bytes.length, sha256: hash("sha256", bytes) }),
  answerAt,
});

export const json = (value: unknown): Uint8Array =>
  new Uint8Array(Buffer.from(JSON.stringify(value)));
