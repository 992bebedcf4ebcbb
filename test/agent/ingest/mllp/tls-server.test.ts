import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, chmodSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import { after, describe, test } from "node:test";
import { connect, createServer } from "node:tls";
import type { AgentError } from "#agent/errors.ts";
import { expiryStage } from "#agent/health/watched-certificate.ts";
import { fingerprintOf } from "#agent/ingest/mllp/peer-certificate.ts";
import {
  handshakeFault,
  type ListenerTls,
  loadTlsMaterial,
  tlsServerOptions,
} from "#agent/ingest/mllp/tls-server.ts";
import { until } from "#test/support/processes.ts";
import {
  createTestCa,
  SERVER,
  SERVER_CA,
  TlsFiles,
  TlsPort,
} from "#test/support/test-certificates.ts";

const DAY_MS = 86_400_000;
const otherServer = await SERVER_CA.issueServer(["localhost"]);
const clientCa = await createTestCa("Clients");
const lab = await clientCa.issueClient([{ CN: ["Lab-1"] }], { dns: ["lab.north.example"] });
const foreign = await (await createTestCa("Clients")).issueClient([{ CN: ["Lab-1"] }]);

const files = new TlsFiles(SERVER, clientCa.certificatePem);
after(() => files[Symbol.dispose]());

const MUTUAL = files.mutual;
const OPTIONAL: ListenerTls = { ...MUTUAL, clientCertificate: "optional" };
const NO_CLIENT_CA: ListenerTls = { ...OPTIONAL, clientCa: undefined };

const closed = (socket: Socket): Promise<void> => until("it is closed", () => socket.closed);

describe("handshake", () => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`[C4] a peer with a certificate of the client CA is let in, with its name, over ${maxVersion}`, async () => {
      await using port = await TlsPort.open(MUTUAL);
      const client = port.tls(lab, { maxVersion });
      const socket = await port.secured();
      assert.deepEqual(await port.results(), ["secured Lab-1"]);
      assert.equal(socket.getProtocol(), maxVersion);
      client.write("to");
      assert.equal(String((await once(socket, "data"))[0]), "to");
      socket.write("fro");
      assert.equal(String((await once(client, "data"))[0]), "fro");
    });

    test(`[C4] required: a peer without a certificate is refused over ${maxVersion}`, async () => {
      await using port = await TlsPort.open(MUTUAL);
      const client = port.tls(undefined, { maxVersion });
      assert.deepEqual(await port.results(), ["peerWithoutCertificate"]);
      await closed(client);
    });

    test(`[C4] a certificate of another CA of the same name is refused over ${maxVersion}`, async () => {
      for (const tls of [MUTUAL, OPTIONAL]) {
        await using port = await TlsPort.open(tls);
        const client = port.tls(foreign, { maxVersion });
        assert.deepEqual(await port.results(), ["peerUntrusted"]);
        await closed(client);
      }
    });

    test(`[F3, C4] after the peer's FIN a reply still reaches it over ${maxVersion}`, async () => {
      await using port = await TlsPort.open(MUTUAL);
      const client = port.tls(lab, { maxVersion });
      let received = "";
      client.on("data", (part) => {
        received += part;
      });
      client.end("last block");
      const socket = await port.secured();
      let sent = "";
      socket.on("data", (part) => {
        sent += part;
      });
      await once(socket, "end");
      assert.equal(sent, "last block");
      assert.equal(socket.writable, true);
      socket.end("reply");
      await once(client, "end");
      assert.equal(received, "reply");
    });

    test(`[C4] a session is not resumed, also by a server for many connections, over ${maxVersion}`, async () => {
      await using shared = createServer(tlsServerOptions(loadTlsMaterial(MUTUAL), MUTUAL));
      const reused: boolean[] = [];
      shared.on("secureConnection", (socket) => {
        reused.push(socket.isSessionReused());
        socket.end("so that tickets have come");
      });
      await once(shared.listen(0, "127.0.0.1"), "listening");
      const { port } = shared.address() as AddressInfo;
      const [cert, key, ca] = [lab.certificatePem, lab.privateKeyPem, SERVER_CA.certificatePem];
      let session: Buffer | undefined;
      for (let round = 0; round < 2; round += 1) {
        const client = connect({ port, host: "127.0.0.1", cert, key, ca, maxVersion, session });
        client.on("secureConnect", () => {
          session ??= client.getSession();
        });
        client.on("session", (ticket) => {
          session = ticket;
        });
        await once(client.resume(), "close");
        assert.ok(session);
      }
      assert.deepEqual(reused, [false, false]);
    });
  }

  test("[C4] a peer with TLS 1.1 is refused, and named as too old", async () => {
    await using port = await TlsPort.open(MUTUAL);
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL@SECLEVEL=0" } as const;
    const client = port.tls(lab, old);
    assert.deepEqual(await port.results(), ["peerTooOld"]);
    await closed(client);
    // OpenSSL's own default refuses it, too; a default can change.
    assert.equal(tlsServerOptions(loadTlsMaterial(MUTUAL), MUTUAL).minVersion, "TLSv1.2");
  });

  test("[C4] a peer cannot change its certificate by renegotiation", async () => {
    await using port = await TlsPort.open(MUTUAL);
    const client = port.tls(lab, { maxVersion: "TLSv1.2" });
    await port.secured();
    const error = await new Promise((resolve) => {
      client.on("error", resolve);
      client.renegotiate({ rejectUnauthorized: false }, resolve);
    });
    assert.match(String((error as { code?: string }).code), /NO_RENEGOTIATION/);
  });
});

