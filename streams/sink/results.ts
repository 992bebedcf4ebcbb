/**
 * The ingest step as the tunnel sees it (06 section 12): what is checked before the transaction,
 * and which frame each result of the store becomes.
 *
 * @module
 */
import { hash } from "node:crypto";
import {
  type MessageMeta,
  REJECT_CODE,
  type RejectCode,
  SKIP_REASON,
  type SkipReason,
} from "#protocol/frame.ts";
import type { AssembledMessage } from "#protocol/message-assembler.ts";
import { BUSY_RETRY_AFTER_MS } from "./limits.ts";
import type { IngestItem, IngestResult, PartialResult, SkipKind } from "./sink-store.ts";
import { type StoredMeta, storedMetaText } from "./stored-meta.ts";

/** What a sink says instead of an ACK, but for the seq. */
export interface Refusal {
  readonly code: RejectCode;
  readonly permanent: boolean;
  readonly retryAfterMs?: number;
}

export const REFUSAL = {
  hash: { code: REJECT_CODE.hash, permanent: false },
  tooLarge: { code: REJECT_CODE.tooLarge, permanent: true },
  /** An encoding that was not negotiated. */
  refused: { code: REJECT_CODE.refused, permanent: true },
  gap: { code: REJECT_CODE.gap, permanent: false },
  /** What was sent does not follow what is durable: OPENED will say where to go on. */
  restart: { code: REJECT_CODE.restart, permanent: false },
  staleEpoch: { code: REJECT_CODE.staleEpoch, permanent: false },
  conflict: { code: REJECT_CODE.conflict, permanent: true },
  busy: { code: REJECT_CODE.busy, permanent: false, retryAfterMs: BUSY_RETRY_AFTER_MS },
} as const satisfies Record<string, Refusal>;

/**
 * RI1, before the transaction: sizes and SHA-256.
 *
 * @returns the item to store, or undefined if the bytes are not those that the source announced;
 *   nothing may be stored then
 */
export function verifiedItem({ meta, body }: AssembledMessage): IngestItem | undefined {
  if (meta.length !== undefined && meta.length !== body.length) return undefined;
  const sha256 = hash("sha256", body, "buffer");
  return sha256.compare(meta.sha256) === 0 ? itemOf(meta, body) : undefined;
}

/** @param body null for a large message, which the store verifies (RI1) */
export function itemOf(meta: MessageMeta, body: Uint8Array | null): IngestItem {
  const stored: StoredMeta = {
    ...(meta.mediaType === undefined ? {} : { mediaType: meta.mediaType }),
    ...(meta.source === undefined ? {} : { source: meta.source }),
    ...(meta.traceparent === undefined ? {} : { traceparent: meta.traceparent }),
    ...(meta.attributes === undefined ? {} : { attributes: meta.attributes }),
  };
  return {
    sha256: meta.sha256,
    receivedAtMs: meta.receivedAtMs,
    meta: storedMetaText(stored),
    replaces: meta.replaces ?? null,
    body,
  };
}

export type Outcome =
  | (Omit<Extract<IngestResult, { readonly kind: "ok" }>, "kind"> & { readonly kind: "ack" })
  | { readonly kind: "reject"; readonly seq: bigint; readonly refusal: Refusal }
  /** GOAWAY FENCED; nothing more is written. */
  | { readonly kind: "fence" }
  /** ERROR OUT_OF_ORDER: the source sends in an epoch that it did not open. */
  | { readonly kind: "violation" }
  /** The same call again, for a while. */
  | { readonly kind: "retry" };

/**
 * The table of results.
 *
 * @param first the first seq of the call: the one that a REJECT names unless the result does
 */
export function outcomeOf(result: IngestResult, first: bigint): Outcome {
  switch (result.kind) {
    case "ok":
      return { ...result, kind: "ack" };
    case "gap":
      return { kind: "reject", seq: first, refusal: REFUSAL.gap };
    case "conflict":
      return { kind: "reject", seq: result.seq, refusal: REFUSAL.conflict };
    case "hash":
      return { kind: "reject", seq: result.seq, refusal: REFUSAL.hash };
    case "staleEpoch":
      return { kind: "reject", seq: first, refusal: REFUSAL.staleEpoch };
    case "fenced":
      return { kind: "fence" };
    case "unopened":
      return { kind: "violation" };
    case "busy":
      return { kind: "retry" };
  }
}

/** The same table for a piece of the large message `seq`, but for what was kept. */
export function refusedPiece(
  { kind }: Exclude<PartialResult, { readonly kind: "ok" }>,
  seq: bigint,
): Exclude<Outcome, { kind: "ack" }> {
  switch (kind) {
    case "restart":
      return { kind: "reject", seq, refusal: REFUSAL.restart };
    case "staleEpoch":
      return { kind: "reject", seq, refusal: REFUSAL.staleEpoch };
    case "fenced":
      return { kind: "fence" };
    case "unopened":
      return { kind: "violation" };
    case "busy":
      return { kind: "retry" };
  }
}

const SKIP_KIND: Readonly<Record<SkipReason, SkipKind>> = {
  [SKIP_REASON.quarantined]: "quarantined",
  [SKIP_REASON.discarded]: "discarded",
  [SKIP_REASON.damaged]: "damaged",
  [SKIP_REASON.pruned]: "pruned",
};

/** @returns the kind of gap record that a SKIP for `reason` writes (TP31, RI8) */
export function skipKindOf(reason: SkipReason): SkipKind {
  return SKIP_KIND[reason];
}
