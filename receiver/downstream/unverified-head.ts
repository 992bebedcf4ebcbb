/** A head that nobody can verify, as the numbers that stand in it. @module */
import { readEnvelope } from "#documents/envelope.ts";
import { parsePayload } from "#documents/payload.ts";
import { digestOf } from "#documents/verify.ts";
import type { HeadMarks } from "../store/heads.ts";

/** @returns `undefined` for what is no status document */
export function unverifiedHead(
  bytes: Uint8Array,
): (HeadMarks & { readonly digest: string; readonly deviceKeyHex: string }) | undefined {
  const envelope = readEnvelope(bytes, "status");
  if ("kind" in envelope) return undefined;
  const parsed = parsePayload("status", envelope.payload);
  if (parsed.kind === "refused") return undefined;
  const { counter, auditSeq, auditHead, generation } = parsed.document;
  const digest = digestOf(envelope.payload);
  return { counter, auditSeq, auditHead: auditHead ?? "", generation, digest, deviceKeyHex: "" };
}
