/**
 * Whatever is made of the bodies of enrolment and renewal, both ends give an answer (07 1.5, 1.6). The receiver takes no
 * request but the one that was signed; the agent completes no slot with another key, name or generation than its own, and
 * none with trust that nobody signed. Its certificate's issuer it cannot know: the gate does (07 1.8).
 *
 * @module
 */
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { Readable } from "node:stream";
import fc from "fast-check";
import { AgentError } from "#agent/errors.ts";
import { judgeAnswer } from "#agent/identity/enrolment.ts";
import { renew } from "#agent/identity/renewal.ts";
import { readAnswer } from "#agent/tunnel/post.ts";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { ed25519Raw } from "#certs/ed25519.ts";
import {
  base64Of,
  type EnrollRequest,
  enrollAnswer,
  enrollRequest,
  RENEW_NONCE_PATH,
  type RenewRequest,
  renewRequest,
} from "#certs/exchange.ts";
import type { SlotContent, SlotIdentity } from "#certs/slot.ts";
import type { IdentityStore } from "#certs/slots.ts";
import { enrolmentTranscript, renewalTranscript } from "#certs/transcripts.ts";
import { systemClock } from "#receiver/host/clock.ts";
import { readJson } from "#receiver/identity/door-answer.ts";
import { judgeEnrolment } from "#receiver/identity/enrolment.ts";
import { judgeRenewal } from "#receiver/identity/renewal.ts";
import { type Identity, NO_IDENTITY } from "#receiver/store/identity-record.ts";
import { makeRequest } from "#test/support/requests.ts";
import { ANCHOR, KEYS, signed, trust } from "#test/support/signed-documents.ts";
import { createTestAuthority } from "#test/support/test-authority.ts";
import { edited, type Json, place, type TextChange, textChanges } from "./changed-text.ts";
import { anyBytes } from "./wire-bytes.ts";

/** One character a byte. */
export interface ExchangeCase {
  readonly text: string;
}

const [TENANT, AGENT, TRUST_DOMAIN] = ["north", "ward-1", "holdfast.local"];
const GENERATION = 3;
const NOW_MS = Date.now();
const FAR_MS = NOW_MS + 86_400_000;
const SERVER_TIME = new Date(NOW_MS).toISOString();
const NONCE = "ab".repeat(32);
const TOKEN_ID = "cd".repeat(16);

const token = generateKeyPairSync("ed25519");
const device = generateKeyPairSync("ed25519").privateKey;
const devicePublicKey = ed25519Raw(device);
const forbiddenKeys = [devicePublicKey];
const { der: csr, privateKeyPem } = await makeRequest();
const publicKey = createPublicKey(privateKeyPem);

function enrolment(): EnrollRequest {
  const transcript = enrolmentTranscript({ tokenId: TOKEN_ID, csr, devicePublicKey });
  return {
    ...{ tokenId: TOKEN_ID, csr: base64Of(csr), deviceKey: base64Of(devicePublicKey) },
    tokenSignature: base64Of(sign(null, transcript, token.privateKey)),
    deviceSignature: base64Of(sign(null, transcript, device)),
  };
}

function renewal(): RenewRequest {
  const claim = { tenant: TENANT, agent: AGENT, generation: GENERATION, csr };
  const transcript = renewalTranscript({ ...claim, nonce: Buffer.from(NONCE, "hex") });
  const signature = base64Of(sign(null, transcript, device));
  return { csr: base64Of(csr), generation: GENERATION, nonce: NONCE, signature };
}

const authority = await createTestAuthority("Agents of the fuzzer");
const certificate = await authority.issue(publicKey, {
  ...{ trustDomain: TRUST_DOMAIN, tenant: TENANT, agent: AGENT },
  ...{ notBefore: new Date(NOW_MS - 3_600_000), notAfter: new Date(NOW_MS + 30 * 86_400_000) },
});
const other = await authority.issue(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey, {
  ...{ trustDomain: TRUST_DOMAIN, tenant: TENANT, agent: "ward-2" },
});
const pinnedCaPem = (await createDevelopmentCa("Receiver of the fuzzer")).certificatePem;
const document = trust({ tenant: TENANT, receiverCas: [pinnedCaPem] });
const trustChain = [JSON.parse(Buffer.from(signed("trust", document, KEYS.trust)).toString())];

