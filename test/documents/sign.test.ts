import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { test } from "node:test";
import { PAYLOAD_MAX_BYTES } from "#documents/document-types.ts";
import { type Envelope, readEnvelope } from "#documents/envelope.ts";
import { bytesToSign, signDocument, withAttached, withSignature } from "#documents/sign.ts";
import { signersOf } from "#documents/verify.ts";
import { config, KEYS, keyFrom, role, signed } from "#test/support/signed-documents.ts";

const [first, second] = KEYS.config;

function envelopeOf(bytes: Uint8Array): Envelope {
  const envelope = readEnvelope(bytes, "config");
  assert.ok(!("kind" in envelope));
  return envelope;
}
const ENVELOPE = envelopeOf(signed("config", config(), [first]));
const ids = ({ signatures }: Envelope): string[] => signatures.map(({ keyId }) => keyId);

test("several people sign one after another, in any order; the payload stays as it was", () => {
  const both = withSignature(ENVELOPE, second.privateKey);
  assert.deepEqual(both.payload, ENVELOPE.payload);
  assert.deepEqual(signersOf(both, role(KEYS.config, 2)), [first.id, second.id]);
});

test("who signs twice has signed once", () => {
  const again = withSignature(withSignature(ENVELOPE, second.privateKey), first.privateKey);
  assert.deepEqual(ids(again), [second.id, first.id]);
});

test("a signature that was made elsewhere is attached if it is of that key over these bytes", () => {
  const signature = sign(null, bytesToSign(ENVELOPE), second.privateKey);
  assert.deepEqual(ids(withAttached(ENVELOPE, second.raw, signature)), [first.id, second.id]);
  assert.throws(() => withAttached(ENVELOPE, first.raw, signature), RangeError);
  const overPayload = sign(null, ENVELOPE.payload, second.privateKey);
  assert.throws(() => withAttached(ENVELOPE, second.raw, overPayload), RangeError);
  assert.throws(() => withAttached(ENVELOPE, new Uint8Array(32), signature), RangeError);
});

test("a 17th signature is not attached", () => {
  const names = Array.from({ length: 15 }, (_, index) => keyFrom(`signer ${index}`));
  const full = names.reduce((so, { privateKey }) => withSignature(so, privateKey), ENVELOPE);
  assert.equal(full.signatures.length, 16);
  assert.throws(() => withSignature(full, second.privateKey), RangeError);
  assert.equal(withSignature(full, first.privateKey).signatures.length, 16);
});

test("what no one would accept is not signed", () => {
  const refuses = (payload: object, about: RegExp): void =>
    assert.throws(() => signDocument("config", payload, [first.privateKey]), about);
  refuses({ ...config(), seq: 0 }, /config: seq/);
  refuses({ ...config(), more: 1 }, /config: more/);
  refuses(config({ body: { text: "x".repeat(PAYLOAD_MAX_BYTES.config) } }), /bytes/);
  refuses(config({ body: { 'a"b': 1 } }), /escaped-key/);
  refuses(config({ body: { text: "\ud800" } }), /lone-surrogate/);
});