describe("handshake that fails", () => {
  test("[C4] a plain peer is named as one", async () => {
    const openings = [
      "\x0bMSH|^~\\&|LAB|NORTH\r\x1c\r",
      "GET / HTTP/1.1\r\n\r\n",
      "CONNECT a:1 HTTP",
    ];
    for (const opening of openings) {
      await using port = await TlsPort.open(MUTUAL);
      const client = port.plain();
      client.write(opening);
      assert.deepEqual(await port.results(), ["plainPeer"]);
      await closed(client);
    }
  });

  test("[C4] a handshake that trickles ends at the timeout, whatever came meanwhile", async () => {
    await using port = await TlsPort.open({ ...MUTUAL, handshakeTimeoutMs: 300 });
    const honest = port.tls(lab);
    const socket = await port.secured();
    const silent = port.plain();
    const slow = port.plain();
    // The start of a ClientHello that announces 512 bytes, then one byte at a time.
    slow.write(Buffer.from("1603010200010001fc0303", "hex"));
    const trickle = setInterval(() => slow.write("\0"), 20);
    after(() => clearInterval(trickle));
    assert.deepEqual((await port.results(3)).slice(1), ["handshakeTimeout", "handshakeTimeout"]);
    clearInterval(trickle);
    await closed(slow);
    await closed(silent);
    // The timeout is the handshake's alone.
    socket.write("still here");
    assert.equal(String((await once(honest, "data"))[0]), "still here");
  });

  test("[C6, C4] a peer that leaves without a byte is a probe, by FIN or by RST, long before the timeout", async () => {
    await using port = await TlsPort.open(MUTUAL);
    const polite = port.plain();
    await once(polite, "connect");
    polite.end();
    assert.deepEqual(await port.results(1), ["probe"]);
    const rude = port.plain();
    await once(rude, "connect");
    await until("it is taken", () => port.raws.length === 2);
    rude.resetAndDestroy();
    assert.deepEqual(await port.results(2), ["probe", "probe"]);
  });

  test("[C4] a peer that leaves within the handshake is one that left", async () => {
    await using port = await TlsPort.open(MUTUAL);
    const polite = port.plain();
    polite.end(Buffer.from("160301", "hex"));
    assert.deepEqual(await port.results(1), ["peerLeft"]);
    const rude = port.plain();
    rude.write(Buffer.from("1603010200", "hex"));
    await until("it is read", () => (port.raws[1]?.bytesRead ?? 0) > 0);
    rude.resetAndDestroy();
    assert.deepEqual(await port.results(2), ["peerLeft", "peerLeft"]);
  });

  test("[E8, C4] a handshake ends when the accepted socket is destroyed", async () => {
    await using port = await TlsPort.open(MUTUAL);
    const client = port.plain();
    client.write(Buffer.from("160301", "hex"));
    await until("it is read", () => (port.raws[0]?.bytesRead ?? 0) > 0);
    port.raws[0]?.destroy();
    assert.deepEqual(await port.results(), ["peerLeft"]);
    await closed(client);
  });

  test("[C4] one peer's failure leaves the others alone, and every connection has one outcome", async () => {
    await using port = await TlsPort.open(MUTUAL);
    const clients = Array.from({ length: 30 }, (_, index) =>
      index % 3 === 0 ? port.tls(lab) : index % 3 === 1 ? port.tls(foreign) : port.plain(),
    );
    for (const [index, client] of clients.entries()) if (index % 3 === 2) client.end("MSH|^~\\&|");
    const results = await port.results(30);
    for (const result of ["secured Lab-1", "peerUntrusted", "plainPeer"]) {
      assert.equal(results.filter((one) => one === result).length, 10, result);
    }
  });

  test("[C4] codes have a name, and one without a name stays a safe code", () => {
    for (const [code, fault] of [
      ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "peerDistrustsUs"],
      ["ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN", "peerDistrustsUs"],
      ["ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE", "peerDistrustsUs"],
      ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", "ERR_SSL_SSL_TLS_ALERT_HANDSHAKE_FAILURE"],
      ["ERR_SSL_NO_SHARED_CIPHER", "ERR_SSL_NO_SHARED_CIPHER"],
      ["EPIPE", "peerLeft"],
      ["constructor", "constructor"],
      ["MSH|^~\\&|", "unknown"],
      [undefined, "unknown"],
    ] as const) {
      assert.equal(handshakeFault(Object.assign(new Error("PID|1"), { code })), fault);
    }
    for (const nothing of [undefined, null, "text", 7]) {
      assert.equal(handshakeFault(nothing), "unknown");
    }
  });
});