const ENROL_REQUEST = enrolment();
const RENEW_REQUEST = renewal();
const ANSWER = { certificate, trustChain, serverTime: SERVER_TIME };
const RENEWED = { certificate, generation: GENERATION + 1, serverTime: SERVER_TIME };
const BODIES: readonly object[] = [
  ...[ENROL_REQUEST, RENEW_REQUEST, ANSWER, RENEWED, { nonce: NONCE, serverTime: SERVER_TIME }],
  ...[{ ...ANSWER, certificate: other }, { ...ANSWER, trustChain: [] }, { reason: "TOKEN_USED" }],
];
const original = fc.constantFrom(...BODIES.map((body) => JSON.stringify(body)));
const MEMBERS = [
  ...["tokenId", "csr", "deviceKey", "tokenSignature", "deviceSignature", "generation", "nonce"],
  ...["signature", "certificate", "trustChain", "serverTime", "reason", "extra"],
] as const;

const change: fc.Arbitrary<TextChange> = fc.oneof(
  ...textChanges(original),
  fc.tuple(fc.constantFrom(...MEMBERS), fc.jsonValue({ maxDepth: 2 })).map(
    ([name, value]): TextChange =>
      (text) =>
        edited(text, (json) => ({ ...json, [name]: value })),
  ),
  fc.tuple(original, fc.constantFrom(...MEMBERS)).map(
    ([from, name]): TextChange =>
      (text) =>
        edited(text, (json) => ({ ...json, [name]: (JSON.parse(from) as Json)[name] })),
  ),
  fc.tuple(fc.constantFrom(...MEMBERS), place, fc.nat({ max: 7 })).map(
    ([name, at, bit]): TextChange =>
      (text) =>
        edited(text, (json) => ({ ...json, [name]: withBit(json[name], at, bit) })),
  ),
);

/** Of what base64 or PEM stand for, so that it can still be read. */
function withBit(value: unknown, at: number, bit: number): unknown {
  if (typeof value === "number") return value ^ (1 << bit);
  if (typeof value !== "string") return value;
  const [, head = "", base64 = value, tail = ""] =
    /^(-----BEGIN [A-Z ]+-----\n)([^-]*)(\n-----END .*)$/s.exec(value) ?? [];
  const bytes = Buffer.from(base64, "base64");
  const index = at % Math.max(1, bytes.length);
  bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
  return `${head}${bytes.toString("base64")}${tail}`;
}

export const exchangeCase: fc.Arbitrary<ExchangeCase> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(original, fc.array(change, { minLength: 1, maxLength: 4 }))
      .map(([text, changes]) => ({ text: changes.reduce((so, make) => make(so), text) })),
  },
  { weight: 1, arbitrary: anyBytes(400).map((text) => ({ text })) },
);

export function showExchange({ text }: ExchangeCase): string {
  return Buffer.from(text, "latin1").toString("hex");
}

const TOKEN = {
  ...{ idHex: TOKEN_ID, publicKeyHex: Buffer.from(ed25519Raw(token.publicKey)).toString("hex") },
  ...{ expiresMs: FAR_MS, failedTries: 0, claim: null, confirmedAtMs: null, issued: null },
};
const CLAIMING: Identity = { ...NO_IDENTITY, token: TOKEN };
const RENEWING: Identity = {
  ...{ ...NO_IDENTITY, deviceKeyHex: Buffer.from(devicePublicKey).toString("hex") },
  ...{ generation: GENERATION, nonces: [{ serialHex: "1", hex: NONCE, expiresMs: FAR_MS }] },
};
const RECORD = { id: 1, tenant: TENANT, name: AGENT, serialHex: "1", identity: RENEWING };

