/** What a dial or a connection that failed says about the next one. @module */
import type { AgentError, ErrorCode } from "../errors.ts";
import { RETRY_AFTER_MAX_MS } from "../limits.ts";
import type { StickyReason } from "./tunnel-state.ts";

/** What a receiver says before it welcomes, where a person must look. */
const STICKY_BY_CODE: ReadonlyMap<ErrorCode, StickyReason> = new Map([
  ["TUNNEL_REFUSED", "refused"],
  ["TUNNEL_VERSION", "version"],
  ["TUNNEL_CAPABILITY", "version"],
]);

/** @returns `undefined`: it is simply dialled again */
export const stickyReasonOf = ({ code }: AgentError): StickyReason | undefined =>
  STICKY_BY_CODE.get(code);

/** TP5: how long an overloaded receiver asks us to stay away. */
export function retryAfterOf({ facts }: AgentError): { retryAfterMs?: number } {
  const { retryAfterMs } = facts;
  return typeof retryAfterMs === "number"
    ? { retryAfterMs: Math.min(retryAfterMs, RETRY_AFTER_MAX_MS) }
    : {};
}
