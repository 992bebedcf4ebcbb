import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { test } from "node:test";
import {
  DOCUMENT_TYPES,
  type DocumentType,
  PAYLOAD_MAX_BYTES,
  payloadTypeOf,
} from "#documents/document-types.ts";
import { writeEnvelope } from "#documents/envelope.ts";
import { ENVELOPE_MAX_BYTES } from "#documents/limits.ts";
import { preAuthEncoding } from "#documents/pae.ts";
import type { Refused } from "#documents/refusal.ts";
import type { Role } from "#documents/role.ts";
import { digestOf, verifyDocument } from "#documents/verify.ts";
import * as make from "#test/support/signed-documents.ts";
import {
  changed,
  type LooseEnvelope,
  RECIPIENT,
  role,
  signed,
  type TestKey,
} from "#test/support/signed-documents.ts";

const [first, second, third] = make.KEYS.config;
const GOOD = signed("config", make.config(), [first, second]);

function judge(
  envelope: Uint8Array,
  {
    type = "config",
    by = make.CONFIG_ROLE,
    recipient = RECIPIENT,
  }: {
    type?: DocumentType;
    by?: Role;
    recipient?: { tenant: string; agent?: string };
  } = {},
): string {
  return said(verifyDocument({ envelope, type, role: by, recipient }));
}

function said(answer: Refused | { readonly kind: "verified" }): string {
  return answer.kind === "verified" ? "verified" : `${answer.step} ${answer.code}`;
}

/** An envelope around any payload bytes, signed as they are. */
function around(
  payload: string | Uint8Array,
  keys: readonly TestKey[] = [first, second],
): Uint8Array {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const message = preAuthEncoding(payloadTypeOf("config"), bytes);
  const signatures = keys.map(({ id, privateKey }) => ({
    keyId: id,
    signature: new Uint8Array(sign(null, message, privateKey)),
  }));
  return writeEnvelope({ type: "config", payload: bytes, signatures });
}

const CONFIG_JSON = JSON.stringify(make.config());

test("[V1, V10] a good document: what it says, its very bytes, its digest, who signed", () => {
  const question = { type: "config", role: make.CONFIG_ROLE, recipient: RECIPIENT } as const;
  const verified = verifyDocument({ envelope: GOOD, ...question });
  assert.ok(verified.kind === "verified");
  assert.deepEqual(verified.document, make.config());
  assert.equal(Buffer.from(verified.payload).toString(), CONFIG_JSON);
  assert.equal(verified.digest, digestOf(verified.payload));
  assert.deepEqual(verified.signers, [first.id, second.id]);
});

for (const [type, keys, payload] of [
  ["trust", make.KEYS.trust, make.trust()],
  ["config", make.KEYS.config, make.config()],
  ["approval", make.KEYS.hospital, make.approval()],
  ["head", make.KEYS.head, make.head()],
  ["status", make.KEYS.device, make.status()],
  ["command", make.KEYS.command, make.command()],
] as const) {
  test(`[V9, VH1, VM1] ${type} is read back as it was signed; a field too many or too few is refused`, () => {
    const by = role(keys, 1);
    const question = { type, role: by, recipient: RECIPIENT };
    const verified = verifyDocument({ envelope: signed(type, payload, keys), ...question });
    assert.ok(verified.kind === "verified");
    assert.deepEqual(verified.document, payload);
    for (const name of Object.keys(payload)) {
      const { [name]: _gone, ...rest } = payload as Record<string, unknown>;
      assert.throws(() => signed(type, rest, keys), RangeError, name);
    }
    assert.throws(() => signed(type, { ...payload, more: 1 }, keys), RangeError);
  });
}

const padded = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length).fill(0x20);
  bytes.set(GOOD);
  return bytes;
};
const edit = (change: (json: LooseEnvelope) => void): Uint8Array => changed(GOOD, change);
const firstOf = (json: LooseEnvelope): { keyid: unknown; sig: unknown } => {
  const [signature] = json.signatures;
  assert.ok(signature);
  return signature;
};
const member = (name: string, value: unknown): Uint8Array =>
  edit((json) => Object.assign(json, { [name]: value }));
const inFirst = (name: string, value: unknown): Uint8Array =>
  edit((json) => Object.assign(firstOf(json), { [name]: value }));
const zeros = (length: number): string => Buffer.alloc(length).toString("base64");
const SWAPPED = edit((json) => {
  const [a, b] = json.signatures.map(({ sig }) => sig);
  for (const [index, sig] of [b, a].entries()) Object.assign(json.signatures[index] ?? {}, { sig });
});
const instead = (part: string, replacement: string): Uint8Array =>
  around(CONFIG_JSON.replace(part, replacement));