/** @throws {AssertionError} if somebody is let in by what was changed; whatever either end throws */
export async function checkExchange({ text }: ExchangeCase): Promise<void> {
  const bytes = Buffer.from(text, "latin1");
  await checkDoors(bytes);
  const body = readAnswer(bytes);
  checkEnrolled(body);
  for (const isNonce of [true, false]) await checkRenewed(body, isNonce);
}

async function checkDoors(bytes: Buffer): Promise<void> {
  const request = Object.assign(Readable.from([bytes]), { headers: {} });
  const read = await readJson(request, systemClock);
  assert.ok(read !== null && read !== "tooLarge");
  const json = read === "malformed" ? undefined : read.json;
  const asked = enrollRequest.safeParse(json);
  if (asked.success) {
    const step = judgeEnrolment(CLAIMING, asked.data, NOW_MS);
    if (step.kind !== "refused") assert.deepEqual(asked.data, ENROL_REQUEST, step.kind);
  }
  const renewing = renewRequest.safeParse(json);
  if (!renewing.success) return;
  const presented = { serialHex: "1", isExpired: false, isSuperseded: false };
  const facts = { ...presented, nowMs: NOW_MS, recoveryMaxCount: 2 };
  const step = judgeRenewal(RECORD as Parameters<typeof judgeRenewal>[0], renewing.data, facts);
  if (step.kind !== "refused") assert.deepEqual(renewing.data, RENEW_REQUEST, step.kind);
}

function checkEnrolled(body: unknown): void {
  const answer = enrollAnswer.safeParse(body);
  if (!answer.success) return;
  const applied = { token: { tenant: TENANT, agent: AGENT }, anchor: ANCHOR };
  const judged = refusedOr(() =>
    judgeAnswer(answer.data, { ...applied, pinnedCaPem, publicKey, forbiddenKeys }),
  );
  if (judged === undefined) return;
  assertOwn(answer.data.certificate);
  assert.deepEqual([judged.fits.tenant, judged.fits.agent], [TENANT, AGENT]);
  assert.equal(judged.trust.version, document.version);
  assert.equal(judged.trust.receiverCaPem.trim(), pinnedCaPem.trim());
}

async function checkRenewed(body: unknown, isNonce: boolean): Promise<void> {
  const completed: SlotContent[] = [];
  const slot = {
    isComplete: false,
    ensureRequest: () => csr,
    complete: (content: SlotContent) => completed.push(content),
  };
  const keys = { tls: privateKeyPem, device };
  // What the exchange asks of a store; nothing else of it is used.
  const store = { begin: () => ({ slot, keys }) } as unknown as IdentityStore;
  const ask = async (_identity: unknown, path: string) => {
    const nonce = { nonce: NONCE, serverTime: SERVER_TIME };
    const isChanged = (path === RENEW_NONCE_PATH) === isNonce;
    return { status: 200, body: isChanged ? body : isNonce ? RENEWED : nonce };
  };
  const names = { tenant: TENANT, agent: AGENT, trustDomain: TRUST_DOMAIN };
  const current = { ...names, generation: GENERATION, receiverCaPem: "", trustChain: "[]", keys };
  try {
    await renew({ store, ask, onServerTime: () => {} }, current as unknown as SlotIdentity);
  } catch (error) {
    assert.ok(error instanceof AgentError, String(error));
    assert.deepEqual(completed, []);
    return;
  }
  const [content] = completed;
  assert.ok(content !== undefined);
  assertOwn(content.chainPem);
  const { tenant, agent, trustDomain, generation } = content;
  assert.deepEqual({ tenant, agent, trustDomain }, names);
  assert.equal(generation, GENERATION + 1);
}

function assertOwn(pem: string): void {
  assert.ok(new X509Certificate(pem).publicKey.equals(publicKey), "a certificate for another key");
}

/** @returns undefined where it was refused; anything else that is thrown is a fault */
function refusedOr<T>(judge: () => T): T | undefined {
  try {
    return judge();
  } catch (error) {
    if (error instanceof AgentError) return undefined;
    throw error;
  }
}
