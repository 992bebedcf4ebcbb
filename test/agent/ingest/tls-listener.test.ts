/** A listener with TLS, from the socket to the store (03 C4). The handshake itself: `mllp/tls-server.test.ts`. @module */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { AgentError } from "#agent/errors.ts";
import { fingerprintOf } from "#agent/ingest/mllp/peer-certificate.ts";
import { type ListenerTls, loadTlsMaterial } from "#agent/ingest/mllp/tls-server.ts";
import { AgentStack, type StackOptions } from "#test/support/agent-stack.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { adt, framed, largeAdt, latin1, sha256Of } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import {
  createTestCa,
  type PemPair,
  SERVER,
  SERVER_CA,
  TlsFiles,
} from "#test/support/test-certificates.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const clientCa = await createTestCa("Clients");
const lab = await clientCa.issueClient([{ CN: ["Lab-1"] }]);
const ward = await clientCa.issueClient([{ CN: ["Ward-7"] }]);
const foreign = await (await createTestCa("Clients")).issueClient([{ CN: ["Lab-1"] }]);

const files = new TlsFiles(SERVER, clientCa.certificatePem);
after(() => files[Symbol.dispose]());

const openWith = (tls: ListenerTls, more: StackOptions = {}): Promise<AgentStack> =>
  AgentStack.open({ ...more, settings: { tls, ...more.settings } });

/** A sender that speaks TLS. */
class TlsSender implements AsyncDisposable {
  readonly socket: TLSSocket;
  received = "";

  constructor(port: number, identity: PemPair | undefined, options: ConnectionOptions = {}) {
    const pair = identity && { cert: identity.certificatePem, key: identity.privateKeyPem };
    const ca = SERVER_CA.certificatePem;
    this.socket = connect({ port, host: "127.0.0.1", ca, ...pair, ...options });
    this.socket.on("error", () => {}).setEncoding("latin1");
    this.socket.on("data", (text: string) => {
      this.received += text;
    });
  }

  /** Sends one message and waits for AA. */
  async delivers(controlId: string): Promise<void> {
    this.socket.write(framed(adt(controlId)), "latin1");
    await this.answered(controlId);
  }

  async answered(controlId: string): Promise<void> {
    await until(
      `AA ${controlId}`,
      () => this.received.includes(`MSA|AA|${controlId}`) || this.socket.closed,
    );
    assert.ok(this.received.includes(`MSA|AA|${controlId}`), "closed before the reply");
  }

  /** Which certificate the listener showed. */
  get shown(): string | undefined {
    const certificate = this.socket.getPeerX509Certificate();
    return certificate && fingerprintOf(certificate);
  }

