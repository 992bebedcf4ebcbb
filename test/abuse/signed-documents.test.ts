/** Somebody offers documents that are signed wrongly, for others, out of order, or are no documents (07 section 4). */
import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { test } from "node:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import { countApprovals, verifyApproval } from "#documents/approval-rules.ts";
import { readBundle, writeBundle } from "#documents/bundle.ts";
import { type ConfigStanding, judgeOffer } from "#documents/config-rules.ts";
import { payloadTypeOf } from "#documents/document-types.ts";
import { readEnvelope, writeEnvelope } from "#documents/envelope.ts";
import { preAuthEncoding } from "#documents/pae.ts";
import type { RefusalCode, Refused } from "#documents/refusal.ts";
import type { Role } from "#documents/role.ts";
import { acceptTrust, acceptTrustChain } from "#documents/trust-chain.ts";
import { roleOf } from "#documents/trust-rules.ts";
import type { ConfigDocument } from "#documents/types/config.ts";
import type { TrustDocument } from "#documents/types/trust.ts";
import { verifyDocument } from "#documents/verify.ts";
import * as make from "#test/support/signed-documents.ts";
import { changed, KEYS, keyFrom, RECIPIENT, role, signed } from "#test/support/signed-documents.ts";

type Answer = RefusalCode | "accepted";
type Keys = readonly make.TestKey[];

const codeOf = (answer: Refused | { readonly kind: string }): Answer =>
  "code" in answer ? answer.code : "accepted";

function offered(envelope: Uint8Array, by: Role = make.CONFIG_ROLE): Answer {
  return codeOf(verifyDocument({ envelope, type: "config", role: by, recipient: RECIPIENT }));
}
const configBy = (keys: Keys, change: Partial<ConfigDocument> = {}): Uint8Array =>
  signed("config", make.config(change), keys);
const [first, second] = KEYS.config;
const GOOD = configBy([first, second]);

test("[U01] one of two config signatures", () => {
  assert.equal(offered(configBy([first])), "SIGNATURES");
});

test("[U02] the same key twice; one public key under two ids", () => {
  const twice = changed(configBy([first]), ({ signatures }) => signatures.push(...signatures));
  assert.equal(offered(twice), "SIGNATURES");
  const twoIds = changed(configBy([first]), ({ signatures }) => {
    signatures.push({ keyid: second.id, sig: signatures[0]?.sig });
  });
  assert.equal(offered(twoIds), "SIGNATURES");
  const roleOfBoth = {
    threshold: 2,
    keys: new Map([first.id, second.id].map((id) => [id, first.raw])),
  };
  assert.equal(offered(twoIds, roleOfBoth), "SIGNATURES");
});

const HOSPITAL = role(KEYS.hospital, 2);
const SUBJECT = "ab".repeat(32);
const FEB_5 = { clockMs: Date.UTC(2026, 1, 5), floorMs: 0 };

/** What a hospital's agent counts of these envelopes. */
function standing(...envelopes: readonly Uint8Array[]): string {
  const counted = envelopes
    .map((envelope) => verifyApproval(envelope, HOSPITAL, RECIPIENT))
    .filter((answer) => answer.kind === "verified");
  return countApprovals(counted, { subject: SUBJECT, hospital: HOSPITAL, time: FEB_5 }).kind;
}
const [anna, bert] = KEYS.hospital;
const approvalBy = (keys: Keys, change: Parameters<typeof make.approval>[0] = {}): Uint8Array =>
  signed("approval", make.approval(change), keys);

test("[U03] the vendor's keys sign the approval: keeps waiting", () => {
  const vendor = [...KEYS.trust, ...KEYS.config, ...KEYS.head, ...KEYS.command];
  assert.equal(standing(approvalBy(vendor)), "waiting");
  assert.equal(standing(approvalBy([...vendor, anna])), "waiting");
  assert.equal(standing(approvalBy([anna]), approvalBy([bert])), "approved");
});

test("[U04] a hospital key signs a configuration", () => {
  assert.equal(offered(configBy(KEYS.hospital)), "SIGNATURES");
  assert.equal(offered(configBy([first, anna])), "SIGNATURES");
});

