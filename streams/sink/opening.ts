/**
 * What a sink answers to an OPEN (TP14, TP16).
 *
 * @module
 */
import { OPENED_STATUS, type OpenedFrame } from "#protocol/frame.ts";
import { UNKNOWN_RETRY_AFTER_MS } from "./limits.ts";
import type { OpenResult } from "./sink-store.ts";

/** For a channel that is not served here: the store is not asked. */
export function unknownChannel(stream: number, epoch: bigint): OpenedFrame {
  return {
    type: "opened",
    stream,
    status: OPENED_STATUS.unknown,
    epoch,
    lastSeq: 0n,
    chain: null,
    credit: {},
    retryAfterMs: UNKNOWN_RETRY_AFTER_MS,
  };
}

/** @param credit what the stream may carry; counts only if the status is OK */
export function openedFrame(
  stream: number,
  result: Extract<OpenResult, { readonly position: unknown }>,
  credit: OpenedFrame["credit"],
): OpenedFrame {
  const { epoch, lastSeq, chain } = result.position;
  return {
    type: "opened",
    stream,
    status: OPENED_STATUS[result.kind],
    epoch,
    lastSeq,
    chain,
    credit,
  };
}
