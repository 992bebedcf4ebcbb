/**
 * The last known good configuration as a bundle (07 2.12, 2.13): what it is made of, and whether one that lies on the
 * disk can be believed, from the anchor on.
 *
 * @module
 */
import type { SignedBody } from "#config/signed-body.ts";
import { readBundle, writeBundle } from "#documents/bundle.ts";
import { readEnvelope } from "#documents/envelope.ts";
import type { Role } from "#documents/role.ts";
import { type AcceptedTrust, acceptTrustChain, readAcceptedTrust } from "#documents/trust-chain.ts";
import { roleOf } from "#documents/trust-rules.ts";
import type { ConfigDocument } from "#documents/types/config.ts";
import type { TrustDocument } from "#documents/types/trust.ts";
import { type Recipient, type Verified, verifyDocument } from "#documents/verify.ts";
import { bodyIn } from "./bodies.ts";

export interface LastGoodParts {
  /** Envelopes of the whole chain, oldest first. */
  readonly chain: readonly Uint8Array[];
  readonly config: Uint8Array;
  readonly recipient: Recipient;
}

/**
 * The chain goes no further than to the document whose keys signed the configuration: a later one may have withdrawn
 * them, and what was good stays good.
 *
 * @returns `undefined` where no document of the chain has such keys
 */
export function lastGoodBundle({
  chain,
  config,
  recipient,
}: LastGoodParts): Uint8Array | undefined {
  // Before it there may be another tenant's, for which this machine was enrolled once.
  const own = chain.filter((envelope) => trustIn(envelope)?.tenant === recipient.tenant);
  for (let count = own.length; count > 0; count--) {
    const newest = trustIn(own[count - 1]);
    if (newest === undefined || !isSignedUnder(newest, config, recipient)) continue;
    return writeBundle({
      trustChain: own.slice(0, count),
      config,
      approvals: [],
      head: undefined,
    });
  }
  return undefined;
}

export interface InspectedLastGood {
  readonly trust: readonly (AcceptedTrust & { readonly envelope: Uint8Array })[];
  readonly config: Verified<ConfigDocument>;
  readonly envelope: Uint8Array;
  readonly body: SignedBody;
}

/** @returns `undefined` for what does not verify from the anchor, or is not for this agent, or means nothing here */
export function inspectLastGood(
  bytes: Uint8Array,
  {
    anchor,
    recipient,
    forbiddenKeys,
  }: {
    readonly anchor: Role;
    readonly recipient: Recipient;
    readonly forbiddenKeys: readonly Uint8Array[];
  },
): InspectedLastGood | undefined {
  const bundle = readBundle(bytes);
  if ("kind" in bundle || bundle.config === undefined) return undefined;
  const { tenant } = recipient;
  const start = { stored: undefined, anchor, tenant, forbiddenKeys };
  const chain = acceptTrustChain(start, bundle.trustChain);
  const newest = chain.accepted.at(-1);
  if (chain.kind === "broken" || newest === undefined) return undefined;
  const role = roleOf(newest.document, "config");
  const config = verifyDocument({ envelope: bundle.config, type: "config", role, recipient });
  if (config.kind === "refused") return undefined;
  const body = bodyIn(config.document);
  if (body === undefined) return undefined;
  const trust = chain.accepted.map((one, index) => ({
    ...one,
    envelope: bundle.trustChain[index] ?? new Uint8Array(),
  }));
  return { trust, config, envelope: bundle.config, body };
}

function trustIn(envelope: Uint8Array | undefined): TrustDocument | undefined {
  const read = envelope === undefined ? undefined : readEnvelope(envelope, "trust");
  if (read === undefined || "kind" in read) return undefined;
  const found = readAcceptedTrust(read.payload);
  return "kind" in found ? undefined : found;
}

function isSignedUnder(trust: TrustDocument, envelope: Uint8Array, recipient: Recipient): boolean {
  const role = roleOf(trust, "config");
  return verifyDocument({ envelope, type: "config", role, recipient }).kind === "verified";
}
