/**
 * Whatever is made of signed documents, the kernel gives an answer, and never accepts what nobody signed
 * (07 U16). Real documents of all types are cut, spliced with each other, and changed as text and as JSON.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { readBundle, writeBundle } from "#documents/bundle.ts";
import { DOCUMENT_TYPES, type DocumentType } from "#documents/document-types.ts";
import { parsePayload } from "#documents/payload.ts";
import type { Refused } from "#documents/refusal.ts";
import type { Role } from "#documents/role.ts";
import { acceptTrustChain, readAcceptedTrust } from "#documents/trust-chain.ts";
import { type Verified, verifyDocument } from "#documents/verify.ts";
import * as make from "#test/support/signed-documents.ts";
import { KEYS, RECIPIENT, role, signed } from "#test/support/signed-documents.ts";
import { edited, type Json, place, type TextChange, textChanges } from "./changed-text.ts";
import { anyBytes } from "./wire-bytes.ts";

/** One character a byte. */
export interface DocumentCase {
  readonly text: string;
}

const ROLES: Readonly<Record<DocumentType, Role>> = {
  trust: make.ANCHOR,
  config: make.CONFIG_ROLE,
  approval: role(KEYS.hospital, 1),
  head: role(KEYS.head, 1),
  status: role(KEYS.device, 1),
  command: role(KEYS.command, 1),
};
const ORIGINALS: readonly (readonly [type: DocumentType, envelope: Uint8Array])[] = [
  ["trust", signed("trust", make.trust(), KEYS.trust)],
  ["config", signed("config", make.config(), KEYS.config)],
  ["config", signed("config", make.config({ seq: 2 }), KEYS.config.slice(0, 1))],
  ["approval", signed("approval", make.approval(), KEYS.hospital)],
  ["head", signed("head", make.head(), KEYS.head)],
  ["status", signed("status", make.status(), KEYS.device)],
  ["command", signed("command", make.command(), KEYS.command)],
];
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const BUNDLE = writeBundle({
  trustChain: [signed("trust", make.trust(), KEYS.trust)],
  config: signed("config", make.config(), KEYS.config),
  approvals: [signed("approval", make.approval(), KEYS.hospital)],
  head: undefined,
});
/** Payloads stand among them on their own: what a thief of keys would sign. */
const PAYLOADS = [
  ...[make.trust(), make.config(), make.approval(), make.head(), make.status(), make.command()],
].map((payload) => JSON.stringify(payload));
const TEXTS = [...[...ORIGINALS.map(([, envelope]) => envelope), BUNDLE].map(textOf), ...PAYLOADS];

/** What the originals say, by type: nothing else may ever be accepted. */
const SIGNED = new Set(
  ORIGINALS.map(([type, envelope]) => verify(type, envelope))
    .filter((answer) => answer.kind === "verified")
    .map(({ digest }) => digest),
);

function verify(type: DocumentType, envelope: Uint8Array): Verified<unknown> | Refused {
  return verifyDocument({ envelope, type, role: ROLES[type], recipient: RECIPIENT });
}

const original = fc.constantFrom(...TEXTS);

/** A change of the text; places are taken modulo its length. */
const change: fc.Arbitrary<TextChange> = fc.oneof(
  ...textChanges(original),
  fc.tuple(original, fc.constantFrom("payloadType", "payload", "signatures"), fc.boolean()).map(
    ([other, name, both]) =>
      (text: string) =>
        withMember(text, other, name, both),
  ),
  fc.tuple(fc.constantFrom("payload", "signatures"), fc.jsonValue()).map(
    ([name, value]) =>
      (text: string) =>
        edited(text, (json) => ({ ...json, [name]: value })),
  ),
  fc.tuple(place, fc.nat({ max: 63 })).map(
    ([which, byte]) =>
      (text: string) =>
        edited(text, (json) => withSignatureByte(json, which, byte)),
  ),
);

export const documentCase: fc.Arbitrary<DocumentCase> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(original, fc.array(change, { minLength: 1, maxLength: 4 }))
      .map(([text, changes]) => ({ text: changes.reduce((so, make) => make(so), text) })),
  },
  { weight: 1, arbitrary: anyBytes(400).map((text) => ({ text })) },
);

/** Takes a member of another envelope, instead of its own or, for lists, beside it. */
function withMember(text: string, other: string, name: string, both: boolean): string {
  return edited(text, (json) => {
    const theirs = (JSON.parse(other) as Json)[name];
    const own = json[name];
    const joined =
      both && Array.isArray(own) && Array.isArray(theirs) ? [...own, ...theirs] : theirs;
    return { ...json, [name]: joined };
  });
}

function withSignatureByte(json: Json, which: number, byte: number): Json {
  const list = Array.isArray(json["signatures"]) ? (json["signatures"] as { sig?: unknown }[]) : [];
  const signatures = list.map((one, index) => {
    if (index !== which % list.length || typeof one?.sig !== "string") return one;
    const bytes = Buffer.from(one.sig, "base64");
    bytes[byte] = (bytes[byte] ?? 0) ^ 0x10;
    return { ...one, sig: bytes.toString("base64") };
  });
  return { ...json, signatures };
}

/** @throws {AssertionError} if something is believed that nobody signed; whatever the kernel throws */
export function checkDocument({ text }: DocumentCase): void {
  const bytes = new Uint8Array(Buffer.from(text, "latin1"));
  for (const type of DOCUMENT_TYPES) {
    const answer = verify(type, bytes);
    if (answer.kind === "verified") assert.ok(SIGNED.has(answer.digest), `accepted as ${type}`);
    else if (answer.detail !== undefined) assert.match(answer.detail, /^[A-Za-z0-9_.:-]{0,64}$/);
  }
  checkPayload(bytes);
  const start = { stored: undefined, anchor: make.ANCHOR, tenant: "north", forbiddenKeys: [] };
  const bundle = readBundle(bytes);
  const chain = "kind" in bundle ? [bytes] : bundle.trustChain;
  for (const { digest } of acceptTrustChain(start, chain).accepted) assert.ok(SIGNED.has(digest));
}

/** What is read of a payload is what is written of it. */
function checkPayload(bytes: Uint8Array): void {
  for (const type of DOCUMENT_TYPES) {
    const parsed = parsePayload(type, bytes);
    if (parsed.kind === "refused") continue;
    const again = parsePayload(type, Buffer.from(JSON.stringify(parsed.document)));
    assert.deepEqual(again, parsed);
  }
  const trust = readAcceptedTrust(bytes);
  if (!("kind" in trust)) assert.ok(trust.roles.trust.threshold >= 2);
}

export function showDocument({ text }: DocumentCase): string {
  return Buffer.from(text, "latin1").toString("hex");
}
