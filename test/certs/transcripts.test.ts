import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { confirmationCode, enrolmentTranscript, renewalTranscript } from "#certs/transcripts.ts";

const CSR = Buffer.from("a certificate request");
const DIGEST = createHash("sha256").update(CSR).digest();

test("[EN5] the enrolment transcript is label, token id, digest of the request, device key", () => {
  const tokenId = "00112233445566778899aabbccddeeff";
  const devicePublicKey = new Uint8Array(32).fill(9);
  const expected = Buffer.concat([
    Buffer.from("holdfast-enroll/1"),
    Buffer.from(tokenId, "hex"),
    DIGEST,
    Buffer.alloc(32, 9),
  ]);
  const transcript = enrolmentTranscript({ tokenId, csr: CSR, devicePublicKey });
  assert.deepEqual(Buffer.from(transcript), expected);
});

test("[EN7] the code is six digits of the transcript's digest, with leading zeros", () => {
  for (let n = 0; n < 200; n++) {
    const transcript = Buffer.from(`transcript ${n}`);
    const first = createHash("sha256").update(transcript).digest("hex").slice(0, 16);
    const expected = String(BigInt(`0x${first}`) % 1_000_000n).padStart(6, "0");
    assert.equal(confirmationCode(transcript), expected);
    assert.match(expected, /^\d{6}$/);
  }
});

test("[N3] the renewal transcript says where each name ends", () => {
  const nonce = new Uint8Array(32).fill(1);
  const of = (tenant: string, agent: string): Uint8Array =>
    renewalTranscript({ tenant, agent, generation: 258, nonce, csr: CSR });
  const expected = Buffer.concat([
    Buffer.from("holdfast-renew/1"),
    Buffer.from([0, 5]),
    Buffer.from("north"),
    Buffer.from([0, 6]),
    Buffer.from("ward-1"),
    Buffer.from([0, 0, 0, 0, 0, 0, 1, 2]),
    Buffer.alloc(32, 1),
    DIGEST,
  ]);
  assert.deepEqual(Buffer.from(of("north", "ward-1")), expected);
  assert.notDeepEqual(of("ab", "c"), of("a", "bc"));
});

test("[N3] parts of another length are a caller's mistake", () => {
  const claim = { tenant: "a", agent: "b", generation: 1, nonce: new Uint8Array(32), csr: CSR };
  assert.throws(() => renewalTranscript({ ...claim, nonce: new Uint8Array(31) }), RangeError);
  assert.throws(() => renewalTranscript({ ...claim, generation: -1 }), RangeError);
  const enrolment = { tokenId: "00".repeat(16), csr: CSR, devicePublicKey: new Uint8Array(32) };
  assert.throws(() => enrolmentTranscript({ ...enrolment, tokenId: "00" }), RangeError);
  const short = new Uint8Array(31);
  assert.throws(() => enrolmentTranscript({ ...enrolment, devicePublicKey: short }), RangeError);
});
