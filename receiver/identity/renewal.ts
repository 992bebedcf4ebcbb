/**
 * What the receiver makes of a request to renew (07 1.6 N2 to N4, 1.7), behind the gate. Pure: what is to be
 * written and answered, from what is known and what was asked.
 *
 * @module
 */
import { type AgentCsr, readAgentCsr } from "#certs/agent-csr.ts";
import {
  bytesOf,
  NONCE_LIFETIME_MS,
  type RenewRefusal,
  type RenewRequest,
} from "#certs/exchange.ts";
import { renewalTranscript } from "#certs/transcripts.ts";
import type { Identity } from "../store/identity-record.ts";
import type { AgentRecord } from "../store/store.ts";
import { isSignedBy, sha256Hex } from "./device-signature.ts";
import type { Issued } from "./issuing.ts";

/** How the certificate stands with which somebody asks. */
export interface Presented {
  /** Its time is over: this is a recovery (1.6). */
  readonly isExpired: boolean;
  readonly serialHex: string;
  /** It is neither the current nor the next one of the agent. */
  readonly isSuperseded: boolean;
}

/** `identity`: to be written first. */
export type RenewalStep =
  | { readonly kind: "refused"; readonly reason: RenewRefusal; readonly identity?: Identity }
  /** Two machines hold one identity (1.7). */
  | { readonly kind: "locked"; readonly identity: Identity }
  /** A certificate is to be issued for `csr`, then {@link renewed}. */
  | { readonly kind: "issue"; readonly csr: AgentCsr }
  /** `generation`: which the agent has with it. */
  | {
      readonly kind: "issued";
      readonly certificatePem: string;
      readonly generation: number;
      readonly identity: Identity;
    };

/**
 * N2: of one certificate the latest nonce is the one that counts. A certificate that was superseded, which a thief may
 * have, takes away that of another such one at most.
 *
 * @param agent the certificates that count are in its row
 * @param serialHex of the one that asks
 */
export function withNonce(
  { serialHex: current, identity }: Pick<AgentRecord, "serialHex" | "identity">,
  serialHex: string,
  { hex, nowMs }: { readonly hex: string; readonly nowMs: number },
): Identity {
  const own = [current, identity.nextSerialHex];
  const others = identity.nonces.filter(
    (one) => one.serialHex !== serialHex && own.includes(one.serialHex),
  );
  const given = { serialHex, hex, expiresMs: nowMs + NONCE_LIFETIME_MS };
  return { ...identity, nonces: [...others, given] };
}

/** N4, for an agent that has passed the gate. */
export function judgeRenewal(
  { tenant, name, identity: known }: AgentRecord,
  request: RenewRequest,
  facts: Presented & { readonly nowMs: number; readonly recoveryMaxCount: number },
): RenewalStep {
  const { nonces, deviceKeyHex } = known;
  const nonce = nonces.find(({ serialHex }) => serialHex === facts.serialHex);
  if (nonce === undefined || nonce.hex !== request.nonce || facts.nowMs >= nonce.expiresMs) {
    return { kind: "refused", reason: "NONCE" };
  }
  // Whatever becomes of a request that the device has signed: it is used.
  const identity: Identity = { ...known, nonces: nonces.filter((one) => one !== nonce) };
  const refused = (reason: RenewRefusal): RenewalStep => ({ kind: "refused", reason, identity });
  const csr = bytesOf(request.csr);
  const { generation } = request;
  const signed = { tenant, agent: name, generation, nonce: Buffer.from(nonce.hex, "hex"), csr };
  const isProven =
    deviceKeyHex !== null &&
    isSignedBy(Buffer.from(deviceKeyHex, "hex"), {
      transcript: renewalTranscript(signed),
      signature: bytesOf(request.signature),
    });
  // Whoever has the certificate alone uses nothing up.
  if (!isProven) return { kind: "refused", reason: "SIGNATURE" };
  // The machine that goes on has been seen with a later one: this is a copy, or an old state of it.
  if (facts.isSuperseded) return { kind: "locked", identity };
  const again = sameRequest(identity, generation, sha256Hex(csr));
  if (again !== null) return { ...again, identity };
  if (generation !== identity.generation) return { kind: "locked", identity };
  if (facts.isExpired && identity.recoveryCount >= facts.recoveryMaxCount) {
    return refused("RECOVERY_REFUSED");
  }
  const read = readAgentCsr(csr);
  return read === null ? refused("CSR_REFUSED") : { kind: "issue", csr: read };
}

/** What is known once a certificate was issued for `csr`. */
export function renewed(
  { serialHex, identity }: AgentRecord,
  csr: AgentCsr,
  issued: Issued & Pick<Presented, "isExpired">,
) {
  const { generation } = identity;
  const { certificatePem } = issued;
  return {
    serialHex,
    identity: {
      ...identity,
      nonces: [],
      nextSerialHex: issued.serialHex,
      generation: generation + 1,
      renewed: { csrSha256Hex: csr.sha256Hex, certificatePem, generation },
      recoveryCount: identity.recoveryCount + (issued.isExpired ? 1 : 0),
    } satisfies Identity,
  };
}

/** N7: from the first time that the next certificate is seen on, it is the only one; null if it is not that. */
export function seen({ identity }: AgentRecord, serialHex: string) {
  if (serialHex !== identity.nextSerialHex) return null;
  return { serialHex, identity: { ...identity, nextSerialHex: null } satisfies Identity };
}

/** The reply was lost: the same request, with the generation that it was issued for, and nothing since. */
function sameRequest({ renewed: last, generation }: Identity, asked: number, csrSha256Hex: string) {
  if (last === null || last.generation !== asked || generation !== asked + 1) return null;
  if (last.csrSha256Hex !== csrSha256Hex) return null;
  return { kind: "issued", certificatePem: last.certificatePem, generation } as const;
}
