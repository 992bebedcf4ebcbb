/**
 * What the receiver makes of a request to enrol (07 1.4, 1.5 EN6 to EN8). Pure: what is to be written and
 * answered, from what is known and what was asked.
 *
 *                 claim                      confirm                 asked again
 *   token made ───────────► waiting, code ───────────► confirmed ───────────────► issued
 *        │                                                                          │ asked again:
 *        └── 5 bad signatures: locked · 24 h without confirmation: expired          ▼ the same
 *
 * @module
 */
import { type AgentCsr, readAgentCsr } from "#certs/agent-csr.ts";
import {
  bytesOf,
  type EnrollRefusal,
  type EnrollRequest,
  FIRST_GENERATION,
} from "#certs/exchange.ts";
import { TOKEN_TRIES } from "#certs/token.ts";
import { confirmationCode, enrolmentTranscript } from "#certs/transcripts.ts";
import type { EnrolmentState, Identity } from "../store/identity-record.ts";
import type { AgentRecord } from "../store/store.ts";
import { isSignedBy, sha256Hex } from "./device-signature.ts";
import type { Issued } from "./issuing.ts";

/** `identity`: to be written first. */
export type EnrolmentStep =
  | { readonly kind: "refused"; readonly reason: EnrollRefusal; readonly identity?: Identity }
  | { readonly kind: "waiting"; readonly identity?: Identity }
  /** A certificate is to be issued for `csr`, then {@link enrolled}. */
  | { readonly kind: "confirmed"; readonly csr: AgentCsr }
  | { readonly kind: "issued"; readonly certificatePem: string };

/** EN6, for a token that is known. */
export function judgeEnrolment(
  identity: Identity,
  request: EnrollRequest,
  nowMs: number,
): EnrolmentStep {
  const { token } = identity;
  if (token === null || token.idHex !== request.tokenId) return refused("TOKEN_UNKNOWN");
  if (token.failedTries >= TOKEN_TRIES) return refused("TOKEN_LOCKED");
  if (nowMs >= token.expiresMs && token.confirmedAtMs === null) return refused("TOKEN_EXPIRED");
  const claimant = claimantOf(request);
  // A stranger costs the claimant no try.
  if (token.claim !== null && !isSameClaimant(token.claim, claimant)) return refused("TOKEN_USED");
  if (!isSigned(request, token, claimant.transcript)) {
    const failedTries = token.failedTries + 1;
    return { ...refused("SIGNATURE"), identity: { ...identity, token: { ...token, failedTries } } };
  }
  // Only now: whoever cannot sign does not get as far as the reader of requests.
  const csr = readAgentCsr(bytesOf(request.csr));
  if (csr === null) return refused("CSR_REFUSED");
  if (token.issued !== null) {
    return { kind: "issued", certificatePem: token.issued.certificatePem };
  }
  if (token.confirmedAtMs !== null && token.claim !== null) return { kind: "confirmed", csr };
  if (token.claim !== null) return { kind: "waiting" };
  const { csrSha256Hex, deviceKeyHex, code } = claimant;
  const claim = { csrSha256Hex, deviceKeyHex, code, atMs: nowMs };
  return { kind: "waiting", identity: { ...identity, token: { ...token, claim } } };
}

/** What is known once a certificate was issued: the machine that had this name before is forgotten. */
export function enrolled(agent: AgentRecord, { certificatePem, serialHex }: Issued) {
  const { token } = agent.identity;
  const claim = token?.claim;
  if (token === null || claim === null || claim === undefined) {
    throw new TypeError("Cannot enrol without a claim");
  }
  const { csrSha256Hex, deviceKeyHex } = claim;
  const identity: Identity = {
    deviceKeyHex,
    nextSerialHex: null,
    generation: FIRST_GENERATION,
    renewed: null,
    recoveryCount: 0,
    nonces: [],
    token: { ...token, issued: { csrSha256Hex, certificatePem } },
  };
  return { serialHex, identity };
}

export type Confirmation =
  | { readonly kind: "confirmed"; readonly identity: Identity }
  /** `nothing`: no claim waits. */
  | { readonly kind: "nothing" | "expired" | "wrongCode" };

/**
 * EN7: a person has compared the codes. From here on the machine that had this name before is kept out: its
 * serial is to be taken from the agent with this identity.
 */
export function confirm(identity: Identity, code: string, nowMs: number): Confirmation {
  const { token } = identity;
  if (token?.claim == null || token.issued !== null) return { kind: "nothing" };
  if (nowMs >= token.expiresMs && token.confirmedAtMs === null) return { kind: "expired" };
  if (token.claim.code !== code) return { kind: "wrongCode" };
  const confirmedAtMs = token.confirmedAtMs ?? nowMs;
  return {
    kind: "confirmed",
    identity: {
      ...identity,
      ...{ deviceKeyHex: null, nextSerialHex: null, renewed: null, nonces: [] },
      token: { ...token, confirmedAtMs },
    },
  };
}

interface Claimant {
  readonly csrSha256Hex: string;
  readonly deviceKeyHex: string;
  readonly transcript: Uint8Array;
  readonly code: string;
}

function claimantOf(request: EnrollRequest): Claimant {
  const [csr, devicePublicKey] = [bytesOf(request.csr), bytesOf(request.deviceKey)];
  const transcript = enrolmentTranscript({ tokenId: request.tokenId, csr, devicePublicKey });
  return {
    csrSha256Hex: sha256Hex(csr),
    deviceKeyHex: Buffer.from(devicePublicKey).toString("hex"),
    transcript,
    code: confirmationCode(transcript),
  };
}

function isSameClaimant(claim: NonNullable<EnrolmentState["claim"]>, claimant: Claimant): boolean {
  return (
    claim.csrSha256Hex === claimant.csrSha256Hex && claim.deviceKeyHex === claimant.deviceKeyHex
  );
}

/** By the token, and by the device key: who has the token alone cannot enrol somebody else's key. */
function isSigned(request: EnrollRequest, token: EnrolmentState, transcript: Uint8Array): boolean {
  const tokenKey = Buffer.from(token.publicKeyHex, "hex");
  const byToken = { transcript, signature: bytesOf(request.tokenSignature) };
  const byDevice = { transcript, signature: bytesOf(request.deviceSignature) };
  return isSignedBy(tokenKey, byToken) && isSignedBy(bytesOf(request.deviceKey), byDevice);
}

const refused = (reason: EnrollRefusal) => ({ kind: "refused", reason }) as const;