test("[U05] the approval is missing, of another digest, agent, tenant, or expired: keeps waiting", () => {
  assert.equal(standing(), "waiting");
  for (const change of [
    { subject: "cd".repeat(32) },
    { agent: "ward-2" },
    { tenant: "south" },
    { expires: "2026-02-05T00:00:00Z" },
  ]) {
    assert.equal(standing(approvalBy([anna]), approvalBy([bert], change)), "waiting");
  }
});

test("[U07] the right signatures, for another agent or tenant", () => {
  assert.equal(offered(configBy([first, second], { agent: "ward-2" })), "WRONG_RECIPIENT");
  assert.equal(offered(configBy([first, second], { tenant: "south" })), "WRONG_RECIPIENT");
});

const STANDING: ConfigStanding = {
  ...{ isFrozen: false, configEpoch: 1, seqHigh: 7, ownVersion: "0.5.0", knownSchemas: [1] },
  ...{
    newest: { digest: SUBJECT, outcome: "committed" },
    effectiveDigest: SUBJECT,
    effectiveEpoch: 1,
  },
};

/** A document with real signatures, judged up to VC7. */
function judged(
  change: Partial<ConfigDocument>,
  { standing = STANDING, time = FEB_5 }: { standing?: ConfigStanding; time?: typeof FEB_5 } = {},
): Answer {
  const envelope = configBy([first, second], { seq: 8, base: SUBJECT, ...change });
  const question = { type: "config", role: make.CONFIG_ROLE, recipient: RECIPIENT } as const;
  const verified = verifyDocument({ envelope, ...question });
  if (verified.kind === "refused") return verified.code;
  return codeOf(judgeOffer(verified.document, verified.digest, standing, time));
}

test("[U08] an older sequence number, or the same one with other bytes", () => {
  assert.equal(judged({}), "accepted");
  assert.equal(judged({ seq: 6 }), "ROLLBACK");
  assert.equal(judged({ seq: 7 }), "ROLLBACK");
});

test("[U10] seq 2^50 with real keys; after trust N+1 with a new epoch seq 1 applies", () => {
  assert.equal(judged({ seq: 2 ** 50 }), "FAST_FORWARD");
  const envelope = signed("trust", make.trust({ version: 2, configEpoch: 2 }), KEYS.trust);
  const next = trustStep(envelope, make.trust());
  assert.ok(next.kind === "accepted" && next.startsEpoch);
  const standing = { ...STANDING, configEpoch: 2, seqHigh: 0, newest: undefined };
  assert.equal(judged({ epoch: 2, seq: 1 }, { standing }), "accepted");
  assert.equal(judged({ epoch: 2, seq: 1, base: null }, { standing }), "accepted");
});

function trustStep(envelope: Uint8Array, stored?: TrustDocument, forbiddenKeys: Uint8Array[] = []) {
  return acceptTrust({ stored, anchor: make.ANCHOR, envelope, tenant: "north", forbiddenKeys });
}

test("[U11] an old epoch; old keys after rotation", () => {
  assert.equal(judged({ epoch: 0 }), "EPOCH");
  const fresh = [keyFrom("config 4"), keyFrom("config 5")];
  const named = [...KEYS.trust, ...fresh, ...KEYS.head, ...KEYS.command];
  const rotated = make.trust({
    version: 2,
    keys: Object.fromEntries(named.map(({ id, hex }) => [id, hex])),
    roles: { ...make.trust().roles, config: { keyIds: fresh.map(({ id }) => id), threshold: 2 } },
  });
  const step = trustStep(signed("trust", rotated, KEYS.trust), make.trust());
  assert.ok(step.kind === "accepted");
  assert.equal(offered(GOOD, roleOf(step.document, "config")), "SIGNATURES");
  assert.equal(offered(configBy(fresh), roleOf(step.document, "config")), "accepted");
});

test("[U12] the base is not the effective digest", () => {
  assert.equal(judged({ base: "cd".repeat(32) }), "BASE_MISMATCH");
  assert.equal(judged({ base: null }), "BASE_MISMATCH");
});

