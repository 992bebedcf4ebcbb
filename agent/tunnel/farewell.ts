/** What a GOAWAY of the receiver means for a person (06 section 8). @module */
import { GOAWAY_CODE, type GoawayFrame } from "#protocol/frame.ts";
import { AgentError, type ErrorCode, identifierFrom } from "../errors.ts";
import type { RefusalReason } from "./refusal-reasons.ts";
import type { StickyReason } from "./tunnel-state.ts";

export interface Barred {
  readonly why: StickyReason;
  readonly error: AgentError;
}

const BY_CODE: ReadonlyMap<number, readonly [StickyReason, ErrorCode, RefusalReason?]> = new Map([
  [GOAWAY_CODE.fenced, ["fenced", "TUNNEL_FENCED"]],
  [GOAWAY_CODE.duplicateIdentity, ["duplicateIdentity", "TUNNEL_DUPLICATE_IDENTITY"]],
  [GOAWAY_CODE.version, ["version", "TUNNEL_VERSION"]],
  // With the text of the gate (07 1.8), which would say the same to the next upgrade.
  [GOAWAY_CODE.denied, ["refused", "TUNNEL_REFUSED", "CERT_DENIED"]],
  [GOAWAY_CODE.certExpired, ["refused", "TUNNEL_REFUSED", "CERT_HAS_EXPIRED"]],
]);

/** @returns `undefined` for a GOAWAY after which it is simply dialled again */
export function barredBy({ code: goaway }: GoawayFrame): Barred | undefined {
  const found = BY_CODE.get(goaway);
  if (found === undefined) return undefined;
  const [why, code, reason] = found;
  const because = reason === undefined ? {} : { code: identifierFrom(reason) };
  return { why, error: new AgentError(code, { goaway, ...because }) };
}
