/**
 * The gate at every upgrade, and at the renewal door (07 1.8): who comes in, and if not, why. Steps in order;
 * the first failure answers.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { agentOf, serialOf } from "./agent-certificate.ts";
import { isIssuedBy } from "./identity/agent-cas.ts";
import { RECOVERY_MAX_MS } from "./limits.ts";
import type { Denial, RegistryStore } from "./store/registry.ts";
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
  | "CERT_DENIED"
  | "AGENT_LOCKED"
  /** At the renewal door: expired for longer than a recovery takes. */
  | "RECOVERY_REFUSED";

/** The certificate that somebody came with. */
export interface Presented {
  readonly serialHex: string;
  readonly notAfterMs: number;
  /** Neither the current nor the next one; only at the renewal door. */
  readonly isSuperseded: boolean;
  /** Only at the renewal door. */
  readonly isExpired: boolean;
}

export type GateResult =
  | { readonly kind: "passed"; readonly agent: AgentRecord; readonly certificate: Presented }
  /** `agent`: where it is known by then. */
  | { readonly kind: "refused"; readonly reason: GateReason; readonly agent?: AgentRecord };

export interface GateRules {
  readonly door: "tunnel" | "renewal";
  readonly store: Pick<Store, "findAgent"> & RegistryStore;
  readonly trustDomain: string;
  readonly agentCas: readonly X509Certificate[];
  /** By the receiver's own clock (G4). */
  readonly nowMs: number;
}

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

/** Judges the client of a TLS socket whose handshake is complete. */
export async function judge(socket: TLSSocket, rules: GateRules): Promise<GateResult> {
  // G1: a resumed session reports `authorized` for a certificate that has expired since.
  if (socket.isSessionReused()) return refused("SESSION_RESUMED");
  // G2
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return refused("NO_CERT");
  const fault = chainFault(socket, certificate, rules) ?? timeFault(certificate, rules);
  if (fault !== null) return refused(fault);
  // G5
  const name = agentOf(certificate, rules.trustDomain);
  if (name === null) return refused("CERT_PROFILE");
  // G6
  const agent = await rules.store.findAgent(name);
  if (agent === null) return refused("UNKNOWN_AGENT");
  const serialHex = serialOf(certificate);
  const isSuperseded = serialHex !== agent.serialHex && serialHex !== agent.identity.nextSerialHex;
  // At the renewal door it goes on to where two copies of one agent are found (1.7).
  if (isSuperseded && rules.door === "tunnel") return refused("CERT_SUPERSEDED", agent);
  // G7
  const denials = denialsOf(agent, serialHex);
  if (await rules.store.registry.isDenied(denials)) return refused("CERT_DENIED", agent);
  // G8
  if (agent.lockedAtMs !== null) return refused("AGENT_LOCKED", agent);
  const notAfterMs = certificate.validToDate.getTime();
  const isExpired = rules.nowMs > notAfterMs;
  return { kind: "passed", agent, certificate: { serialHex, notAfterMs, isSuperseded, isExpired } };
}

/** G3 */
function chainFault(
  socket: TLSSocket,
  certificate: X509Certificate,
  { door, agentCas, nowMs }: GateRules,
): GateReason | null {
  if (socket.authorized) return null;
  const reason = TLS_REASONS.get(String(socket.authorizationError)) ?? "CERT_INVALID";
  if (reason !== "CERT_HAS_EXPIRED" || door === "tunnel") return reason;
  // OpenSSL names one fault and hides others; what is left of them, G5 finds.
  return isIssuedBy(certificate, agentCas, nowMs) ? null : "CERT_UNKNOWN_CA";
}

/** G4 */
function timeFault(
  { validFromDate, validToDate }: X509Certificate,
  { door, nowMs }: GateRules,
): GateReason | null {
  const expiredMs = nowMs - validToDate.getTime();
  if (expiredMs > 0 && door === "tunnel") return "CERT_HAS_EXPIRED";
  if (expiredMs > RECOVERY_MAX_MS) return "RECOVERY_REFUSED";
  return nowMs < validFromDate.getTime() ? "CERT_NOT_YET_VALID" : null;
}

/** What may stand on the deny list of whoever comes with this serial. */
export function denialsOf(
  { tenant, name, identity }: AgentRecord,
  serialHex: string,
): readonly Denial[] {
  const denials: Denial[] = [
    { kind: "agent", value: `${tenant}/${name}` },
    { kind: "serial", value: serialHex },
  ];
  const { deviceKeyHex } = identity;
  if (deviceKeyHex !== null) denials.push({ kind: "deviceKey", value: deviceKeyHex });
  return denials;
}

function refused(reason: GateReason, agent?: AgentRecord): GateResult {
  return { kind: "refused", reason, ...(agent !== undefined && { agent }) };
}