describe("files", () => {
  const refuses = (tls: ListenerTls, facts: Readonly<Record<string, unknown>>): void => {
    assert.throws(
      () => loadTlsMaterial(tls),
      (error: AgentError) => {
        assert.equal(error.code, "LISTEN_TLS_MATERIAL");
        const { sysCode: _, ...own } = error.facts;
        assert.deepEqual(own, facts);
        assert.doesNotMatch(JSON.stringify({ ...error }), /holdfast-tls|BEGIN|PRIVATE/);
        return true;
      },
    );
  };

  test("[C4] certificate, key and CA come as they are in the files, with end and fingerprint", async () => {
    const notAfter = new Date("2041-02-03T04:05:06Z");
    const issued = await SERVER_CA.issueServer(["localhost"], { notAfter });
    const chain = issued.certificatePem + SERVER_CA.certificatePem;
    using own = new TlsFiles({ ...issued, certificatePem: chain }, clientCa.certificatePem);
    assert.deepEqual(loadTlsMaterial(own.mutual), {
      certificatePem: chain,
      privateKeyPem: issued.privateKeyPem,
      trustedPem: [new X509Certificate(clientCa.certificatePem).toString()],
      notAfterMs: notAfter.getTime(),
      fingerprint: fingerprintOf(new X509Certificate(issued.certificatePem)),
    });
  });

  test("[C4] the chain in the certificate file is shown to the peer", async () => {
    const root = await createTestCa("Root");
    const issuing = await root.issueCa("Issuing");
    const leaf = await issuing.issueClient([{ CN: ["localhost"] }]);
    const chain = leaf.certificatePem + issuing.certificatePem;
    using own = new TlsFiles({ ...leaf, certificatePem: chain }, clientCa.certificatePem);
    await using port = await TlsPort.open({
      ...MUTUAL,
      certificate: own.certificate,
      key: own.key,
    });
    const client = port.tls(lab, { rejectUnauthorized: false });
    await port.secured();
    const shown = client.getPeerCertificate(true);
    assert.equal(shown.issuerCertificate.subject.CN, "Issuing");
  });

  for (const part of ["certificate", "key", "clientCa"] as const) {
    test(`[C4] a ${part} that cannot be read, is no PEM or is damaged says which and why`, () => {
      using own = new TlsFiles(SERVER, clientCa.certificatePem);
      const tls = own.mutual;
      const noPem = part === "key" ? "damaged" : "noCertificate";
      for (const content of ["", "not PEM", "\x30\x82\x01\x0a"]) {
        writeFileSync(own[part], content);
        refuses(tls, { part, reason: noPem });
      }
      const label = part === "key" ? "PRIVATE KEY" : "CERTIFICATE";
      writeFileSync(own[part], `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`);
      refuses(tls, { part, reason: "damaged" });
      rmSync(own[part]);
      refuses(tls, { part, reason: "unreadable" });
      refuses({ ...tls, [part]: own.folder }, { part, reason: "unreadable" });
    });
  }

  test("[C4] one damaged certificate among good ones is refused, not passed over", () => {
    using own = new TlsFiles(SERVER, clientCa.certificatePem);
    appendFileSync(own.clientCa, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    refuses({ ...MUTUAL, clientCa: own.clientCa }, { part: "clientCa", reason: "damaged" });
  });

  test("[C4] a client CA file without a root, with which nobody would be trusted, is refused", async () => {
    const issuing = await clientCa.issueCa("Issuing");
    using own = new TlsFiles(SERVER, issuing.certificatePem);
    refuses(own.mutual, { part: "clientCa", reason: "noRoot" });
  });

  test("[C4] a key that OpenSSL does not serve with is refused before the port opens", async () => {
    const weak = await clientCa.issueClient([{ CN: ["localhost"] }], { rsaBits: 1024 });
    using own = new TlsFiles(weak, clientCa.certificatePem);
    refuses(own.mutual, { part: "certificate", reason: "notUsable" });
  });

  test("[C4] a key that group or others may read or write is refused", () => {
    using own = new TlsFiles(SERVER, clientCa.certificatePem);
    for (const mode of [0o640, 0o604, 0o620, 0o602, 0o644, 0o610]) {
      chmodSync(own.key, mode);
      refuses({ ...MUTUAL, key: own.key }, { part: "key", reason: "exposed", mode });
    }
    for (const mode of [0o600, 0o400]) {
      chmodSync(own.key, mode);
      assert.ok(loadTlsMaterial({ ...MUTUAL, key: own.key }));
    }
  });

  test("[C4] a key of another certificate, also with the chain in the wrong order, is refused", () => {
    using own = new TlsFiles(otherServer, clientCa.certificatePem);
    refuses({ ...MUTUAL, key: own.key }, { part: "key", reason: "ofAnotherCertificate" });
    writeFileSync(own.certificate, SERVER_CA.certificatePem + otherServer.certificatePem);
    refuses(own.mutual, { part: "key", reason: "ofAnotherCertificate" });
  });

  test("[C4] a key with a passphrase is refused: nobody is there to type it", () => {
    const { privateKey } = generateKeyPairSync("ec", {
      namedCurve: "P-256",
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" },
    });
    using own = new TlsFiles({ ...SERVER, privateKeyPem: privateKey }, clientCa.certificatePem);
    refuses({ ...MUTUAL, key: own.key }, { part: "key", reason: "damaged" });
  });

  test("[C4] required, subjects and pins need a client CA", () => {
    const missing = { part: "clientCa", reason: "missing" };
    refuses({ ...MUTUAL, clientCa: undefined }, missing);
    refuses({ ...NO_CLIENT_CA, allowedSubjects: ["Lab-1"] }, missing);
    refuses({ ...NO_CLIENT_CA, pinnedCertificates: ["00"] }, missing);
    assert.equal(loadTlsMaterial(NO_CLIENT_CA).trustedPem, undefined);
  });

  test("[C4] an expired server certificate is loaded: the alarm says so, and lenient senders go on", async () => {
    const ended = { notBefore: new Date(0), notAfter: new Date(DAY_MS) };
    const late = await SERVER_CA.issueServer(["localhost"], ended);
    using own = new TlsFiles(late, clientCa.certificatePem);
    assert.equal(expiryStage(loadTlsMaterial(own.mutual).notAfterMs, Date.now()), "expired");
    await using port = await TlsPort.open(own.mutual);
    port.tls(lab, { rejectUnauthorized: false });
    assert.deepEqual(await port.results(), ["secured Lab-1"]);
  });
});
