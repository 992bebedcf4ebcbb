/** TLS towards a hospital system (03 O8, C4). */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TlsOptions } from "node:tls";
import { loadSenderTls, type SenderTls } from "#agent/deliver/sender-tls.ts";
import { AgentError } from "#agent/errors.ts";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { HospitalSystem } from "#test/support/hospital-system.ts";
import { MemoryQueue } from "#test/support/memory-queue.ts";
import { adt } from "#test/support/messages.ts";
import { SenderBench } from "#test/support/sender-bench.ts";
import { createTestCa, SERVER, SERVER_CA, TlsFiles } from "#test/support/test-certificates.ts";

const DAY_MS = 86_400_000;
const CLIENT_CA = await createTestCa("Clients");
const CLIENT = await CLIENT_CA.issueClient([{ CN: ["holdfast"] }]);
const STRANGER = await (await createTestCa("Strangers")).issueClient([{ CN: ["holdfast"] }]);

const serverTls = (pair = SERVER): TlsOptions => ({
  cert: pair.certificatePem,
  key: pair.privateKeyPem,
});
const MUTUAL: TlsOptions = {
  ...serverTls(),
  ca: CLIENT_CA.certificatePem,
  requestCert: true,
  rejectUnauthorized: true,
};

/** The files of a sender: our pair, and the CA that the server's certificate must come from. */
class SenderFiles extends TlsFiles {
  constructor(pair = CLIENT, serverCaPem = SERVER_CA.certificatePem) {
    super(pair, serverCaPem);
  }

  get tls(): SenderTls {
    return {
      serverCa: this.clientCa,
      serverName: undefined,
      certificate: this.certificate,
      key: this.key,
      allowedSubjects: [],
      pinnedCertificates: [],
      handshakeTimeoutMs: 10_000,
    };
  }
}

/** Delivers one message. @returns why it cannot connect, or `delivered` */
async function deliver(server: TlsOptions, tls: SenderTls): Promise<string> {
  await using ris = await HospitalSystem.open(undefined, server);
  await using bench = await SenderBench.open(ris.port, { tls });
  bench.queue.append(adt("M1"));
  const failed = (): string | undefined =>
    bench.lines.find((line) => /^endpoint(Unreachable|Lost)/.test(line));
  await bench.until("it is decided", () => {
    return bench.queue.standing[0] === "accepted" || failed() !== undefined;
  });
  if (ris.blocks.length === 0) assert.equal(bench.queue.standing[0], "open");
  return failed()?.replace(/^.*reason=/, "") ?? "delivered";
}

test("[C4, O8] TLS with a client certificate delivers; TLS 1.2 does too, 1.1 does not", async () => {
  using files = new SenderFiles();
  assert.equal(await deliver(MUTUAL, files.tls), "delivered");
  assert.equal(await deliver({ ...MUTUAL, maxVersion: "TLSv1.2" }, files.tls), "delivered");
  const old = { ...MUTUAL, minVersion: "TLSv1.1", maxVersion: "TLSv1.1" } as const;
  const weak = { ...old, ciphers: "DEFAULT:@SECLEVEL=0" };
  assert.match(await deliver(weak, files.tls), /ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/);
});

test("[C4] a server whose CA is not ours gets no byte of a message", async () => {
  using files = new SenderFiles(CLIENT, (await createDevelopmentCa("Others")).certificatePem);
  assert.match(await deliver(serverTls(), files.tls), /UNABLE_TO_|SELF_SIGNED/);
});

test("[C4] the name of the server must be the host's, or serverName", async () => {
  using files = new SenderFiles();
  const named = await SERVER_CA.issueServer(["ris.hospital.example"]);
  assert.equal(await deliver(serverTls(named), files.tls), "ERR_TLS_CERT_ALTNAME_INVALID");
  const tls = { ...files.tls, serverName: "ris.hospital.example" };
  assert.equal(await deliver(serverTls(named), tls), "delivered");
  assert.equal(await deliver(serverTls(), tls), "ERR_TLS_CERT_ALTNAME_INVALID");
});

test("[C4] subjects and pins say who the server must be, in the place of its name, never of its CA", async () => {
  using files = new SenderFiles();
  const named = await SERVER_CA.issueServer(["ris.hospital.example"]);
  const pin = new X509Certificate(named.certificatePem).fingerprint256;
  const allowed = { ...files.tls, allowedSubjects: ["ris.hospital.example"] };
  assert.equal(await deliver(serverTls(named), allowed), "delivered");
  assert.equal(await deliver(serverTls(), allowed), "subjectNotAllowed");
  const pinned = { ...files.tls, pinnedCertificates: [pin] };
  assert.equal(await deliver(serverTls(named), pinned), "delivered");
  assert.equal(await deliver(serverTls(), pinned), "certificateNotPinned");
  using others = new SenderFiles(CLIENT, (await createDevelopmentCa("Others")).certificatePem);
  const untrusted = { ...others.tls, pinnedCertificates: [pin] };
  assert.match(await deliver(serverTls(named), untrusted), /UNABLE_TO_|SELF_SIGNED/);
});

test("[C4] a server certificate that has ended is not accepted", async () => {
  using files = new SenderFiles();
  const notAfter = new Date(Date.now() - DAY_MS);
  const notBefore = new Date(Date.now() - 2 * DAY_MS);
  const ended = await SERVER_CA.issueServer(["127.0.0.1"], { notBefore, notAfter });
  assert.equal(await deliver(serverTls(ended), files.tls), "CERT_HAS_EXPIRED");
});

