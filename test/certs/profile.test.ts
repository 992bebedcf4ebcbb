import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { checkProfile, type Expected, type IssuedFlaw } from "#certs/profile.ts";
import { AGENT, AGENT_CA } from "#test/support/identity-folder.ts";
import type { TestCertificate } from "#test/support/test-authority.ts";

const { privateKey: KEY } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const EXPECTED: Expected = { publicKey: createPublicKey(KEY), tenant: "north", agent: "ward-1" };
const DAY_MS = 86_400_000;
const URI = "spiffe://holdfast.local/tenant/north/agent/ward-1";

async function flawOf(
  change: Partial<TestCertificate>,
  expected: Partial<Expected> = {},
  key: KeyObject = KEY,
): Promise<IssuedFlaw | "none"> {
  const pem = await AGENT_CA.issue(key, { ...AGENT, ...change });
  const result = checkProfile(pem, { ...EXPECTED, ...expected });
  return result.kind === "fits" ? "none" : result.flaw;
}

test("[EN8, N5] a certificate by the profile fits, and says serial, end and whom it names", async () => {
  const notAfter = new Date(Math.floor(Date.now() / 1000) * 1000 + 29 * DAY_MS);
  const pem = await AGENT_CA.issue(KEY, { ...AGENT, notAfter });
  const result = checkProfile(pem, EXPECTED);
  assert.equal(result.kind, "fits");
  if (result.kind !== "fits") return;
  const { trustDomain, tenant, agent, notAfterMs, serialHex } = result;
  assert.deepEqual({ trustDomain, tenant, agent }, AGENT);
  assert.equal(notAfterMs, notAfter.getTime());
  assert.match(serialHex, /^4[0-9a-f]{31}$/);
});

test("[EN8] each part of the profile that is not as agreed is named", async () => {
  const other = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
  assert.equal(await flawOf({}, {}, other), "otherKey");
  assert.equal(await flawOf({ hash: "SHA-384" }), "key");
  assert.equal(await flawOf({ notAfter: new Date(Date.now() + 31 * DAY_MS) }), "validity");
  assert.equal(await flawOf({ notAfter: new Date(Date.now() - DAY_MS) }), "validity");
  assert.equal(await flawOf({ tenant: "south" }), "otherName");
  assert.equal(await flawOf({ agent: "ward-2" }), "otherName");
  assert.equal(await flawOf({ subject: "ward-2" }), "subject");
  assert.equal(await flawOf({}, { trustDomain: "other.local" }), "otherName");
  const twoNames = [
    { type: "url" as const, value: URI },
    { type: "dns" as const, value: "ward-1" },
  ];
  assert.equal(await flawOf({ names: twoNames }), "subject");
  assert.equal(await flawOf({ names: [{ type: "dns", value: "ward-1" }] }), "subject");
  assert.equal(await flawOf({ usages: ["1.3.6.1.5.5.7.3.1"] }), "usage");
  assert.equal(await flawOf({ usages: ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"] }), "usage");
  assert.equal(await flawOf({ isCa: true }), "usage");
  assert.equal(await flawOf({}), "none");
});

test("[EN8] [N5] a certificate whose key is no point of the curve is unreadable: OpenSSL says so only when it is asked for the key", async () => {
  const pem = await AGENT_CA.issue(KEY, AGENT);
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
  const spki = createPublicKey(KEY).export({ format: "der", type: "spki" });
  const lastByte = der.indexOf(spki) + spki.length - 1;
  der[lastByte] = (der[lastByte] ?? 0) ^ 1;
  const bent = `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`;
  assert.deepEqual(checkProfile(bent, EXPECTED), { kind: "refused", flaw: "unreadable" });
});

test("[EN8] what is no certificate is unreadable", () => {
  for (const pem of [
    "",
    "hello",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
  ]) {
    assert.deepEqual(checkProfile(pem, EXPECTED), { kind: "refused", flaw: "unreadable" });
  }
});
