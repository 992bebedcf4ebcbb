import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { readAgentCsr } from "#certs/agent-csr.ts";
import { ed25519Raw } from "#certs/ed25519.ts";
import { base64Of } from "#certs/exchange.ts";
import { renewalTranscript } from "#certs/transcripts.ts";
import { judgeRenewal, renewed, withNonce } from "#receiver/identity/renewal.ts";
import { type Identity, NO_IDENTITY } from "#receiver/store/identity-record.ts";
import type { AgentRecord } from "#receiver/store/store.ts";
import { makeRequest } from "#test/support/requests.ts";

const NOW = 1_900_000_000_000;
const NONCE = "e".repeat(64);
const device = generateKeyPairSync("ed25519").privateKey;
const AGENT: AgentRecord = {
  ...{ id: 1, tenant: "north", name: "ward-1", serialHex: "1f", revision: 0, session: 0 },
  ...{ addedAtMs: 0, helloAtMs: null, lockedAtMs: null },
  identity: given("1f", NONCE, {
    ...NO_IDENTITY,
    deviceKeyHex: Buffer.from(ed25519Raw(device)).toString("hex"),
    generation: 4,
  }),
};
/** N2, for the certificate `serialHex` of an agent whose current one is 1f. */
function given(serialHex: string, hex: string, identity: Identity): Identity {
  return withNonce({ serialHex: "1f", identity }, serialHex, { hex, nowMs: NOW });
}
const FRESH = {
  serialHex: "1f",
  isExpired: false,
  isSuperseded: false,
  nowMs: NOW,
  recoveryMaxCount: 2,
};
const made = await makeRequest();
const csr = readAgentCsr(made.der);
assert.ok(csr !== null);

function request(generation = 4, nonce = NONCE) {
  const claim = {
    ...{ tenant: "north", agent: "ward-1", generation, csr: made.der },
    nonce: Buffer.from(nonce, "hex"),
  };
  const signature = base64Of(sign(null, renewalTranscript(claim), device));
  return { csr: base64Of(made.der), generation, nonce, signature };
}

test("[N2] whatever becomes of a request that the device has signed, its nonce is used; another uses nothing up", () => {
  const agent = (more: object): AgentRecord => ({
    ...AGENT,
    identity: { ...AGENT.identity, ...more },
  });
  const bad = { ...request(), signature: base64Of(new Uint8Array(64)) };
  assert.deepEqual(judgeRenewal(AGENT, bad, FRESH), { kind: "refused", reason: "SIGNATURE" });
  const steps = [
    judgeRenewal(AGENT, request(9), FRESH),
    judgeRenewal(AGENT, request(), { ...FRESH, isSuperseded: true }),
    judgeRenewal(agent({ recoveryCount: 2 }), request(), { ...FRESH, isExpired: true }),
    judgeRenewal(
      agent({
        renewed: { csrSha256Hex: csr.sha256Hex, certificatePem: "pem", generation: 3 },
      }),
      request(3),
      FRESH,
    ),
  ];
  assert.deepEqual(
    steps.map((step) => (step.kind === "refused" ? step.reason : step.kind)),
    ["locked", "locked", "RECOVERY_REFUSED", "issued"],
  );
  for (const step of steps) assert.ok("identity" in step && step.identity?.nonces.length === 0);
  const issued = { certificatePem: "pem", serialHex: "2f", isExpired: false };
  assert.deepEqual(renewed(AGENT, csr, issued).identity.nonces, []);
});

test("[N2] a nonce is of the certificate that asked for it: a superseded one overwrites none that counts, and uses none of another", () => {
  const OTHER = "d".repeat(64);
  let { identity } = AGENT;
  for (let serial = 2; serial < 50; serial++) identity = given(String(serial), OTHER, identity);
  assert.equal(identity.nonces.length, 2);
  const agent = { ...AGENT, identity };
  assert.equal(judgeRenewal(agent, request(), FRESH).kind, "issue");
  const superseded = { ...FRESH, serialHex: "49", isSuperseded: true };
  assert.deepEqual(judgeRenewal(agent, request(), superseded), {
    kind: "refused",
    reason: "NONCE",
  });
  assert.equal(judgeRenewal(agent, request(4, OTHER), superseded).kind, "locked");
});

test("[N4] [07 1.7] a superseded certificate locks even with the generation and request of a lost reply", () => {
  const identity = {
    ...AGENT.identity,
    renewed: { csrSha256Hex: csr.sha256Hex, certificatePem: "pem", generation: 3 },
  };
  const agent = { ...AGENT, identity };
  assert.equal(judgeRenewal(agent, request(3), FRESH).kind, "issued");
  const superseded = { ...FRESH, isSuperseded: true };
  assert.equal(judgeRenewal(agent, request(3), superseded).kind, "locked");
  assert.equal(judgeRenewal(agent, request(4), superseded).kind, "locked");
});

test("[N4] the last request is answered again only until there is a later one", () => {
  const last = { csrSha256Hex: csr.sha256Hex, certificatePem: "pem", generation: 2 };
  const agent = { ...AGENT, identity: { ...AGENT.identity, renewed: last } };
  assert.equal(judgeRenewal(agent, request(2), FRESH).kind, "locked");
});

test("[N4] an agent that never enrolled has no device key, and renews nothing", () => {
  const agent = { ...AGENT, identity: { ...AGENT.identity, deviceKeyHex: null } };
  const step = judgeRenewal(agent, request(), FRESH);
  assert.ok(step.kind === "refused" && step.reason === "SIGNATURE");
});