test("[C4] NODE_TLS_REJECT_UNAUTHORIZED=0 changes nothing", async () => {
  using files = new SenderFiles(CLIENT, (await createDevelopmentCa("Others")).certificatePem);
  process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
  try {
    assert.match(await deliver(serverTls(), files.tls), /UNABLE_TO_|SELF_SIGNED/);
  } finally {
    delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
  }
});

test("[C4, O4] a server that does not accept our certificate: nothing is settled, the reason is said", async () => {
  using files = new SenderFiles(STRANGER);
  const why = await deliver(MUTUAL, files.tls);
  assert.match(why, /^(peerDistrustsUs|peerLeft|peerClosed)$/);
});

test("[C4] TLS to a port that speaks plain MLLP, and the reverse, is one clear reason and no delivery", async () => {
  using files = new SenderFiles();
  {
    await using ris = await HospitalSystem.open();
    await using bench = await SenderBench.open(ris.port, { tls: files.tls });
    bench.queue.append(adt("M1"));
    await bench.until("it connected", () => ris.connections.length > 0);
    ris.connections[0]?.write("HTTP/1.1 400\r\n\r\n");
    await bench.until("said", () => bench.lines.length > 0);
    assert.match(bench.lines[0] ?? "", /endpointUnreachable .*reason=plainPeer/);
  }
  await using ris = await HospitalSystem.open(undefined, MUTUAL);
  await using bench = await SenderBench.open(ris.port);
  bench.queue.append(adt("M1"));
  await bench.until("said", () =>
    bench.lines.some((line) => /replyUnusable|endpointLost/.test(line)),
  );
  assert.equal(ris.blocks.length, 0);
});

const FLAWS: readonly (readonly [string, string, (files: SenderFiles) => SenderTls])[] = [
  ["serverCa", "unreadable", ({ tls }) => ({ ...tls, serverCa: "/no/such/file" })],
  ["serverCa", "noCertificate", ({ tls, key }) => ({ ...tls, serverCa: key })],
  ["certificate", "unreadable", ({ tls }) => ({ ...tls, certificate: "/no/such/file" })],
  ["key", "unreadable", ({ tls }) => ({ ...tls, key: undefined })],
  ["key", "damaged", ({ tls, certificate }) => ({ ...tls, key: copied(certificate) })],
  [
    "key",
    "exposed",
    ({ tls, key }) => {
      chmodSync(key, 0o644);
      return tls;
    },
  ],
  [
    "key",
    "ofAnotherCertificate",
    ({ tls, key }) => {
      writeFileSync(key, STRANGER.privateKeyPem);
      return tls;
    },
  ],
];

function copied(file: string): string {
  chmodSync(file, 0o600);
  return file;
}

for (const [part, reason, spoilt] of FLAWS) {
  test(`[C4] files that cannot be used are refused at the start: ${part} ${reason}`, () => {
    using files = new SenderFiles();
    const tls = spoilt(files);
    assert.throws(
      () => loadSenderTls(tls),
      (error) =>
        error instanceof AgentError &&
        error.code === "SENDER_TLS_MATERIAL" &&
        error.facts["part"] === part &&
        error.facts["reason"] === reason,
    );
  });
}

test("[C4] without a client certificate only the server is checked", () => {
  using files = new SenderFiles();
  const material = loadSenderTls({ ...files.tls, certificate: undefined, key: undefined });
  assert.equal(material.certificatePem, undefined);
  assert.equal(material.trustedPem.length, 1);
});

test("[C4] the end of our certificate is an alarm 60, 30 and 7 days ahead; a renewed file ends it, without a restart", async () => {
  using files = new SenderFiles();
  const endMs = new X509Certificate(CLIENT.certificatePem).validToDate.getTime();
  const clock = new ManualClock(endMs - 8 * DAY_MS);
  await using bench = await SenderBench.open(1, { tls: files.tls }, new MemoryQueue(), clock);
  assert.deepEqual(bench.alarms, ["certificateExpiring"]);
  clock.advance(2 * DAY_MS);
  const stages = bench.lines.filter((line) => line.startsWith("certificateExpiring"));
  assert.deepEqual(stages, [
    "certificateExpiring channel=ris days=8",
    "certificateExpiring channel=ris days=7",
  ]);
  const notAfter = new Date(endMs + 100 * DAY_MS);
  const renewed = await CLIENT_CA.issueClient([{ CN: ["holdfast"] }], { notAfter });
  // Half of a renewal leaves what is in use in place.
  writeFileSync(files.certificate, renewed.certificatePem);
  clock.advance(3_600_000);
  assert.deepEqual(bench.alarms, ["certificateExpiring"]);
  assert.ok(bench.lines.includes("tlsCertificateUnusable SENDER_TLS_MATERIAL"));
  writeFileSync(files.key, renewed.privateKeyPem);
  clock.advance(3_600_000);
  assert.deepEqual(bench.alarms, []);
  assert.ok(bench.lines.includes("tlsCertificateReloaded channel=ris"));
});

test("[C4] a key that is in no file of its own is never written into what is said", async () => {
  using files = new SenderFiles();
  writeFileSync(join(files.folder, "server.key"), "-----BEGIN PRIVATE KEY-----\nSECRET\n", {
    mode: 0o600,
  });
  await assert.rejects(SenderBench.open(1, { tls: files.tls }), (error) => {
    assert.doesNotMatch(JSON.stringify(error), /SECRET/);
    return error instanceof AgentError && error.facts["channel"] === "ris";
  });
});
