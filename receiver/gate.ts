/**
 * The gate at every upgrade (07 1.8): who may open a tunnel, and if not, why. Steps in order; the
 * first failure answers.
 *
 * G7 needs the deny list, which a later version brings.
 *
 * @module
 */
import type { TLSSocket } from "node:tls";
import { agentOf, serialOf } from "./agent-certificate.ts";
import type { AgentRecord, Store } from "./store/store.ts";

/** For the header `Holdfast-Reason`; the agent maps each to a text of its own. */
export type GateReason =
  | "SESSION_RESUMED"
  | "NO_CERT"
  | "CERT_HAS_EXPIRED"
  | "CERT_NOT_YET_VALID"
  | "CERT_UNKNOWN_CA"
  | "CERT_PURPOSE"
  | "CERT_INVALID"
  | "CERT_PROFILE"
  | "UNKNOWN_AGENT"
  | "CERT_SUPERSEDED"
  | "AGENT_LOCKED";

export type GateResult =
  | { readonly kind: "passed"; readonly agent: AgentRecord }
  | { readonly kind: "refused"; readonly reason: GateReason };

/** G3: the faults of OpenSSL that have a code of their own. */
const TLS_REASONS: ReadonlyMap<string, GateReason> = new Map([
  ["CERT_HAS_EXPIRED", "CERT_HAS_EXPIRED"],
  ["CERT_NOT_YET_VALID", "CERT_NOT_YET_VALID"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "CERT_UNKNOWN_CA"],
  ["UNABLE_TO_GET_ISSUER_CERT", "CERT_UNKNOWN_CA"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "CERT_UNKNOWN_CA"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "CERT_UNKNOWN_CA"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "CERT_UNKNOWN_CA"],
  ["INVALID_PURPOSE", "CERT_PURPOSE"],
]);

/**
 * Judges the client of a TLS socket whose handshake is complete.
 *
 * @param nowMs by the receiver's own clock (G4)
 */
export async function judge(
  socket: TLSSocket,
  rules: {
    readonly store: Pick<Store, "findAgent">;
    readonly trustDomain: string;
    readonly nowMs: number;
  },
): Promise<GateResult> {
  // G1: a resumed session reports `authorized` for a certificate that has expired since.
  if (socket.isSessionReused()) return refused("SESSION_RESUMED");
  // G2
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return refused("NO_CERT");
  // G3
  if (!socket.authorized) {
    return refused(TLS_REASONS.get(String(socket.authorizationError)) ?? "CERT_INVALID");
  }
  // G4
  if (rules.nowMs > certificate.validToDate.getTime()) return refused("CERT_HAS_EXPIRED");
  if (rules.nowMs < certificate.validFromDate.getTime()) return refused("CERT_NOT_YET_VALID");
  // G5
  const name = agentOf(certificate, rules.trustDomain);
  if (name === null) return refused("CERT_PROFILE");
  // G6
  const agent = await rules.store.findAgent(name);
  if (agent === null) return refused("UNKNOWN_AGENT");
  if (agent.serialHex !== serialOf(certificate)) return refused("CERT_SUPERSEDED");
  // G8
  if (agent.lockedAtMs !== null) return refused("AGENT_LOCKED");
  return { kind: "passed", agent };
}

function refused(reason: GateReason): GateResult {
  return { kind: "refused", reason };
}
