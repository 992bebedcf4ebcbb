import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { readP12 } from "#certs/p12.ts";
import { AGENT, AGENT_CA } from "#test/support/identity-folder.ts";
import { exportP12, selfSignedP384 } from "#test/support/p12-files.ts";
import { createTestCa } from "#test/support/test-certificates.ts";

const { privateKey: KEY } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const CERTIFICATE = await AGENT_CA.issue(KEY, AGENT);

for (const [what, more] of [
  ["OpenSSL's own choice (PBES2, AES-256, SHA-256)", []],
  [
    "what Windows exports (3DES, SHA-1)",
    ["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
  ],
  ["certificates in the clear", ["-certpbe", "NONE"]],
] as const) {
  test(`[07 Libraries] a PKCS#12 file is read: ${what}`, () => {
    const content = { key: KEY, certificatePem: CERTIFICATE, caPem: AGENT_CA.certificatePem };
    const read = readP12(exportP12(content, "secret", more), "secret");
    assert.equal(read.kind, "read");
    if (read.kind !== "read") return;
    assert.ok(read.key.equals(KEY));
    const [own, ca] = read.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/);
    assert.equal(
      new X509Certificate(own ?? "").fingerprint256,
      new X509Certificate(CERTIFICATE).fingerprint256,
    );
    assert.equal(new X509Certificate(ca ?? "").subject, "CN=Agents");
  });
}

test("[07 Libraries] another password does not open it", () => {
  const p12 = exportP12({ key: KEY, certificatePem: CERTIFICATE }, "secret");
  for (const other of ["", "Secret", "secret ", "sécret"]) {
    assert.deepEqual(readP12(p12, other), { kind: "refused", flaw: "file" });
  }
});

test("[07 Libraries] what is no identity for an agent is refused by name", async () => {
  const refusal = (content: Parameters<typeof exportP12>[0]): unknown =>
    readP12(exportP12(content, "x"), "x");
  const ca = await createTestCa("Hospital");
  const rsa = await ca.issueClient([{ CN: ["ward-1"] }], { rsaBits: 2048 });
  assert.deepEqual(
    refusal({ key: createPrivateKey(rsa.privateKeyPem), certificatePem: rsa.certificatePem }),
    { kind: "refused", flaw: "rsa" },
  );
  assert.deepEqual(refusal({ certificatePem: CERTIFICATE }), { kind: "refused", flaw: "keys" });
  assert.deepEqual(refusal(selfSignedP384()), { kind: "refused", flaw: "notP256" });
});

test("[07 Libraries] damaged and foreign files are refused, whatever is in them", () => {
  const p12 = exportP12({ key: KEY, certificatePem: CERTIFICATE }, "x");
  for (let at = 0; at < p12.length; at += 7) {
    const altered = Buffer.from(p12);
    altered[at] = (altered[at] ?? 0) ^ 0x55;
    const read = readP12(altered, "x");
    // Some bytes only say what OpenSSL leaves open; then it is the same identity.
    if (read.kind === "read") assert.ok(read.key.equals(KEY));
  }
  for (const bytes of [Buffer.alloc(0), Buffer.from("hello"), Buffer.alloc(300_000, 0x30)]) {
    assert.deepEqual(readP12(bytes, "x"), { kind: "refused", flaw: "file" });
  }
});
