/** Who answers: every certificate that is not the receiver's, and what is no TLS at all (T-N08). @module */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { createDevelopmentCa, type IssuedIdentity } from "#certs/development-ca.ts";
import { issueAgent } from "#test/receiver/support/identities.ts";
import { until } from "#test/support/processes.ts";
import { refused } from "#test/support/refusals.ts";
import { StubPort, says, tls } from "#test/support/stub-port.ts";
import { createTestCa } from "#test/support/test-certificates.ts";
import { identityOf } from "#test/support/test-tunnel.ts";

const HERE = ["127.0.0.1"];
const DAY_MS = 86_400_000;
const issued = await issueAgent("north/ward-1");
const ca = await createDevelopmentCa("Holdfast receivers");
const identity = identityOf(issued, ca.certificatePem);
const inspector = await createDevelopmentCa("Ward Firewall (TLS) €\u202e");
const sha256 = (pem: string): string =>
  new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();
const day = (days: number): Date => new Date(Date.now() + days * DAY_MS);

/** What a dial to somebody who shows `shown` ends with; nothing was said to it within TLS. */
async function refusalOf(shown: IssuedIdentity, connections = 1) {
  await using port = await StubPort.open(tls(shown));
  const { code, facts, steps } = await refused(port.url, { identity });
  assert.deepEqual(steps, ["resolve", "connect"]);
  assert.deepEqual(port.decrypted, [], "no data is sent to whom we do not know");
  assert.equal(port.count, connections);
  await until("no socket is left", () => port.openCount === 0);
  return { code, facts };
}

describe("dial, to somebody else", () => {
  test("[TP1, T-N08, 07 1.10] a certificate of another CA is an interception, and its issuer is named", async () => {
    const shown = await inspector.issueServer(HERE);
    const { code, facts } = await refusalOf(shown, 2);
    assert.equal(code, "TUNNEL_INTERCEPTED");
    assert.deepEqual(facts, {
      sysCode: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      issuer: "Ward_Firewall_TLS_",
      fingerprint: sha256(shown.certificatePem),
    });
  });

  test("[07 1.10] where the CA comes along, the fingerprint is the CA's", async () => {
    const shown = await inspector.issueServer(HERE);
    const certificatePem = `${shown.certificatePem}${inspector.certificatePem}`;
    const { code, facts } = await refusalOf({ ...shown, certificatePem }, 2);
    assert.equal(code, "TUNNEL_INTERCEPTED");
    assert.equal(facts["fingerprint"], sha256(inspector.certificatePem));
    assert.equal(facts["sysCode"], "SELF_SIGNED_CERT_IN_CHAIN");
  });

  test("[07 1.10] a CA that only has our CA's name is another", async () => {
    const namesake = await createDevelopmentCa("Holdfast receivers");
    const { code, facts } = await refusalOf(await namesake.issueServer(HERE), 2);
    assert.equal(code, "TUNNEL_INTERCEPTED");
    assert.equal(facts["issuer"], "Holdfast_receivers");
  });

  test("[T-N08] a certificate that signed itself is not taken for an interception", async () => {
    const { certificatePem, privateKeyPem } = await createTestCa("Portal");
    const { code, facts } = await refusalOf({ certificatePem, privateKeyPem, serialHex: "" }, 2);
    assert.equal(code, "TUNNEL_CERT_SELF_SIGNED");
    assert.equal(facts["issuer"], "Portal");
  });

  test("[T-N08] an expired one, one that is not valid yet, and one for another host", async () => {
    const expired = { notBefore: day(-3), notAfter: day(-2) };
    assert.deepEqual(await refusalOf(await ca.issueServer(HERE, expired)), {
      code: "TUNNEL_CERT_EXPIRED",
      facts: { sysCode: "CERT_HAS_EXPIRED" },
    });
    const early = { notBefore: day(2), notAfter: day(3) };
    assert.deepEqual(await refusalOf(await ca.issueServer(HERE, early)), {
      code: "TUNNEL_CERT_NOT_YET_VALID",
      facts: { sysCode: "CERT_NOT_YET_VALID" },
    });
    assert.deepEqual(await refusalOf(await ca.issueServer(["gateway.example.org"])), {
      code: "TUNNEL_CERT_WRONG_NAME",
      facts: { sysCode: "ERR_TLS_CERT_ALTNAME_INVALID" },
    });
  });

  test("[TP1] a client's certificate of the right CA is no server's", async () => {
    const client = await ca.issueAgent({ trustDomain: "a", tenant: "b", agent: "c" });
    assert.equal((await refusalOf(client)).code, "TUNNEL_PEER_UNTRUSTED");
  });

  for (const [what, text] of [
    ["a redirect to a portal", "HTTP/1.1 302 Found\r\nLocation: http://portal.invalid/\r\n\r\n"],
    ["a page", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"],
    ["a banner", "SSH-2.0-OpenSSH_9.9\r\n"],
  ] as const) {
    test(`[T-N08] a captive portal: ${what} in the clear is not a receiver`, async () => {
      await using port = await StubPort.open(says(text));
      const { code, facts } = await refused(port.url, { identity });
      assert.equal(code, "TUNNEL_NOT_A_RECEIVER", JSON.stringify(facts));
      assert.equal(port.count, 1);
    });
  }

  test("[TP1] who refuses our certificate within TLS is no receiver: it would say why", async () => {
    const server = await ca.issueServer(HERE);
    await using port = await StubPort.open((socket, stub) => {
      tls(server)(socket, stub);
      // RFC 8446: fatal (2), unknown_ca (48), sent in the clear in place of ServerHello.
      socket.write(Buffer.from("15030300020230", "hex"));
    });
    const { code, facts } = await refused(port.url, { identity });
    assert.deepEqual(
      [code, facts["sysCode"]],
      ["TUNNEL_CERT_REFUSED", "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"],
    );
  });
});
