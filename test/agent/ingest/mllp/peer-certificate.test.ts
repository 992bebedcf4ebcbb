import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { connect, createServer, type TLSSocket } from "node:tls";
import type { JsonName } from "@peculiar/x509";
import {
  fingerprintOf,
  peerName,
  refusalOfCertificate,
  refusalOfPeer,
  shownName,
} from "#agent/ingest/mllp/peer-certificate.ts";
import {
  type ListenerTls,
  loadTlsMaterial,
  tlsServerOptions,
} from "#agent/ingest/mllp/tls-server.ts";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { until } from "#test/support/processes.ts";
import {
  createTestCa,
  SERVER,
  SERVER_CA,
  TlsFiles,
  TlsPort,
} from "#test/support/test-certificates.ts";

const clientCa = await createTestCa("Clients");
const labPair = await clientCa.issueClient([{ CN: ["Lab-1"] }], { dns: ["lab.north.example"] });
const foreign = await (await createTestCa("Clients")).issueClient([{ CN: ["Lab-1"] }]);

const files = new TlsFiles(SERVER, clientCa.certificatePem);
after(() => files[Symbol.dispose]());
const MUTUAL = files.mutual;
const OPTIONAL: ListenerTls = { ...MUTUAL, clientCertificate: "optional" };
const NO_CLIENT_CA: ListenerTls = { ...OPTIONAL, clientCa: undefined };

async function issued(subject: JsonName, dns: readonly string[] = []): Promise<X509Certificate> {
  return new X509Certificate((await clientCa.issueClient(subject, { dns })).certificatePem);
}

/** Whether each entry alone lets the certificate in. */
function assertSubjects(
  certificate: X509Certificate,
  entries: Readonly<Record<string, boolean>>,
): void {
  for (const [entry, allowed] of Object.entries(entries)) {
    const rules = { allowedSubjects: ["nobody", entry], pinnedCertificates: [] };
    const expected = allowed ? undefined : "subjectNotAllowed";
    assert.equal(refusalOfCertificate(certificate, rules), expected, JSON.stringify(entry));
  }
}

const lab = await issued(
  [{ CN: ["Lab-1"] }, { OU: ["Interfaces"] }, { O: ["North, Inc."] }],
  ["lab.north.example", "*.wild.example"],
);

test("[C4] without lists every certificate of the CA may send", () => {
  assert.equal(
    refusalOfCertificate(lab, { allowedSubjects: [], pinnedCertificates: [] }),
    undefined,
  );
});

test("[C4] an allowed subject is the common name, exactly", () => {
  assertSubjects(lab, { "Lab-1": true, "lab-1": false, "Lab-": false, "Lab-1 ": false, "": false });
});

test("[C4] an allowed subject is a DNS alternative name, without case and never as a pattern", () => {
  assertSubjects(lab, {
    "lab.north.example": true,
    "LAB.North.Example": true,
    "north.example": false,
    ".north.example": false,
    "*.north.example": false,
    "x.wild.example": false,
    "*.wild.example": true,
    "lab.north.example\0": false,
    Interfaces: false,
  });
});

test("[C4] an allowed subject is the whole subject in the order of the certificate", () => {
  assertSubjects(lab, {
    "CN=Lab-1, OU=Interfaces, O=North\\, Inc.": true,
    "CN=Lab-1,OU=Interfaces,O=North\\, Inc.": true,
    "OU=Interfaces, CN=Lab-1, O=North\\, Inc.": false,
    "CN=Lab-1, OU=Interfaces": false,
    "CN=Lab-1": false,
    "cn=Lab-1, OU=Interfaces, O=North\\, Inc.": false,
  });
});

test("[C4] a common name that holds the text of another subject is not taken for it", async () => {
  assertSubjects(await issued([{ CN: ["CN=Lab-1, O=North"] }]), { "CN=Lab-1, O=North": false });
  assertSubjects(await issued([{ CN: ["Lab-1\nO=North"] }]), {
    "CN=Lab-1, O=North": false,
    "CN=Lab-1,O=North": false,
    "Lab-1": false,
  });
  assertSubjects(await issued([{ CN: ["Lab-1\0x"] }], ["a.example, DNS:b.example"]), {
    "Lab-1": false,
    "b.example": false,
    "a.example": false,
  });
});

test("[C4] a certificate without a common name is matched by its alternative names", async () => {
  const certificate = await issued([{ O: ["North"] }], ["lab.north.example"]);
  assertSubjects(certificate, { "lab.north.example": true, "O=North": true, undefined: false });
  assert.equal(shownName(certificate), undefined);
});

test("[C4] a pinned certificate is known by its SHA-256, with or without colons, in any case", async () => {
  const plain = fingerprintOf(lab);
  assert.match(plain, /^[0-9a-f]{64}$/);
  const other = fingerprintOf(await issued([{ CN: ["Lab-1"] }]));
  const refusal = (pins: readonly string[]) =>
    refusalOfCertificate(lab, { allowedSubjects: [], pinnedCertificates: pins });
  for (const pin of [plain, plain.toUpperCase(), lab.fingerprint256]) {
    assert.equal(refusal([other, pin]), undefined);
  }
  for (const pin of [other, plain.slice(0, 62), "", ":"]) {
    assert.equal(refusal([pin]), "certificateNotPinned");
  }
});

