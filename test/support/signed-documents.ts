/** A vendor, a hospital and their keys, and documents that they would sign. @module */
import { createHash, createPrivateKey, type KeyObject } from "node:crypto";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import type { DocumentType } from "#documents/document-types.ts";
import { keyIdOf, rawOf } from "#documents/public-key.ts";
import type { Role } from "#documents/role.ts";
import { signDocument } from "#documents/sign.ts";
import type { ApprovalDocument } from "#documents/types/approval.ts";
import type { CommandDocument } from "#documents/types/command.ts";
import type { ConfigDocument } from "#documents/types/config.ts";
import type { HeadDocument } from "#documents/types/head.ts";
import type { StatusDocument } from "#documents/types/status.ts";
import type { TrustDocument } from "#documents/types/trust.ts";

export interface TestKey {
  readonly id: string;
  readonly raw: Uint8Array;
  readonly hex: string;
  readonly privateKey: KeyObject;
}

/** DER of a PKCS#8 Ed25519 key, up to its seed (RFC 8410 section 7). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** The same name, the same key. */
export function keyFrom(name: string): TestKey {
  const seed = createHash("sha256").update(name).digest();
  const der = Buffer.concat([PKCS8_PREFIX, seed]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const raw = rawOf(privateKey);
  return { id: keyIdOf(raw), raw, hex: Buffer.from(raw).toString("hex"), privateKey };
}

export const KEYS = {
  trust: [keyFrom("trust 1"), keyFrom("trust 2"), keyFrom("trust 3")],
  config: [keyFrom("config 1"), keyFrom("config 2"), keyFrom("config 3")],
  head: [keyFrom("head 1")],
  command: [keyFrom("command 1")],
  hospital: [keyFrom("hospital 1"), keyFrom("hospital 2")],
  device: [keyFrom("device 1")],
} as const;

export function role(keys: readonly TestKey[], threshold: number): Role {
  return { keys: new Map(keys.map(({ id, raw }) => [id, raw])), threshold };
}

export const ANCHOR = role(KEYS.trust, 2);
export const CONFIG_ROLE = role(KEYS.config, 2);
export const RECIPIENT = { tenant: "north", agent: "ward-1" };

const ca = await createDevelopmentCa("Receiver CA");

export function trust(change: Partial<TrustDocument> = {}): TrustDocument {
  const named = [...KEYS.trust, ...KEYS.config, ...KEYS.head, ...KEYS.command];
  const claim = (keys: readonly TestKey[], threshold: number) => ({
    keyIds: keys.map(({ id }) => id),
    threshold,
  });
  return {
    version: 1,
    tenant: RECIPIENT.tenant,
    issuedAt: "2026-01-01T00:00:00Z",
    configEpoch: 1,
    keys: Object.fromEntries(named.map(({ id, hex }) => [id, hex])),
    roles: {
      trust: claim(KEYS.trust, 2),
      config: claim(KEYS.config, 2),
      head: claim(KEYS.head, 1),
      command: claim(KEYS.command, 1),
    },
    receiverCas: [ca.certificatePem],
    supportKey: "09".padEnd(64, "0"),
    ...change,
  };
}

export function config(change: Partial<ConfigDocument> = {}): ConfigDocument {
  return {
    ...RECIPIENT,
    epoch: 1,
    seq: 1,
    base: null,
    issuedAt: "2026-02-01T00:00:00Z",
    offerExpires: "2026-03-01T00:00:00Z",
    minAgent: "0.1.0",
    maxAgent: "1.0.0",
    schema: 1,
    ticket: "T-1",
    body: { channels: [] },
    ...change,
  };
}

export function approval(change: Partial<ApprovalDocument> = {}): ApprovalDocument {
  return {
    ...RECIPIENT,
    subject: "ab".repeat(32),
    decision: "approve",
    approver: "Erika Mustermann",
    issuedAt: "2026-02-02T00:00:00Z",
    expires: "2026-02-20T00:00:00Z",
    notBefore: "2026-02-03T00:00:00Z",
    notAfter: "2026-02-10T00:00:00Z",
    ...change,
  };
}

export function head(change: Partial<HeadDocument> = {}): HeadDocument {
  return {
    ...RECIPIENT,
    epoch: 1,
    seq: 1,
    digest: "ab".repeat(32),
    trustVersion: 1,
    issuedAt: "2026-02-02T00:00:00Z",
    expires: "2026-02-09T00:00:00Z",
    ...change,
  };
}

export function command(change: Partial<CommandDocument> = {}): CommandDocument {
  return {
    ...RECIPIENT,
    op: "status.get",
    args: {},
    nonce: "0f".repeat(16),
    issuedAt: "2026-02-02T00:00:00Z",
    expires: "2026-02-02T00:15:00Z",
    engineer: "e.engineer@vendor.example",
    ticket: "T-2",
    ...change,
  };
}

export function status(change: Partial<StatusDocument> = {}): StatusDocument {
  return {
    ...RECIPIENT,
    counter: 1,
    bootId: "0a".repeat(16),
    issuedAt: "2026-02-02T00:00:00Z",
    agentVersion: "0.1.0",
    trustVersion: 1,
    epoch: 1,
    seqHigh: 0,
    effectiveDigest: null,
    state: null,
    generation: 1,
    auditSeq: 1,
    auditHead: "ab".repeat(32),
    clockSkewMs: null,
    ...change,
  };
}

/** Signed by these keys. */
export function signed(type: DocumentType, payload: object, keys: readonly TestKey[]): Uint8Array {
  const privateKeys = keys.map(({ privateKey }) => privateKey);
  return signDocument(type, payload, privateKeys);
}

/** The JSON of an envelope, to be changed and written again. */
export interface LooseEnvelope {
  payloadType: unknown;
  payload: unknown;
  signatures: { keyid: unknown; sig: unknown }[];
}

export function changed(envelope: Uint8Array, change: (json: LooseEnvelope) => void): Uint8Array {
  const json = JSON.parse(Buffer.from(envelope).toString("utf8")) as LooseEnvelope;
  change(json);
  return new TextEncoder().encode(JSON.stringify(json));
}
