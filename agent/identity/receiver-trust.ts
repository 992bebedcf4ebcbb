/**
 * Which authorities the receiver's certificate may be of (07 1.9): those that the newest trust document lists, and
 * nothing else. It may have come with the identity or behind it, by whatever way; the higher version counts.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import type { SlotIdentity } from "#certs/slot.ts";
import { readEnvelope } from "#documents/envelope.ts";
import { readAcceptedTrust } from "#documents/trust-chain.ts";
import type { TrustDocument } from "#documents/types/trust.ts";
import type { LoadedIdentities } from "./loading.ts";

/** One that was accepted (VT1 to VT7). */
export interface HeldTrust {
  readonly document: TrustDocument;
  readonly envelope: Uint8Array;
}

/** A slot's chain is read as a whole, by a reader with a limit of 8 MiB: a longer one is not begun. */
const CHAIN_MAX_CHARACTERS = 4 * 1_048_576;

/** What the store kept of them. @param envelopes in any order @returns oldest first; what cannot be read is left out */
export function heldTrust(envelopes: readonly Uint8Array[]): HeldTrust[] {
  return envelopes
    .flatMap((envelope): HeldTrust[] => {
      const document = documentIn(envelope);
      return document === undefined ? [] : [{ document, envelope }];
    })
    .sort((one, other) => one.document.version - other.document.version);
}

/**
 * An identity, as it trusts now.
 *
 * @param known oldest first
 * @returns the same object where nothing is newer than what came with it
 */
export function trusting(identity: SlotIdentity, known: readonly HeldTrust[]): SlotIdentity {
  // Of another tenant, for which this machine was enrolled once, none counts.
  const held = known.filter(({ document }) => document.tenant === identity.tenant);
  const newest = held.at(-1)?.document;
  const isNewer = newest !== undefined && newest.version > versionOf(identity.trustChain);
  if (!isNewer) return identity;
  const receiverCaPem = pemOf(newest.receiverCas);
  return { ...identity, receiverCaPem, trustChain: longer(identity.trustChain, held) };
}

/** PEM, one behind the other. */
export const pemOf = (certificates: readonly string[]): string =>
  certificates.map((pem) => (pem.endsWith("\n") ? pem : `${pem}\n`)).join("");

/** A CA is trusted no longer; others are trusted now; or nothing has changed. */
export type TrustEffect = "withdrawn" | "changed" | "same";

/** What it means for connections that were made with `before`. */
export function trustEffect(before: LoadedIdentities, after: LoadedIdentities): TrustEffect {
  const pairs = [[before.current, after.current] as const, [before.next, after.next] as const];
  const changed = pairs
    .map(([one, other]) => [one?.receiverCaPem ?? "", other?.receiverCaPem ?? ""] as const)
    .filter(([one, other]) => one !== other);
  if (changed.some(([one, other]) => isWithdrawn(one, other))) return "withdrawn";
  return changed.length > 0 ? "changed" : "same";
}

/** @param before PEM, one behind the other */
function isWithdrawn(before: string, after: string): boolean {
  const kept = new Set(fingerprintsOf(after));
  return fingerprintsOf(before).some((one) => !kept.has(one));
}

function fingerprintsOf(pem: string): string[] {
  const blocks = pem.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block).fingerprint256);
}

/** Of the last document of a chain; 0 for an identity that came without one. */
function versionOf(trustChain: string): number {
  const last = chainOf(trustChain).at(-1);
  if (last === undefined) return 0;
  return documentIn(Buffer.from(JSON.stringify(last)))?.version ?? 0;
}

/** The same chain with what follows it without a gap: a later start must be able to verify it from the anchor. */
function longer(trustChain: string, held: readonly HeldTrust[]): string {
  const chain = [...chainOf(trustChain)];
  let version = versionOf(trustChain);
  for (const { document, envelope } of held) {
    if (document.version !== version + 1) continue;
    chain.push(JSON.parse(Buffer.from(envelope).toString("utf8")));
    version += 1;
  }
  const text = JSON.stringify(chain);
  return text.length <= CHAIN_MAX_CHARACTERS ? text : trustChain;
}

/** None where it cannot be read: it is verified again before any of it is believed. */
function chainOf(trustChain: string): readonly unknown[] {
  try {
    const chain: unknown = JSON.parse(trustChain);
    return Array.isArray(chain) ? chain : [];
  } catch {
    return [];
  }
}

/** Envelopes of a slot's chain, oldest first. */
export const envelopesOf = (trustChain: string): Uint8Array[] =>
  chainOf(trustChain).map((one) => Buffer.from(JSON.stringify(one)));

function documentIn(envelope: Uint8Array): TrustDocument | undefined {
  const read = readEnvelope(envelope, "trust");
  const found = "kind" in read ? read : readAcceptedTrust(read.payload);
  return "kind" in found ? undefined : found;
}
