import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import type { ErrorCode } from "#agent/errors.ts";
import { dial } from "#agent/tunnel/dial.ts";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import type { Identity } from "#certs/identity.ts";
import { SUBPROTOCOL } from "#protocol/limits.ts";
import { freePort } from "#scripts/free-port.ts";
import { issueAgent } from "#test/receiver/support/identities.ts";
import { FakeReceiver, type FakeReceiverOptions } from "#test/support/fake-receiver.ts";
import { identityOf } from "#test/support/test-tunnel.ts";

const issued = await issueAgent("north/ward-1");
const identity = identityOf(issued);
const otherCa = await createDevelopmentCa("Somebody else");
const { signal } = new AbortController();

async function refusal(
  url: URL,
  as: Identity = identity,
): Promise<{ code: ErrorCode; facts: object }> {
  try {
    const { webSocket } = await dial({ receiverUrl: url, identity: as, signal });
    webSocket.terminate();
  } catch (error) {
    const { code, facts } = error as { code: ErrorCode; facts: object };
    return { code, facts };
  }
  throw new assert.AssertionError({ message: "the dial was not refused" });
}

async function refusalBy(options: FakeReceiverOptions, as = identity) {
  await using receiver = await FakeReceiver.open(options);
  const found = await refusal(receiver.url, as);
  assert.deepEqual(receiver.connections, []);
  return found;
}

