import assert from "node:assert/strict";
import { test } from "node:test";
import { readBundle, writeBundle } from "#documents/bundle.ts";
import { BUNDLE_MAX_BYTES } from "#documents/limits.ts";
import { acceptTrustChain } from "#documents/trust-chain.ts";
import { roleOf } from "#documents/trust-rules.ts";
import { verifyDocument } from "#documents/verify.ts";
import {
  ANCHOR,
  config,
  head,
  KEYS,
  RECIPIENT,
  signed,
  trust,
} from "#test/support/signed-documents.ts";

const BUNDLE = {
  trustChain: [signed("trust", trust(), KEYS.trust)],
  config: signed("config", config(), KEYS.config),
  approvals: [],
  head: signed("head", head(), KEYS.head),
};
const json = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

test("what a bundle carries is verified like what the tunnel carries", () => {
  const bundle = readBundle(writeBundle(BUNDLE));
  assert.ok(!("kind" in bundle));
  const start = { stored: undefined, anchor: ANCHOR, tenant: "north", forbiddenKeys: [] };
  const chain = acceptTrustChain(start, bundle.trustChain);
  assert.ok(chain.kind === "whole" && chain.accepted[0]);
  const role = roleOf(chain.accepted[0].document, "config");
  assert.ok(bundle.config);
  const question = { type: "config", role, recipient: RECIPIENT } as const;
  assert.equal(verifyDocument({ ...question, envelope: bundle.config }).kind, "verified");
});

test("parts of a bundle may be absent or null", () => {
  const nothing = { trustChain: [], config: undefined, approvals: [], head: undefined };
  assert.deepEqual(readBundle(json({ format: "holdfast-bundle/1" })), nothing);
  assert.deepEqual(readBundle(writeBundle(nothing)), nothing);
});

const whole = Buffer.from(writeBundle(BUNDLE)).toString("utf8");
for (const [what, bytes, code] of [
  ["a byte above 5 MB", new Uint8Array(BUNDLE_MAX_BYTES + 1).fill(0x20), "TOO_LARGE"],
  ["another format", json({ format: "holdfast-bundle/2" }), "MALFORMED"],
  ["a member that is not known", json({ format: "holdfast-bundle/1", path: "/etc" }), "MALFORMED"],
  ["a chain that is no list", json({ format: "holdfast-bundle/1", trustChain: {} }), "MALFORMED"],
  [
    "an approval that is no object",
    json({ format: "holdfast-bundle/1", approvals: ["x"] }),
    "MALFORMED",
  ],
  ["a config that is a list", json({ format: "holdfast-bundle/1", config: [] }), "MALFORMED"],
  [
    "more of a chain than an agent keeps",
    json({ format: "holdfast-bundle/1", trustChain: new Array(2_049).fill({}) }),
    "TOO_LARGE",
  ],
  [
    "more approvals than there are people",
    json({ format: "holdfast-bundle/1", approvals: new Array(65).fill({}) }),
    "TOO_LARGE",
  ],
  ["a head that is text", json({ format: "holdfast-bundle/1", head: "x" }), "MALFORMED"],
  [
    "a payload twice",
    Buffer.from(whole.replace('"payload":', '"payload":"","payload":')),
    "MALFORMED",
  ],
  ["a single envelope", BUNDLE.config, "WRONG_TYPE"],
  ["nothing", new Uint8Array(), "MALFORMED"],
  ["a ZIP", Buffer.from("504b0304", "hex"), "MALFORMED"],
] as const) {
  test(`a bundle that is ${what}: ${code}`, () => {
    const bundle = readBundle(bytes);
    assert.ok("kind" in bundle && bundle.code === code);
  });
}

test("5 MB exactly are read", () => {
  const bytes = new Uint8Array(BUNDLE_MAX_BYTES).fill(0x20);
  bytes.set(writeBundle(BUNDLE));
  assert.ok(!("kind" in readBundle(bytes)));
});