test("[U13] expired; expired with the clock two years back; from next year; never", () => {
  const expired = { offerExpires: "2026-02-04T00:00:00Z" };
  assert.equal(judged(expired), "EXPIRED");
  // The floor of what was accepted since stands.
  const back = { clockMs: Date.UTC(2024, 1, 5), floorMs: FEB_5.clockMs };
  assert.equal(judged(expired, { time: back }), "EXPIRED");
  const next = { issuedAt: "2027-02-01T00:00:00Z", offerExpires: "2027-03-01T00:00:00Z" };
  assert.equal(judged(next), "FUTURE");
  const json = JSON.stringify(make.config()).replace("2026-03-01T00:00:00Z", "never");
  assert.equal(offered(signedBytes(json)), "MALFORMED");
});

/** Real signatures around any bytes. */
function signedBytes(payload: string | Uint8Array, keys: Keys = [first, second]): Uint8Array {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const message = preAuthEncoding(payloadTypeOf("config"), bytes);
  const signatures = keys.map(({ id: keyId, privateKey }) => {
    return { keyId, signature: new Uint8Array(sign(null, message, privateKey)) };
  });
  return writeEnvelope({ type: "config", payload: bytes, signatures });
}

test("[U14] a document of one type offered as another; relabelled", () => {
  // A role that could have signed both.
  const head = signed("head", make.head(), [first, second]);
  assert.equal(offered(head), "WRONG_TYPE");
  const relabelled = changed(head, (json) => {
    json.payloadType = payloadTypeOf("config");
  });
  assert.equal(offered(relabelled), "SIGNATURES");
});