describe("dial", () => {
  test("[TP1, TP2, TP3] is mutual TLS 1.3, offers holdfast.v1 at /v1/tunnel and no extension", async () => {
    await using receiver = await FakeReceiver.open();
    const { webSocket, socket } = await dial({ receiverUrl: receiver.url, identity, signal });
    const { request } = await receiver.connection();
    assert.equal(socket.getProtocol(), "TLSv1.3");
    assert.equal(webSocket.protocol, SUBPROTOCOL);
    assert.equal(request.url, "/v1/tunnel");
    assert.equal(request.headers["sec-websocket-protocol"], SUBPROTOCOL);
    assert.equal(request.headers["sec-websocket-extensions"], undefined);
    assert.equal(request.headers.authorization, undefined);
    assert.equal(receiver.socketCount, 1, "one connection, the one that was authenticated");
    webSocket.terminate();
  });

  test("[TP1] a connection that is refused is unreachable, with the system's code", async () => {
    const { code, facts } = await refusal(new URL(`wss://127.0.0.1:${await freePort()}`));
    assert.deepEqual([code, facts], ["TUNNEL_UNREACHABLE", { sysCode: "ECONNREFUSED" }]);
  });

  test("[TP1] a name that does not resolve is unreachable", async () => {
    const { code } = await refusal(new URL("wss://holdfast.invalid:443"));
    assert.equal(code, "TUNNEL_UNREACHABLE");
  });

  test("[TP1] a peer that hangs up during the handshake is unreachable", async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    assert.equal((await refusal(new URL(`wss://127.0.0.1:${port}`))).code, "TUNNEL_UNREACHABLE");
    server.close();
  });

  test("[TP1] a certificate of another CA is untrusted", async () => {
    const foreign = await otherCa.issueServer(["127.0.0.1"]);
    const { code } = await refusalBy({ identity: foreign });
    assert.equal(code, "TUNNEL_PEER_UNTRUSTED");
    const trusting = identityOf(issued, otherCa.certificatePem);
    assert.equal((await refusalBy({}, trusting)).code, "TUNNEL_PEER_UNTRUSTED");
  });

  test("[TP1] NODE_TLS_REJECT_UNAUTHORIZED=0 changes nothing", async () => {
    const foreign = await otherCa.issueServer(["127.0.0.1"]);
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      assert.equal((await refusalBy({ identity: foreign })).code, "TUNNEL_PEER_UNTRUSTED");
    } finally {
      delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    }
  });

  test("[TP1] a certificate for another host, of another time, or for a client, is untrusted", async () => {
    const elsewhere = await otherCa.issueServer(["gateway.example.org"]);
    const trusting = identityOf(issued, otherCa.certificatePem);
    const { code, facts } = await refusalBy({ identity: elsewhere }, trusting);
    assert.equal(code, "TUNNEL_PEER_UNTRUSTED");
    assert.deepEqual(facts, { sysCode: "ERR_TLS_CERT_ALTNAME_INVALID" });
    const past = new Date("2020-01-02T00:00:00Z");
    const expired = await otherCa.issueServer(["127.0.0.1"], {
      notBefore: new Date("2020-01-01T00:00:00Z"),
      notAfter: past,
    });
    const late = await refusalBy({ identity: expired }, trusting);
    assert.equal(late.code, "TUNNEL_PEER_UNTRUSTED");
    assert.deepEqual(late.facts, { sysCode: "CERT_HAS_EXPIRED" });
    const client = await otherCa.issueAgent({ trustDomain: "a", tenant: "b", agent: "c" });
    assert.equal((await refusalBy({ identity: client }, trusting)).code, "TUNNEL_PEER_UNTRUSTED");
  });

  test("[TP1] a server that speaks TLS 1.2 at most gets no request", async () => {
    const { code } = await refusalBy({ maxVersion: "TLSv1.2" });
    assert.equal(code, "TUNNEL_UNREACHABLE");
  });

  const REASONS = [
    "NO_CERT",
    "CERT_HAS_EXPIRED",
    "CERT_NOT_YET_VALID",
    "CERT_UNKNOWN_CA",
    "CERT_PURPOSE",
    "CERT_INVALID",
    "CERT_PROFILE",
    "UNKNOWN_AGENT",
    "CERT_SUPERSEDED",
    "SESSION_RESUMED",
  ];
  test("[07 1.8] 401 is a refusal with each reason of the gate", async () => {
    for (const reason of REASONS) {
      const found = await refusalBy({ answer: `401 Unauthorized\r\nHoldfast-Reason: ${reason}` });
      assert.equal(found.code, "TUNNEL_REFUSED");
      assert.ok(Object.values(found.facts).includes(reason), JSON.stringify(found.facts));
    }
  });

  test("[I-6] a reason that is no name, or is missing, is not repeated", async () => {
    for (const header of [
      "",
      "\r\nHoldfast-Reason: <b>call 555</b>",
      `\r\nHoldfast-Reason: ${"A".repeat(41)}`,
    ]) {
      const found = await refusalBy({ answer: `401 Unauthorized${header}` });
      assert.equal(found.code, "TUNNEL_REFUSED");
      assert.deepEqual(Object.values(found.facts), ["REFUSED"]);
    }
  });

  for (const [answer, code, status] of [
    ["400 Bad Request", "TUNNEL_VERSION", 400],
    ["503 Service Unavailable\r\nRetry-After: 30", "TUNNEL_UNREACHABLE", 503],
    ["403 Forbidden", "TUNNEL_UNREACHABLE", 403],
    ["302 Found\r\nLocation: https://127.0.0.1:1/", "TUNNEL_UNREACHABLE", 302],
    ["407 Proxy Authentication Required", "TUNNEL_UNREACHABLE", 407],
  ] as const) {
    test(`[TP2, TP5] ${answer.slice(0, 3)} is ${code}`, async () => {
      const found = await refusalBy({ answer });
      assert.deepEqual([found.code, found.facts], [code, { status }]);
    });
  }

  test("[TP3] an upgrade that names another subprotocol or an extension is no tunnel", async () => {
    const key = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA";
    assert.equal(
      (await refusalBy({ answer: `101 Switching\r\n${key}` })).code,
      "TUNNEL_UNREACHABLE",
    );
  });

  test("a dial that is aborted leaves no socket", async () => {
    await using receiver = await FakeReceiver.open();
    const controller = new AbortController();
    const dialling = dial({ receiverUrl: receiver.url, identity, signal: controller.signal });
    controller.abort();
    await assert.rejects(dialling, { code: "TUNNEL_UNREACHABLE" });
    await assert.rejects(dial({ receiverUrl: receiver.url, identity, signal: controller.signal }));
    assert.deepEqual(receiver.connections, []);
  });
});
