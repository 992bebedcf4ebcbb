import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { readAgentCsr } from "#certs/agent-csr.ts";
import { ed25519Raw } from "#certs/ed25519.ts";
import { base64Of } from "#certs/exchange.ts";
import { renewalTranscript } from "#certs/transcripts.ts";
import { judgeRenewal, renewed, withNonce } from "#receiver/identity/renewal.ts";
import { NO_IDENTITY } from "#receiver/store/identity-record.ts";
import type { AgentRecord } from "#receiver/store/store.ts";
import { makeRequest } from "#test/support/requests.ts";

const NOW = 1_900_000_000_000;
const NONCE = "e".repeat(64);
const device = generateKeyPairSync("ed25519").privateKey;
const AGENT: AgentRecord = {
  ...{ id: 1, tenant: "north", name: "ward-1", serialHex: "1f", revision: 0, session: 0 },
  ...{ addedAtMs: 0, helloAtMs: null, lockedAtMs: null },
  identity: withNonce(
    {
      ...NO_IDENTITY,
      deviceKeyHex: Buffer.from(ed25519Raw(device)).toString("hex"),
      generation: 4,
    },
    NONCE,
    NOW,
  ),
};
const FRESH = { isExpired: false, isSuperseded: false, nowMs: NOW, recoveryMaxCount: 2 };
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

test("[N2] whatever becomes of a request, its nonce is used", () => {
  const agent = (more: object): AgentRecord => ({
    ...AGENT,
    identity: { ...AGENT.identity, ...more },
  });
  const bad = { ...request(), signature: base64Of(new Uint8Array(64)) };
  const steps = [
    judgeRenewal(AGENT, bad, FRESH),
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
    ["SIGNATURE", "locked", "locked", "RECOVERY_REFUSED", "issued"],
  );
  for (const step of steps) assert.ok("identity" in step && step.identity?.nonce === null);
  const issued = { certificatePem: "pem", serialHex: "2f", isExpired: false };
  assert.equal(renewed(AGENT, csr, issued).identity.nonce, null);
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