test("[U15] each bit of an envelope flipped: refused, or the very same document", () => {
  const original = verifyDocument({
    ...{ envelope: GOOD, type: "config", role: make.CONFIG_ROLE, recipient: RECIPIENT },
  } as const);
  assert.ok(original.kind === "verified");
  const whyNot = new Map<Answer, number>();
  for (let bit = 0; bit < GOOD.length * 8; bit += 1) {
    const envelope = new Uint8Array(GOOD);
    envelope[bit >> 3] = (envelope[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const question = { type: "config", role: make.CONFIG_ROLE, recipient: RECIPIENT } as const;
    const answer = verifyDocument({ envelope, ...question });
    // White space between the members may become other white space; what is signed cannot change.
    if (answer.kind === "verified") assert.equal(answer.digest, original.digest);
    whyNot.set(codeOf(answer), (whyNot.get(codeOf(answer)) ?? 0) + 1);
  }
  assert.ok((whyNot.get("accepted") ?? 0) <= 8, "the line feed at its end");
  for (const code of ["MALFORMED", "SIGNATURES", "WRONG_TYPE"] as const) {
    assert.ok((whyNot.get(code) ?? 0) > 100, code);
  }
});

const inPayload = (part: string): Uint8Array =>
  signedBytes(JSON.stringify(make.config()).replace('"body":{', `"body":{${part}`));
const inEnvelope = (part: string): Uint8Array =>
  Buffer.from(Buffer.from(GOOD).toString("utf8").replace("{", `{${part},`));
const deep = `"x":${"[".repeat(10_000)}${"]".repeat(10_000)}`;

for (const [what, part] of [
  ["a duplicate key", '"a":1,"a":2'],
  ["__proto__", '"__proto__":{"polluted":1}'],
  ["__proto__ in disguise", '"\\u005f_proto__":{"polluted":1}'],
  ["depth 10,000", deep],
  ["1e400", '"a":1e400'],
  ["a lone surrogate", '"a":"\\udfff"'],
] as const) {
  test(`[U16] ${what}, in the envelope and in a signed payload: refused, and nothing is polluted`, () => {
    assert.equal(offered(inEnvelope(part)), "MALFORMED");
    assert.equal(offered(inPayload(`${part},`)), "MALFORMED");
    assert.equal(Reflect.get({}, "polluted"), undefined);
  });
}

test("[U16] bad UTF-8, a byte order mark, 10 MB", () => {
  assert.equal(offered(Buffer.concat([GOOD, Buffer.from("c0af", "hex")])), "MALFORMED");
  assert.equal(offered(Buffer.concat([Buffer.from("efbbbf", "hex"), GOOD])), "MALFORMED");
  assert.equal(offered(signedBytes(Buffer.from("ff", "hex"))), "MALFORMED");
  assert.equal(offered(new Uint8Array(10_000_000).fill(0x7b)), "TOO_LARGE");
});

test("[U17] 17 signatures, junk for base64, the key id constructor", () => {
  const many = changed(GOOD, ({ signatures }) => {
    signatures.push(...Array.from({ length: 15 }, () => ({ ...signatures[0] }) as never));
  });
  assert.equal(offered(many), "MALFORMED");
  const junk = changed(GOOD, ({ signatures: [one] }) => {
    Object.assign(one ?? {}, { sig: String(one?.sig).replace(/^.{9}/, "$&*") });
  });
  assert.equal(offered(junk), "MALFORMED");
  for (const keyid of ["constructor", "__proto__", "toString", ""]) {
    const odd = changed(GOOD, ({ signatures: [one] }) => Object.assign(one ?? {}, { keyid }));
    assert.equal(offered(odd), "MALFORMED");
  }
});

test("[U17] the S + L variant of a good signature", () => {
  const variant = changed(GOOD, ({ signatures: [one] }) => {
    const signature = Buffer.from(String(one?.sig), "base64");
    const s = BigInt(`0x${signature.subarray(32).reverse().toString("hex")}`);
    const more = (s + ed25519.Point.Fn.ORDER).toString(16).padStart(64, "0");
    signature.set(Buffer.from(more, "hex").reverse(), 32);
    Object.assign(one ?? {}, { sig: signature.toString("base64") });
  });
  assert.equal(offered(variant), "SIGNATURES");
});

test("[U17] a key of small order vouches for nothing", () => {
  // y = 1 with R = the identity and S = 0 fits every message, for a verifier that takes the key.
  const raw = Uint8Array.of(1, ...new Uint8Array(31));
  const id = keyFrom("any").id;
  const envelope = readEnvelope(configBy([first]), "config");
  assert.ok(!("kind" in envelope));
  const signature = Uint8Array.of(1, ...new Uint8Array(63));
  const forged = writeEnvelope({ ...envelope, signatures: [{ keyId: id, signature }] });
  assert.ok(
    ed25519.verify(signature, preAuthEncoding("x", envelope.payload), raw, { zip215: true }),
  );
  assert.equal(offered(forged, { keys: new Map([[id, raw]]), threshold: 1 }), "SIGNATURES");
});

test("[U18] trust: one old key; new keys only; new keys absent; version skipped; other tenant; lower epoch", () => {
  const fresh = [keyFrom("trust 4"), keyFrom("trust 5")];
  const { keys, roles } = make.trust();
  const stored = make.trust({ configEpoch: 5 });
  const next = (change: Partial<TrustDocument>, by: Keys): Answer =>
    codeOf(
      trustStep(signed("trust", make.trust({ version: 2, configEpoch: 5, ...change }), by), stored),
    );
  const rotation = {
    keys: { ...keys, ...Object.fromEntries(fresh.map(({ id, hex }) => [id, hex])) },
    roles: { ...roles, trust: { keyIds: fresh.map(({ id }) => id), threshold: 2 } },
  };
  assert.equal(next(rotation, [...KEYS.trust.slice(0, 2), ...fresh]), "accepted");
  assert.equal(next(rotation, [...KEYS.trust.slice(0, 1), ...fresh]), "SIGNATURES");
  assert.equal(next(rotation, fresh), "SIGNATURES");
  assert.equal(next(rotation, KEYS.trust), "SIGNATURES");
  assert.equal(next({ version: 3 }, KEYS.trust), "ROLLBACK");
  assert.equal(next({ tenant: "south" }, KEYS.trust), "WRONG_RECIPIENT");
  assert.equal(next({ configEpoch: 4 }, KEYS.trust), "ROLLBACK");
  const zero = { ...roles, head: { ...roles.head, threshold: 0 } };
  assert.equal(next({ roles: zero }, KEYS.trust), "BAD_TRUST");
  const two = { ...roles, head: { ...roles.head, keyIds: roles.command.keyIds } };
  assert.equal(next({ roles: two }, KEYS.trust), "BAD_TRUST");
});

test("[U19] five rotations of all trust keys from one bundle after a year off", () => {
  const generation = (n: number): make.TestKey[] =>
    n === 0 ? [...KEYS.trust] : [1, 2, 3].map((index) => keyFrom(`generation ${n}.${index}`));
  const others = [...KEYS.config, ...KEYS.head, ...KEYS.command];
  const chain = [0, 1, 2, 3, 4, 5].map((n) => {
    const own = generation(n);
    const document = make.trust({
      version: n + 1,
      keys: Object.fromEntries([...own, ...others].map(({ id, hex }) => [id, hex])),
      roles: { ...make.trust().roles, trust: { keyIds: own.map(({ id }) => id), threshold: 2 } },
    });
    return signed("trust", document, n === 0 ? own : [...generation(n - 1), ...own]);
  });
  const bytes = writeBundle({ trustChain: chain, config: GOOD, approvals: [], head: undefined });
  const bundle = readBundle(bytes);
  assert.ok(!("kind" in bundle));
  const start = { anchor: make.ANCHOR, tenant: "north", forbiddenKeys: [], stored: make.trust() };
  const walked = acceptTrustChain(start, bundle.trustChain);
  assert.ok(walked.kind === "whole");
  assert.deepEqual(
    walked.accepted.map(({ document }) => document.version),
    [2, 3, 4, 5, 6],
  );
  // One step missing.
  const gap = acceptTrustChain(start, bundle.trustChain.toSpliced(3, 1));
  assert.ok(gap.kind === "broken" && gap.refused.code === "SIGNATURES");
});

test("[U27] keys of prototypes in a signed body stay data", () => {
  const body = { constructor: { prototype: { polluted: 1 } }, prototype: { polluted: 1 } };
  const envelope = configBy([first, second], { body });
  const question = { type: "config", role: make.CONFIG_ROLE, recipient: RECIPIENT } as const;
  const verified = verifyDocument({ envelope, ...question });
  assert.ok(verified.kind === "verified");
  assert.equal(JSON.stringify(verified.document.body), JSON.stringify(body));
  assert.equal(Reflect.get({}, "polluted"), undefined);
});

test("[U28] any value passes as text in bounded time: no document is matched by a pattern that can explode", () => {
  const values = [
    "a".repeat(500_000),
    `${"a".repeat(50_000)}!`,
    "2026-02-03T".repeat(40_000),
    "(a+)+$",
  ];
  for (const value of values) {
    const json = JSON.stringify(make.config());
    assert.equal(
      offered(signedBytes(json.replace('"T-1"', JSON.stringify(value)))),
      value.length < 128 ? "accepted" : "MALFORMED",
    );
    assert.equal(offered(signedBytes(json.replace("2026-03-01T00:00:00Z", value))), "MALFORMED");
    assert.equal(offered(signedBytes(json.replace('"0.1.0"', JSON.stringify(value)))), "MALFORMED");
    assert.equal(offered(configBy([first, second], { body: { value } })), "accepted");
  }
});

test("[U32] a trust document that lists a key of the hospital", () => {
  const { keys, roles } = make.trust();
  const listed = make.trust({ keys: { ...keys, [anna.id]: anna.hex } });
  const envelope = signed("trust", listed, KEYS.trust);
  assert.equal(codeOf(trustStep(envelope, undefined, [anna.raw, bert.raw])), "BAD_TRUST");
  const inRole = make.trust({
    keys: { ...keys, [anna.id]: anna.hex },
    roles: { ...roles, config: { keyIds: [...roles.config.keyIds, anna.id], threshold: 2 } },
  });
  const other = signed("trust", inRole, KEYS.trust);
  assert.equal(codeOf(trustStep(other, undefined, [bert.raw, anna.raw])), "BAD_TRUST");
  assert.equal(codeOf(trustStep(other, undefined, [bert.raw])), "accepted");
});