const text = (envelope: Uint8Array): string => Buffer.from(envelope).toString("utf8");
const bytes = (json: string): Uint8Array => new TextEncoder().encode(json);
const LIMIT = PAYLOAD_MAX_BYTES.config;

const STEPS: readonly (readonly [what: string, envelope: Uint8Array, answer: string])[] = [
  ["exactly 2 MB", padded(ENVELOPE_MAX_BYTES), "verified"],
  ["one byte more", padded(ENVELOPE_MAX_BYTES + 1), "V1 TOO_LARGE"],
  ["no UTF-8", Buffer.concat([GOOD, Buffer.from([0xff])]), "V2 MALFORMED"],
  ["a byte order mark", Buffer.concat([Buffer.from("efbbbf", "hex"), GOOD]), "V2 MALFORMED"],
  ["no JSON", GOOD.subarray(0, -3), "V3 MALFORMED"],
  [
    "two payloads",
    bytes(text(GOOD).replace('"payload":', '"payload":"AA==","payload":')),
    "V3 MALFORMED",
  ],
  ["another member", member("alg", "none"), "V3 MALFORMED"],
  ["no payload type", member("payloadType", undefined), "V4 WRONG_TYPE"],
  [
    "a payload type in capitals",
    member("payloadType", payloadTypeOf("config").toUpperCase()),
    "V4 WRONG_TYPE",
  ],
  ["no payload", member("payload", undefined), "V5 MALFORMED"],
  ["a payload that is no text", member("payload", 7), "V5 MALFORMED"],
  ["junk for base64", member("payload", "%%%"), "V5 MALFORMED"],
  [
    "base64 with a line break",
    edit((json) => Object.assign(json, { payload: `${json.payload}\n` })),
    "V5 MALFORMED",
  ],
  ["a payload a byte above its limit", member("payload", zeros(LIMIT + 1)), "V5 TOO_LARGE"],
  ["a payload far above it", member("payload", zeros(LIMIT + 300)), "V5 TOO_LARGE"],
  ["too much, whatever it is", member("payload", "%".repeat(1_400_000)), "V5 TOO_LARGE"],
  ["a payload at its limit", around(CONFIG_JSON.padEnd(LIMIT, " ")), "verified"],
  ["no signatures", member("signatures", undefined), "V6 MALFORMED"],
  ["signatures that are no list", member("signatures", { 0: {} }), "V6 MALFORMED"],
  ["none", edit((json) => json.signatures.splice(0)), "V6 MALFORMED"],
  ["16", edit((json) => json.signatures.push(...Array(14).fill(json.signatures[0]))), "verified"],
  [
    "17",
    edit((json) => json.signatures.push(...Array(15).fill(json.signatures[0]))),
    "V6 MALFORMED",
  ],
  [
    "a signature that is null",
    edit((json) => Object.assign(json.signatures, { 0: null })),
    "V6 MALFORMED",
  ],
  ["a signature with a member more", inFirst("cert", "x"), "V6 MALFORMED"],
  ["a signature without key id", inFirst("keyid", undefined), "V6 MALFORMED"],
  ["a key id in capitals", inFirst("keyid", first.id.toUpperCase()), "V6 MALFORMED"],
  ["a key id with a line feed", inFirst("keyid", `${first.id}\n`), "V6 MALFORMED"],
  ["junk for a signature", inFirst("sig", "!"), "V6 MALFORMED"],
  ["a signature of 63 bytes", inFirst("sig", zeros(63)), "V6 MALFORMED"],
  ["a signature of zeros", inFirst("sig", zeros(64)), "V8 SIGNATURES"],
  ["signatures the wrong way round", SWAPPED, "V8 SIGNATURES"],
  ["a good signature under an unknown id", inFirst("keyid", "ab".repeat(32)), "V8 SIGNATURES"],
  [
    "a signature too many of a stranger",
    signed("config", make.config(), [make.keyFrom("x"), first, second]),
    "verified",
  ],
  ["one of two", signed("config", make.config(), [first]), "V8 SIGNATURES"],
  ["any two of three", signed("config", make.config(), [third, first]), "verified"],
  ["all three", signed("config", make.config(), [third, second, first]), "verified"],
  [
    "one and a stranger",
    signed("config", make.config(), [first, make.keyFrom("x")]),
    "V8 SIGNATURES",
  ],
  ["a payload that is no UTF-8", around(Buffer.from("ff", "hex")), "V9 MALFORMED"],
  ["a payload with a mark", around(`\uFEFF${CONFIG_JSON}`), "V9 MALFORMED"],
  ["a payload that is a list", around(`[${CONFIG_JSON}]`), "V9 MALFORMED"],
  ["a payload with a field twice", instead('"seq":1', '"seq":1,"seq":2'), "V9 MALFORMED"],
  ["a number that is no integer", instead('"seq":1', '"seq":1.5'), "V9 MALFORMED"],
  ["a number that is not safe", instead('"seq":1', '"seq":9007199254740993'), "V9 MALFORMED"],
  ["a number as text", instead('"seq":1', '"seq":"1"'), "V9 MALFORMED"],
  [
    "a time in another format",
    instead("2026-03-01T00:00:00Z", "2026-03-01T00:00:00+00:00"),
    "V9 MALFORMED",
  ],
  [
    "a time with milliseconds",
    instead("2026-03-01T00:00:00Z", "2026-03-01T00:00:00.000Z"),
    "V9 MALFORMED",
  ],
  ["a day that is not", instead("2026-03-01T00:00:00Z", "2026-02-29T00:00:00Z"), "V9 MALFORMED"],
  ["a time that is a word", instead("2026-03-01T00:00:00Z", "never"), "V9 MALFORMED"],
  [
    "another agent",
    signed("config", make.config({ agent: "ward-2" }), [first, second]),
    "V10 WRONG_RECIPIENT",
  ],
  [
    "another tenant",
    signed("config", make.config({ tenant: "south" }), [first, second]),
    "V10 WRONG_RECIPIENT",
  ],
];
for (const [what, envelope, answer] of STEPS) {
  test(`[${answer === "verified" ? "V8" : answer.split(" ")[0]}] ${what}: ${answer}`, () => {
    assert.equal(judge(envelope), answer);
  });
}

