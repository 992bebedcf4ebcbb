/** Whom the receiver's first word about trust must come from (07 EN8, 2.6). @module */
import { X509Certificate } from "node:crypto";
import type { Role } from "#documents/role.ts";
import { acceptTrustChain } from "#documents/trust-chain.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import { pemOf } from "./receiver-trust.ts";

export interface EnrolledTrust {
  readonly version: number;
  readonly issuedAt: string;
  /** SHA-256 of the last document's payload, hexadecimal: to compare with the vendor's list. */
  readonly digest: string;
  /** PEM, one behind the other. */
  readonly receiverCaPem: string;
}

export interface TrustQuestion {
  readonly anchor: Role;
  readonly tenant: string;
  /** Envelopes as parsed JSON, oldest first. */
  readonly chain: readonly object[];
  /** Raw: the device key and the hospital's, which no trust document may name (VT3). */
  readonly forbiddenKeys: readonly Uint8Array[];
  /** PEM: the CA that was found by the token's digest. */
  readonly pinnedCaPem: string;
}

/**
 * Verifies the whole chain from the anchor on.
 *
 * @throws {AgentError} `ENROLL_TRUST` with the code, and the number of the document, that refused
 */
export function trustOf(question: TrustQuestion): EnrolledTrust {
  const { anchor, tenant, forbiddenKeys, pinnedCaPem } = question;
  const envelopes = question.chain.map((one) => Buffer.from(JSON.stringify(one), "utf8"));
  const start = { stored: undefined, anchor, tenant, forbiddenKeys };
  const read = acceptTrustChain(start, envelopes);
  if (read.kind === "broken") throw untrusted(read.refused.code, read.index);
  const last = read.accepted.at(-1);
  if (last === undefined) throw untrusted("EMPTY", 0);
  const { version, issuedAt, receiverCas } = last.document;
  const pinned = new X509Certificate(pinnedCaPem).fingerprint256;
  if (!receiverCas.some((pem) => new X509Certificate(pem).fingerprint256 === pinned)) {
    throw untrusted("CA_NOT_LISTED", read.accepted.length - 1);
  }
  return { version, issuedAt, digest: last.digest, receiverCaPem: pemOf(receiverCas) };
}

const untrusted = (code: string, document: number): AgentError =>
  new AgentError("ENROLL_TRUST", { code: identifierFrom(code), document });