  async closed(): Promise<void> {
    await gone(this.socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await gone(this.socket);
  }
}

const gone = (socket: Socket): Promise<void> =>
  until("the socket is gone", () => socket.closed || socket.destroyed);
const failures = (agent: AgentStack): unknown[] =>
  agent.logs("tlsHandshakeFailed").map(({ reason }) => reason);

test("[C4] mutual TLS: messages small and large arrive as they were sent, and the record names the peer", async () => {
  await using agent = await openWith(files.mutual);
  await using sender = new TlsSender(agent.port, lab);
  await sender.delivers("M1");
  const large = largeAdt("BIG", 2_000_000);
  sender.socket.write(Buffer.concat([latin1("\x0b"), large, latin1("\x1c\r")]));
  await sender.answered("BIG");
  assert.deepEqual(
    (await agent.messages()).map(({ sha256 }) => sha256),
    [sha256Of(latin1(adt("M1"))), sha256Of(large)],
  );
  const [peer, ...more] = agent.record.snapshot().peers;
  assert.deepEqual(
    [peer?.address, peer?.name, peer?.connections, peer?.messages, more],
    ["127.0.0.1", "Lab-1", 1, 2, []],
  );
  sender.socket.end();
  await agent.connections(0);
  assert.equal(agent.record.snapshot().peers[0]?.connections, 0);
  assert.equal(agent.counters.value("tlsFailures"), 0);
});

test("[C4] clientCertificate optional: a sender without one is served and has no name; an untrusted one is refused", async () => {
  await using agent = await openWith({ ...files.mutual, clientCertificate: "optional" });
  await using nameless = new TlsSender(agent.port, undefined);
  await nameless.delivers("M1");
  assert.equal(agent.record.snapshot().peers[0]?.name, undefined);
  await using stranger = new TlsSender(agent.port, foreign);
  await stranger.closed();
  await until("it is counted", () => agent.counters.value("tlsFailures") === 1);
  assert.deepEqual(failures(agent), ["peerUntrusted"]);
});

const labPin = fingerprintOf(new X509Certificate(lab.certificatePem));
for (const [what, rules, reason] of [
  ["subject is not in allowedSubjects", { allowedSubjects: ["Lab-1"] }, "subjectNotAllowed"],
  [
    "certificate is not in pinnedCertificates",
    { pinnedCertificates: [labPin] },
    "certificateNotPinned",
  ],
] as const) {
  test(`[C4] a sender of the same CA whose ${what} is refused before a byte is read; the listed one is served`, async () => {
    await using agent = await openWith({ ...files.mutual, ...rules });
    await using stranger = new TlsSender(agent.port, ward);
    stranger.socket.write(framed(adt("W1")), "latin1");
    await stranger.closed();
    await until("it is counted", () => agent.counters.value("tlsFailures") === 1);
    assert.deepEqual(failures(agent), [reason]);
    await using listed = new TlsSender(agent.port, lab);
    await listed.delivers("L1");
    assert.equal(stranger.received, "");
    assert.equal(agent.counters.value("received"), 1);
    assert.equal(agent.counters.value("connections"), 1);
    assert.deepEqual(
      (await agent.messages()).map(({ controlId }) => controlId),
      ["L1"],
    );
  });
}

for (const [what, identity, reason] of [
  ["without a certificate", undefined, "peerWithoutCertificate"],
  ["with a certificate of another CA of the same name", foreign, "peerUntrusted"],
] as const) {
  test(`[C4] required: a sender ${what} gets no connection, one log line and a count`, async () => {
    await using agent = await openWith(files.mutual);
    await using stranger = new TlsSender(agent.port, identity);
    stranger.socket.write(framed(adt("M1")), "latin1");
    await stranger.closed();
    await until("it is counted", () => agent.counters.value("tlsFailures") === 1);
    assert.deepEqual(failures(agent), [reason]);
    assert.deepEqual([agent.logs("connectionOpened"), stranger.received], [[], ""]);
    assert.deepEqual(await agent.messages(), []);
  });
}

test("[C4] a plain peer on a TLS port gives one clear log line that names it, a count, and no reply", async () => {
  await using agent = await openWith(files.mutual);
  await using plain = await MllpSocket.open(agent.port);
  await plain.send(framed(adt("M1")));
  await plain.closed();
  await until("it is counted", () => agent.counters.value("tlsFailures") === 1);
  const [line, ...more] = agent.logs("tlsHandshakeFailed");
  assert.deepEqual([line?.["channel"], line?.["reason"], more], ["adt", "plainPeer", []]);
  assert.match(String(line?.["peer"]), /^127\.0\.0\.1:\d+$/);
  assert.equal(plain.received.includes("MSA"), false);
  assert.deepEqual(await agent.messages(), []);
  assert.deepEqual(agent.counters.snapshot(), { tlsFailures: 1 });
});

test("[C4] a TLS peer on a plain port gives one clear log line and is closed", async () => {
  await using agent = await AgentStack.open();
  await using sender = new TlsSender(agent.port, lab);
  await sender.closed();
  await agent.connections(0);
  assert.equal(agent.logs("peerNotMllp").length, 1);
  assert.equal(agent.counters.value("notMllp"), 1);
});

test("[C4, C2] at the limit the oldest handshake gives its place: who shows no certificate keeps nobody out", async () => {
  await using agent = await openWith(files.mutual, { settings: { maxConnections: 2 } });
  await using silent = await MllpSocket.open(agent.port);
  await using _other = await MllpSocket.open(agent.port);
  await until("both hold places", () => agent.listener.handshakeCount === 2);
  await using sender = new TlsSender(agent.port, lab);
  await sender.delivers("M1");
  await silent.closed();
  assert.deepEqual(agent.logs("connectionRefused"), []);
});

test("[C4, C1] a handshake that does not end is timed out, which is logged and counted", async () => {
  const tls = { ...files.mutual, handshakeTimeoutMs: 1_000 };
  await using agent = await openWith(tls);
  await using slow = await MllpSocket.open(agent.port);
  await slow.closed();
  await until("it is counted", () => agent.counters.value("tlsFailures") === 1);
  assert.deepEqual(failures(agent), ["handshakeTimeout"]);
  await using next = new TlsSender(agent.port, lab);
  await next.delivers("M1");
});

test("[C6, C4] connect and leave on a TLS port is a probe: a count, no line and no alarm", async () => {
  await using agent = await openWith(files.mutual);
  for (const [index, leave] of ["finish", "reset"].entries()) {
    const probe = await MllpSocket.open(agent.port);
    if (leave === "finish") probe.finish();
    else probe.reset();
    await until(`${leave} is counted`, () => agent.counters.value("probes") === index + 1);
    await probe[Symbol.asyncDispose]();
  }
  assert.deepEqual(agent.counters.snapshot(), { probes: 2 });
  assert.deepEqual(failures(agent), []);
  const open = agent.conditions.list().map(({ condition }) => condition);
  // The certificate of these tests ends in thirty days.
  assert.deepEqual(open, ["certificateExpiring"]);
});

test("[C6, C4] a peer that shakes hands and leaves without a byte is a probe, too", async () => {
  await using agent = await openWith(files.mutual);
  await using probe = new TlsSender(agent.port, lab);
  await agent.connections(1);
  probe.socket.end();
  await agent.connections(0);
  assert.deepEqual(agent.counters.snapshot(), { connections: 1, probes: 1 });
});

test("[E8, C4] an orderly stop hangs up on a peer in its handshake and answers what others sent", async () => {
  await using agent = await openWith(files.mutual);
  await using slow = await MllpSocket.open(agent.port);
  await using sender = new TlsSender(agent.port, lab);
  await sender.delivers("M1");
  await agent.close();
  await slow.closed();
  await sender.closed();
  assert.equal(agent.counters.value("stored"), 1);
});

/** What a sender sees and delivers on a new connection. */
async function certificateShown(agent: AgentStack, controlId: string): Promise<string | undefined> {
  await using sender = new TlsSender(agent.port, lab);
  await sender.delivers(controlId);
  return sender.shown;
}

test("[C4] a certificate renewed on disk is taken up within an hour; the port and the connections stay open", async () => {
  using own = new TlsFiles(SERVER, clientCa.certificatePem);
  const clock = new ManualClock();
  await using agent = await openWith(own.mutual, { clock });
  await using before = new TlsSender(agent.port, lab);
  await before.delivers("M1");
  const old = before.shown;
  assert.equal(old, loadTlsMaterial(own.mutual).fingerprint);
  clock.advance(HOUR);
  assert.deepEqual(agent.logs("tlsCertificateReloaded"), [], "nothing new, nothing said");
  const renewed = await SERVER_CA.issueServer(["localhost", "127.0.0.1"]);
  writeFileSync(own.certificate, renewed.certificatePem);
  writeFileSync(own.key, renewed.privateKeyPem);
  assert.equal(await certificateShown(agent, "M2"), old, "not before it is looked at");
  clock.advance(HOUR);
  const fresh = loadTlsMaterial(own.mutual).fingerprint;
  assert.notEqual(fresh, old);
  assert.equal(await certificateShown(agent, "M3"), fresh);
  await before.delivers("M4");
  assert.equal(agent.logs("tlsCertificateReloaded").length, 1);
  assert.equal(agent.logs("listenerOpened").length, 1);
  assert.deepEqual([agent.logs("listenerClosed"), agent.listener.isListening], [[], true]);
});

test("[C4] files that cannot be used leave the old certificate in use, are logged each hour, and are taken up once mended", async () => {
  using own = new TlsFiles(SERVER, clientCa.certificatePem);
  const clock = new ManualClock();
  await using agent = await openWith(own.mutual, { clock });
  const old = loadTlsMaterial(own.mutual).fingerprint;
  const renewed = await SERVER_CA.issueServer(["localhost", "127.0.0.1"]);
  // Half written: the certificate is new, its key still the old one.
  writeFileSync(own.certificate, renewed.certificatePem);
  clock.advance(HOUR);
  assert.equal(await certificateShown(agent, "M1"), old);
  writeFileSync(own.certificate, "-----BEGIN CERTIFICATE-----\nMIIB");
  clock.advance(HOUR);
  assert.equal(await certificateShown(agent, "M2"), old);
  assert.deepEqual(
    agent
      .logs("tlsCertificateUnusable")
      .map(({ channel, part, reason }) => [channel, part, reason]),
    [
      ["adt", "key", "ofAnotherCertificate"],
      ["adt", "certificate", "noCertificate"],
    ],
  );
  writeFileSync(own.certificate, renewed.certificatePem);
  writeFileSync(own.key, renewed.privateKeyPem);
  clock.advance(HOUR);
  assert.equal(await certificateShown(agent, "M3"), loadTlsMaterial(own.mutual).fingerprint);
  assert.equal(agent.listener.isListening, true);
});

test("[C4] the end of the certificate alarms 60, 30 and 7 days ahead and at its end, and a new one closes the alarm", async () => {
  using own = new TlsFiles(SERVER, clientCa.certificatePem);
  const { notAfterMs } = loadTlsMaterial(own.mutual);
  const clock = new ManualClock(notAfterMs - 61 * DAY);
  await using agent = await openWith(own.mutual, { clock });
  const days = (): unknown[] => agent.conditions.list().map(({ facts }) => facts["days"]);
  const lines = (): unknown[] => agent.logs("certificateExpiring").map((facts) => facts["days"]);
  assert.deepEqual([days(), lines()], [[], []]);
  clock.advance(DAY);
  assert.deepEqual([days(), lines()], [[60], [60]]);
  assert.deepEqual(
    agent.conditions.list().map(({ condition, subject }) => [condition, subject]),
    [["certificateExpiring", "adt"]],
  );
  clock.advance(29 * DAY);
  assert.deepEqual([days(), lines()], [[31], [60]], "the days are shown, a line is written once");
  clock.advance(DAY);
  assert.deepEqual([days(), lines()], [[30], [60, 30]]);
  clock.advance(23 * DAY);
  assert.deepEqual([days(), lines()], [[7], [60, 30, 7]]);
  clock.advance(7 * DAY);
  assert.deepEqual([days(), lines()], [[0], [60, 30, 7, 0]]);
  assert.equal(agent.listener.isListening, true, "an expired one is an alarm, no reason to close");
  const renewed = await SERVER_CA.issueServer(["localhost"], {
    notAfter: new Date(notAfterMs + 400 * DAY),
  });
  writeFileSync(own.certificate, renewed.certificatePem);
  writeFileSync(own.key, renewed.privateKeyPem);
  clock.advance(HOUR);
  assert.deepEqual(agent.conditions.list(), []);
});

for (const [what, spoil, part, reason] of [
  [
    "a certificate that is missing",
    ({ certificate }) => rmSync(certificate),
    "certificate",
    "unreadable",
  ],
  ["a key that is missing", ({ key }) => rmSync(key), "key", "unreadable"],
  ["a client CA that is missing", ({ clientCa: file }) => rmSync(file), "clientCa", "unreadable"],
  [
    "a certificate that is none",
    ({ certificate }) => writeFileSync(certificate, "x"),
    "certificate",
    "noCertificate",
  ],
  [
    "the key of another certificate",
    ({ key }) => writeFileSync(key, lab.privateKeyPem),
    "key",
    "ofAnotherCertificate",
  ],
] as const satisfies readonly (readonly [string, (own: TlsFiles) => void, string, string])[]) {
  test(`[C4] ${what} refuses the start, naming channel, part and reason`, async () => {
    using own = new TlsFiles(SERVER, clientCa.certificatePem);
    spoil(own);
    const stateDir = join(own.folder, "state");
    await assert.rejects(openWith(own.mutual, { stateDir }), (error) => {
      assert.ok(error instanceof AgentError);
      const { channel, part: named, reason: why } = error.facts;
      assert.deepEqual(
        [error.code, channel, named, why],
        ["LISTEN_TLS_MATERIAL", "adt", part, reason],
      );
      return true;
    });
  });
}

test("[C4] a listener that cannot open its port leaves no timer of its certificate behind", async () => {
  using own = new TlsFiles(SERVER, clientCa.certificatePem);
  const clock = new ManualClock();
  await using agent = await openWith(own.mutual, { clock });
  const armed = clock.armedCount;
  const stateDir = join(own.folder, "state");
  await assert.rejects(openWith(own.mutual, { clock, stateDir, settings: { port: agent.port } }), {
    code: "LISTEN_PORT_IN_USE",
  });
  assert.equal(clock.armedCount, armed);
});
