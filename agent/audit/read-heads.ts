/**
 * Heads that were held elsewhere, out of a file: envelopes as the receiver keeps them, one or a list or one a line, or
 * lines of a SIEM that have `payload="…"` and `signature="…"` in them.
 *
 * @module
 */

import { payloadTypeOf } from "#documents/document-types.ts";
import { keyIdOf } from "#documents/public-key.ts";
import { parseTime } from "#documents/time.ts";
import { digestOf, verifyDocument } from "#documents/verify.ts";
import type { HeldHead } from "./verify-chain.ts";

export interface ReadHeads {
  readonly heads: readonly HeldHead[];
  /** Signed by another key, of another agent, damaged, or no head. */
  readonly refusedCount: number;
}

export interface HeadsSigner {
  /** The device key, 32 bytes. */
  readonly raw: Uint8Array;
  readonly tenant: string;
  readonly agent: string;
}

/** Each head once; in order of their places in the audit. */
export function readHeads(text: string, { raw, tenant, agent }: HeadsSigner): ReadHeads {
  const role = { keys: new Map([[keyIdOf(raw), raw]]), threshold: 1 };
  const heads = new Map<string, HeldHead>();
  let refusedCount = 0;
  for (const envelope of envelopesIn(text)) {
    const found = verifyDocument({
      ...{ envelope: Buffer.from(envelope), type: "status", role },
      recipient: { tenant, agent },
    });
    if (found.kind === "refused") refusedCount += 1;
    else {
      const { auditSeq, auditHead, issuedAt } = found.document;
      const issuedAtMs = parseTime(issuedAt) ?? 0;
      const head = { auditSeq, auditHead: auditHead ?? "0".repeat(64), issuedAtMs };
      if (auditSeq > 0) heads.set(digestOf(found.payload), head);
    }
  }
  const inOrder = [...heads.values()].sort((a, b) => a.auditSeq - b.auditSeq);
  return { heads: inOrder, refusedCount };
}

/** Each as JSON. */
function envelopesIn(text: string): string[] {
  const whole = jsonOf(text);
  if (Array.isArray(whole)) return whole.map((one) => JSON.stringify(one));
  if (whole !== undefined) return [text];
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => ofSyslog(line) ?? line);
}

/** A head's line in the log of a SIEM, whatever that has put before and behind it. */
function ofSyslog(line: string): string | undefined {
  const named = (name: string): string | undefined =>
    new RegExp(`\\b${name}="([A-Za-z0-9+/=]+)"`).exec(line)?.[1];
  const [payload, signature, keyid] = [named("payload"), named("signature"), named("keyId")];
  if (payload === undefined || signature === undefined) return undefined;
  const signatures = [{ keyid: keyid ?? "", sig: signature }];
  return JSON.stringify({ payloadType: payloadTypeOf("status"), payload, signatures });
}

/** V8 may take keys with escapes for others: what is found is written again and then read strictly, so that it is refused at worst. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
