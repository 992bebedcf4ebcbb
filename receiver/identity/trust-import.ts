/**
 * `trust import`: the trust documents that an agent is given when it enrols (07 EN8). They are verified as an
 * agent would, but that the first one has no anchor here: it is believed if it is signed by its own trust role.
 * Whoever takes the receiver over can hand out others; the agent has the anchor, and refuses them.
 *
 * @module
 */
import { readEnvelope } from "#documents/envelope.ts";
import { parsePayload } from "#documents/payload.ts";
import type { Refused } from "#documents/refusal.ts";
import { acceptTrust } from "#documents/trust-chain.ts";
import { checkTrust, roleOf } from "#documents/trust-rules.ts";
import type { TrustDocument } from "#documents/types/trust.ts";
import { type Facts, identifierFrom, ReceiverError } from "../errors.ts";
import type { Registry } from "../store/registry.ts";
import { trustOf } from "../store/walk.ts";

export interface ImportedTrust {
  readonly tenant: string;
  readonly version: number;
  /** Hex SHA-256 of the payload: what the vendor publishes. */
  readonly digest: string;
}

/**
 * Keeps documents, each of which follows on the one before. What is there already is passed over.
 *
 * @param index from 0, for the error
 * @throws {ReceiverError} `TRUST_REFUSED`, `TRUST_CONFLICT`, `STORE_FULL`
 */
export async function importTrust(
  registry: Registry,
  envelope: Uint8Array,
  { index, atMs }: { readonly index: number; readonly atMs: number },
): Promise<ImportedTrust> {
  const claimed = documentIn(envelope);
  if ("code" in claimed) throw refusal(claimed, index);
  const { tenant, version } = claimed;
  const text = Buffer.from(envelope).toString("utf8");
  const stored = await latestBefore(registry, tenant, version);
  const anchor = roleOf(claimed, "trust");
  const accepted = acceptTrust({ stored, anchor, envelope, tenant, forbiddenKeys: [] });
  if (accepted.kind === "refused") throw refusal(accepted, index);
  const { kind } = await registry.addTrust({ tenant, version, envelope: text, atMs });
  if (kind === "busy") throw new ReceiverError("STORE_FULL");
  if (kind === "conflict") throw new ReceiverError("TRUST_CONFLICT", { facts: { index, version } });
  return { tenant, version, digest: accepted.digest };
}

/** What an envelope says of itself; nobody has verified it yet. */
function documentIn(bytes: Uint8Array): TrustDocument | Refused {
  const envelope = readEnvelope(bytes, "trust");
  if ("kind" in envelope) return envelope;
  const parsed = parsePayload("trust", envelope.payload);
  return parsed.kind === "refused" ? parsed : checkTrust(parsed.document, []);
}

/** The document before `version`, or the latest; undefined for a tenant without any. */
async function latestBefore(
  registry: Registry,
  tenant: string,
  version: number,
): Promise<TrustDocument | undefined> {
  let latest: string | undefined;
  for await (const kept of trustOf(registry, tenant)) {
    if (kept.version >= version) break;
    latest = kept.envelope;
  }
  if (latest === undefined) return undefined;
  const document = documentIn(Buffer.from(latest, "utf8"));
  if ("code" in document) throw new ReceiverError("STORE_CORRUPT");
  return document;
}

function refusal({ code, step, detail }: Refused, index: number): ReceiverError {
  const facts: Facts = {
    ...{ index, code: identifierFrom(code), step: identifierFrom(step) },
    ...(detail !== undefined && detail !== "" && { detail: identifierFrom(detail) }),
  };
  return new ReceiverError("TRUST_REFUSED", { facts });
}
