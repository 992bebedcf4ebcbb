import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { createDevelopmentCa } from "#certs/development-ca.ts";

const NAME = { trustDomain: "holdfast.local", tenant: "north", agent: "ward-1" };
const ca = await createDevelopmentCa("Test agents");
const caCertificate = new X509Certificate(ca.certificatePem);

describe("development CA", () => {
  test("[07 1.3] issues an agent certificate that has the profile", async () => {
    const issued = await ca.issueAgent(NAME);
    const certificate = new X509Certificate(issued.certificatePem);

    assert.equal(certificate.subject, "CN=ward-1");
    assert.equal(
      certificate.subjectAltName,
      "URI:spiffe://holdfast.local/tenant/north/agent/ward-1",
    );
    assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
    assert.equal(certificate.ca, false);
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
    assert.equal(certificate.serialNumber.toLowerCase(), issued.serialHex);
    assert.match(issued.serialHex, /^[1-9a-f][0-9a-f]{31}$/);
    const days = (certificate.validToDate.getTime() - Date.now()) / 86_400_000;
    assert.ok(days > 29.9 && days <= 30, `valid for ${days} days`);
    assert.ok(Date.now() - certificate.validFromDate.getTime() >= 3_600_000);
  });

  test("issues a key that belongs to the certificate, signed by the CA and by no other", async () => {
    const issued = await ca.issueAgent(NAME);
    const certificate = new X509Certificate(issued.certificatePem);
    const other = new X509Certificate((await createDevelopmentCa("Other")).certificatePem);

    assert.ok(certificate.checkPrivateKey(createPrivateKey(issued.privateKeyPem)));
    assert.ok(certificate.checkIssued(caCertificate));
    assert.ok(certificate.verify(caCertificate.publicKey));
    assert.equal(certificate.verify(other.publicKey), false);
    assert.equal(caCertificate.ca, true);
  });

  test("issues a server certificate for names and addresses", async () => {
    const issued = await ca.issueServer(["localhost", "127.0.0.1", "::1"]);
    const certificate = new X509Certificate(issued.certificatePem);

    assert.equal(certificate.checkHost("localhost"), "localhost");
    assert.equal(certificate.checkIP("127.0.0.1"), "127.0.0.1");
    assert.equal(certificate.checkIP("::1"), "::1");
    assert.equal(certificate.checkHost("example.org"), undefined);
    assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
  });

  test("issues for the validity that is asked for", async () => {
    const notBefore = new Date("2020-01-01T00:00:00Z");
    const notAfter = new Date("2020-02-01T00:00:00Z");
    const issued = await ca.issueAgent({ ...NAME, notBefore, notAfter });
    const certificate = new X509Certificate(issued.certificatePem);

    assert.deepEqual(certificate.validFromDate, notBefore);
    assert.deepEqual(certificate.validToDate, notAfter);
  });

  test("[07 1.3] refuses names outside the profile, and a server without a host", async () => {
    for (const tenant of ["", "North", "-n", "a/b", "n".repeat(64)]) {
      await assert.rejects(ca.issueAgent({ ...NAME, tenant }), RangeError);
      await assert.rejects(ca.issueAgent({ ...NAME, agent: tenant }), RangeError);
    }
    await assert.rejects(ca.issueServer([]), RangeError);
  });
});
