import "#certs/reflect-metadata.ts";
import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
} from "@peculiar/x509";
import { readAgentCsr } from "#certs/agent-csr.ts";
import { readProfile } from "#certs/agent-profile.ts";
import { createAuthority, loadAuthority } from "#certs/authority.ts";
import { CSR_MAX_BYTES } from "#certs/exchange.ts";
import { makeRequest, type RequestOptions } from "#test/support/requests.ts";

const NOW = Date.UTC(2031, 5, 1, 12, 0, 0);
const NAMED = { trustDomain: "holdfast.local", tenant: "north", agent: "ward-1" };
const files = await createAuthority("Agents of the test", NOW);
const authority = await loadAuthority(files);
const caCertificate = new X509Certificate(files.certificatePem);

async function issued(options: RequestOptions = {}) {
  const request = await makeRequest(options);
  const csr = readAgentCsr(request.der);
  assert.ok(csr !== null);
  const pem = await authority.issueAgent({ ...NAMED, csr, atMs: NOW });
  return { certificate: new X509Certificate(pem), request };
}

describe("the embedded CA of agents", () => {
  test("[07 1.3] [I08] issues the profile, whatever names, usages and CA:FALSE a request has", async () => {
    const { certificate, request } = await issued({
      subject: "CN=ward-9, O=Somebody else",
      extensions: [
        new SubjectAlternativeNameExtension([
          { type: "url", value: "spiffe://holdfast.local/tenant/south/agent/ward-9" },
          { type: "dns", value: "receiver.example.org" },
        ]),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new BasicConstraintsExtension(false),
      ],
    });
    assert.deepEqual(readProfile(certificate), { kind: "fits", ...NAMED });
    assert.equal(certificate.subject, "CN=ward-1");
    assert.ok(certificate.checkPrivateKey(createPrivateKey(request.privateKeyPem)));
    assert.ok(certificate.checkIssued(caCertificate));
    assert.ok(certificate.verify(caCertificate.publicKey));
  });

  test("[07 1.3] is valid from an hour before the issue for 30 days, with a serial of 128 random bits", async () => {
    const { certificate } = await issued();
    assert.equal(certificate.validFromDate.getTime(), NOW - 3_600_000);
    assert.equal(certificate.validToDate.getTime(), NOW + 30 * 86_400_000);
    const serials = await Promise.all(Array.from({ length: 20 }, () => issued()));
    const texts = serials.map(({ certificate: { serialNumber } }) => serialNumber);
    assert.equal(new Set(texts).size, texts.length);
    for (const text of texts) assert.match(text, /^[1-9A-F][0-9A-F]{31}$/);
    // The highest bit is one of them.
    assert.ok(texts.some((text) => /^[89A-F]/.test(text)));
  });

  const refused: readonly { readonly what: string; readonly options: RequestOptions }[] = [
    { what: "an RSA key", options: { algorithm: "RSA-1024" } },
    { what: "a key on another curve", options: { algorithm: "P-384" } },
    { what: "another digest", options: { algorithm: "P-256 with SHA-384" } },
    { what: "CA:TRUE", options: { extensions: [new BasicConstraintsExtension(true, 0, true)] } },
  ];
  for (const { what, options } of refused) {
    test(`[07 1.3] [I08] a request with ${what} is refused`, async () => {
      assert.equal(readAgentCsr((await makeRequest(options)).der), null);
    });
  }

  test("[07 1.3] [I08] a request with a bad self-signature, or cut, or longer, is refused", async () => {
    const { der } = await makeRequest();
    assert.ok(readAgentCsr(der) !== null);
    // Each octet of it, one bit: of the key, of the name, of the signature, of every length.
    for (let at = 0; at < der.length; at++) {
      const changed = new Uint8Array(der);
      changed[at] = (changed[at] ?? 0) ^ 1;
      assert.equal(readAgentCsr(changed), null, `octet ${at}`);
      assert.equal(readAgentCsr(der.subarray(0, at)), null, `cut at ${at}`);
    }
    assert.equal(readAgentCsr(new Uint8Array([...der, 0])), null);
    assert.equal(readAgentCsr(new Uint8Array(CSR_MAX_BYTES + 1)), null);
  });

  test("refuses to issue with a key of another CA, with a leaf, and with what is no CA at all", async () => {
    const other = await createAuthority("Other", NOW);
    const leaf = await issued();
    const certificatePem = leaf.certificate.toString();
    for (const wrong of [
      { ...files, privateKeyPem: other.privateKeyPem },
      { certificatePem, privateKeyPem: leaf.request.privateKeyPem },
      { ...files, privateKeyPem: "nothing" },
    ]) {
      await assert.rejects(loadAuthority(wrong), RangeError);
    }
  });
});
