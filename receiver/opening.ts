/**
 * What a sink answers to an OPEN (TP14, TP16).
 *
 * @module
 */
import { OPENED_STATUS, type OpenedFrame, type OpenFrame } from "#protocol/frame.ts";
import { UNKNOWN_RETRY_AFTER_MS } from "./limits.ts";
import type { OpenResult } from "./store/store.ts";

/**
 * @returns UNKNOWN for a channel that is not served here, without asking the store. The reserved
 *   channels (TP35) belong to features of later versions; a channel without a name is no channel
 */
export function unknownChannel(frame: OpenFrame): OpenedFrame | undefined {
  if (frame.channel !== "" && !frame.channel.startsWith("$")) return undefined;
  return {
    type: "opened",
    stream: frame.stream,
    status: OPENED_STATUS.unknown,
    epoch: frame.epoch,
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