test("[V5, V6] either alphabet of base64 is read, for payload and signatures", () => {
  const urlSafe = (value: unknown): string =>
    Buffer.from(String(value), "base64").toString("base64url");
  // Enough signatures that + and / occur.
  const envelope = edit((json) => {
    json.payload = urlSafe(json.payload);
    for (const signature of json.signatures) signature.sig = urlSafe(signature.sig);
  });
  assert.match(text(envelope), /"sig":"[^"]*[-_]/);
  assert.equal(judge(envelope), "verified");
});

test("[V4] each type is refused where another is expected", () => {
  for (const type of DOCUMENT_TYPES) {
    const expected = type === "config" ? "verified" : "V4 WRONG_TYPE";
    assert.equal(judge(GOOD, { type }), expected);
  }
});

test("[V7] a role with the same public key under two ids counts it once", () => {
  const twoNames: Role = {
    keys: new Map([
      [first.id, first.raw],
      [second.id, first.raw],
    ]),
    threshold: 2,
  };
  const envelope = changed(signed("config", make.config(), [first]), (json) => {
    json.signatures.push({ ...firstOf(json), keyid: second.id });
  });
  assert.equal(judge(envelope, { by: twoNames }), "V8 SIGNATURES");
  assert.equal(judge(envelope, { by: { ...twoNames, threshold: 1 } }), "verified");
});

test("[V7] a key in a role that may not be used counts for nothing", () => {
  const by: Role = { keys: new Map([[first.id, new Uint8Array(32)]]), threshold: 1 };
  assert.equal(judge(GOOD, { by }), "V8 SIGNATURES");
});

test("[V8] a threshold of nothing is met by nobody", () => {
  for (const threshold of [0, -1, Number.NaN]) {
    assert.equal(judge(GOOD, { by: role([first, second], threshold) }), "V8 SIGNATURES");
  }
  assert.equal(judge(GOOD, { by: role([], 0) }), "V8 SIGNATURES");
});

test("[V10] a document for one agent is not for a tenant without one", () => {
  assert.equal(judge(GOOD, { recipient: { tenant: "north" } }), "V10 WRONG_RECIPIENT");
  const trust = signed("trust", make.trust(), make.KEYS.trust);
  const question = { type: "trust", by: make.ANCHOR } as const;
  assert.equal(judge(trust, { ...question, recipient: { tenant: "north" } }), "verified");
  assert.equal(
    judge(trust, { ...question, recipient: { tenant: "south" } }),
    "V10 WRONG_RECIPIENT",
  );
});

test("[V9] what a refusal says of a document fits a log line", () => {
  const field = "Müller,Erika\n";
  const payload = around(
    CONFIG_JSON.replace('"seq":1', `"seq":1,${JSON.stringify(field.trim())}:2`),
  );
  const question = { type: "config", role: make.CONFIG_ROLE, recipient: RECIPIENT } as const;
  const answer = verifyDocument({ envelope: payload, ...question });
  assert.deepEqual(answer, {
    kind: "refused",
    code: "MALFORMED",
    step: "V9",
    detail: "M-ller-Erika",
  });
});