test("[C4] with subjects and pins a certificate must be on both lists", () => {
  const pin = fingerprintOf(lab);
  const refusal = (allowedSubjects: readonly string[], pinnedCertificates: readonly string[]) =>
    refusalOfCertificate(lab, { allowedSubjects, pinnedCertificates });
  assert.equal(refusal(["Lab-1"], [pin]), undefined);
  assert.equal(refusal(["Lab-2"], [pin]), "subjectNotAllowed");
  assert.equal(refusal(["Lab-1"], ["00"]), "certificateNotPinned");
});

test("[C4] the name shown of a peer has safe characters only and at most 64", async () => {
  assert.equal(shownName(lab), "Lab-1");
  assert.equal(shownName(await issued([{ CN: ["Labor Süd\r\n<b>"] }])), "Labor_S_d___b_");
  assert.equal(shownName(await issued([{ CN: ["x".repeat(64)] }])), "x".repeat(64));
});

test("[C4] optional: without a certificate a peer is let in, unless subjects or pins are given", async () => {
  await using port = await TlsPort.open(OPTIONAL);
  port.tls(undefined);
  assert.deepEqual(await port.results(), ["secured undefined"]);
  port.tls(labPair);
  assert.deepEqual((await port.results(2))[1], "secured Lab-1");
  for (const rule of [{ allowedSubjects: ["Lab-1"] }, { pinnedCertificates: ["00"] }]) {
    await using strict = await TlsPort.open({ ...OPTIONAL, ...rule });
    strict.tls(undefined);
    assert.deepEqual(await strict.results(), ["noCertificate"]);
  }
});

test("[C4] optional without a client CA asks for no certificate, and names nobody", async () => {
  assert.equal(tlsServerOptions(loadTlsMaterial(NO_CLIENT_CA), NO_CLIENT_CA).requestCert, false);
  await using port = await TlsPort.open(NO_CLIENT_CA);
  port.tls(foreign);
  assert.deepEqual(await port.results(), ["secured undefined"]);
  assert.equal((await port.secured()).getPeerX509Certificate(), undefined);
});

test("[C4] subjects and pins narrow the trust in the client CA and do not replace it", async () => {
  const pin = fingerprintOf(new X509Certificate(labPair.certificatePem));
  const other = await clientCa.issueClient([{ CN: ["Lab-2"] }]);
  const subjects = { ...MUTUAL, allowedSubjects: ["LAB.north.example", "Lab-1"] };
  const pins = { ...MUTUAL, pinnedCertificates: [pin] };
  for (const [tls, refusal] of [
    [subjects, "subjectNotAllowed"],
    [pins, "certificateNotPinned"],
  ] as const) {
    await using port = await TlsPort.open(tls);
    port.tls(labPair);
    await port.results(1);
    const refused = port.tls(other);
    await port.results(2);
    port.tls(foreign);
    assert.deepEqual(await port.results(3), ["secured Lab-1", refusal, "peerUntrusted"]);
    await until("it is closed", () => refused.closed);
  }
});

test("[C4] every CA of the client CA file is trusted, an issuing CA together with its root", async () => {
  const root = await createTestCa("Root");
  const issuing = await root.issueCa("Issuing");
  const cas = [clientCa, issuing, root].map(({ certificatePem }) => certificatePem);
  using all = new TlsFiles(SERVER, cas.join("a comment between two\n"));
  await using port = await TlsPort.open(all.mutual);
  port.tls(await issuing.issueClient([{ CN: ["Ris"] }]));
  await port.results(1);
  port.tls(labPair);
  assert.deepEqual(await port.results(2), ["secured Ris", "secured Lab-1"]);
});

test("[C4] a certificate that ended, or is not for clients, is refused", async () => {
  const ended = { notBefore: new Date(0), notAfter: new Date(86_400_000) };
  const late = await clientCa.issueClient([{ CN: ["Lab-1"] }], ended);
  await using port = await TlsPort.open(MUTUAL);
  port.tls(late);
  assert.deepEqual(await port.results(), ["peerCertificateExpired"]);
  const agents = await createDevelopmentCa("Agents");
  using other = new TlsFiles(SERVER, agents.certificatePem);
  await using strict = await TlsPort.open(other.mutual);
  strict.tls(await agents.issueServer(["lab.north.example"]));
  assert.deepEqual(await strict.results(), ["peerUntrusted"]);
});

test("[C4] a peer that is not trusted has no name, whatever its certificate says", async () => {
  await using server = createServer(tlsServerOptions(loadTlsMaterial(OPTIONAL), OPTIONAL));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const [cert, key, ca] = [foreign.certificatePem, foreign.privateKeyPem, SERVER_CA.certificatePem];
  const client = connect({ port, host: "127.0.0.1", cert, key, ca }).resume();
  const [socket] = (await once(server, "secureConnection")) as [TLSSocket];
  const found = [socket.getPeerX509Certificate() !== undefined, peerName(socket)];
  const refusal = refusalOfPeer(socket, OPTIONAL);
  socket.destroy();
  client.destroy();
  assert.deepEqual(found, [true, undefined]);
  assert.equal(refusal, "peerUntrusted");
});
