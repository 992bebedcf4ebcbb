import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import type { TLSSocket } from "node:tls";
import type { ErrorCode } from "#agent/errors.ts";
import { systemClock } from "#agent/host/clock.ts";
import { dial } from "#agent/tunnel/dial.ts";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import type { Identity } from "#certs/identity.ts";
import { SUBPROTOCOL } from "#protocol/limits.ts";
import { issueAgent, RECEIVER_IDENTITY } from "#test/receiver/support/identities.ts";
import { FakeReceiver, type FakeReceiverOptions } from "#test/support/fake-receiver.ts";
import { until } from "#test/support/processes.ts";
import { StubPort, tls } from "#test/support/stub-port.ts";
import { identityOf } from "#test/support/test-tunnel.ts";

const issued = await issueAgent("north/ward-1");
const identity = identityOf(issued);
const otherCa = await createDevelopmentCa("Somebody else");
const { signal } = new AbortController();
const clock = systemClock;

async function refusal(
  url: URL,
  as: Identity = identity,
): Promise<{ code: ErrorCode; facts: object }> {
  try {
    const { webSocket } = await dial({ receiverUrl: url, identity: as, clock, signal });
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

/** A websocket server that accepts with `subprotocol`. */
const switchesTo =
  (subprotocol: string | undefined) =>
  (socket: TLSSocket): void => {
    socket.once("data", (request: Buffer) => {
      const key = /Sec-WebSocket-Key: (\S+)/i.exec(request.toString("latin1"))?.[1] ?? "";
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
      const named = subprotocol === undefined ? "" : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`;
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${named}Sec-WebSocket-Accept: ${accept.digest("base64")}\r\n\r\n`,
      );
    });
  };

describe("dial", () => {
  test("[TP1, TP2, TP3] is mutual TLS 1.3, offers holdfast.v1 at /v1/tunnel and no extension", async () => {
    await using receiver = await FakeReceiver.open();
    const { webSocket, socket } = await dial({
      receiverUrl: receiver.url,
      identity,
      clock,
      signal,
    });
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

  test("[TP1] NODE_TLS_REJECT_UNAUTHORIZED=0 changes nothing", async () => {
    const foreign = await otherCa.issueServer(["127.0.0.1"]);
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      assert.equal((await refusalBy({ identity: foreign })).code, "TUNNEL_INTERCEPTED");
    } finally {
      delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    }
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
    "CERT_DENIED",
    "AGENT_LOCKED",
  ];
  test("[I01, 07 1.8] 401 is a refusal with each reason of the gate", async () => {
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

  test("[I17, 07 1.10] a refusal says how far the receiver's clock is from ours, and whatever else stands there", async () => {
    const time = (header: string) =>
      refusalBy({ answer: `401 Unauthorized\r\nHoldfast-Reason: CERT_NOT_YET_VALID${header}` });
    const ahead = new Date(systemClock.nowMs() + 86_400_000).toISOString();
    const { facts } = await time(`\r\nHoldfast-Time: ${ahead}`);
    const { clockSkewMs } = facts as { clockSkewMs: number };
    assert.ok(Math.abs(clockSkewMs - 86_400_000) < 10_000, `${clockSkewMs}`);
    assert.deepEqual((await time("")).facts, { code: "CERT_NOT_YET_VALID" });
    assert.deepEqual((await time("\r\nHoldfast-Time: noon")).facts, { code: "CERT_NOT_YET_VALID" });
  });

  for (const [answer, code, facts] of [
    ["400 Bad Request", "TUNNEL_VERSION", {}],
    ["503 Service Unavailable\r\nRetry-After: 30", "TUNNEL_OVERLOADED", { retryAfterMs: 30_000 }],
    ["503 Service Unavailable", "TUNNEL_OVERLOADED", {}],
    ["503 Busy\r\nRetry-After: Fri, 31 Dec 2099 23:59:59 GMT", "TUNNEL_OVERLOADED", {}],
    ["503 Busy\r\nRetry-After: -1", "TUNNEL_OVERLOADED", {}],
    ["429 Too Many\r\nRetry-After: 2", "TUNNEL_OVERLOADED", { retryAfterMs: 2_000 }],
    ["502 Bad Gateway", "TUNNEL_RECEIVER_FAILING", {}],
    ["200 OK", "TUNNEL_NOT_A_RECEIVER", {}],
    ["302 Found\r\nLocation: https://127.0.0.1:1/", "TUNNEL_NOT_A_RECEIVER", {}],
    ["403 Forbidden", "TUNNEL_NOT_A_RECEIVER", {}],
    ["404 Not Found", "TUNNEL_NOT_A_RECEIVER", {}],
    ["407 Proxy Authentication Required", "TUNNEL_NOT_A_RECEIVER", {}],
  ] as const) {
    test(`[TP2, TP5] ${answer.replace("\r\n", ", ")} is ${code}`, async () => {
      const found = await refusalBy({ answer });
      const status = Number(answer.slice(0, 3));
      assert.deepEqual([found.code, found.facts], [code, { status, ...facts }]);
    });
  }

  test("[TP3] a websocket without our subprotocol, with another, or with a wrong key is no tunnel", async () => {
    for (const subprotocol of [undefined, "holdfast.v9", "chat"]) {
      await using port = await StubPort.open(tls(RECEIVER_IDENTITY, switchesTo(subprotocol)));
      const { code, facts } = await refusal(port.url);
      assert.deepEqual([code, facts], ["TUNNEL_NOT_A_RECEIVER", { status: 101 }], subprotocol);
      await until("the agent hangs up", () => port.openCount === 0);
    }
    const key = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA";
    const found = await refusalBy({ answer: `101 Switching\r\n${key}` });
    assert.deepEqual([found.code, found.facts], ["TUNNEL_NOT_A_RECEIVER", { status: 101 }]);
  });

  test("[TP3] what is no HTTP within TLS is no receiver; who hangs up there is unreachable", async () => {
    const answering = (act: (socket: TLSSocket) => void) => tls(RECEIVER_IDENTITY, act);
    await using ssh = await StubPort.open(
      answering((socket) => void socket.once("data", () => socket.end("SSH-2.0-x\r\n\r\n"))),
    );
    const { code } = await refusal(ssh.url);
    assert.equal(code, "TUNNEL_NOT_A_RECEIVER");
    await using leaving = await StubPort.open(answering((socket) => void socket.destroy()));
    assert.equal((await refusal(leaving.url)).code, "TUNNEL_UNREACHABLE");
  });

  test("a dial that is aborted leaves no socket", async () => {
    await using receiver = await FakeReceiver.open();
    const controller = new AbortController();
    const dialling = dial({
      receiverUrl: receiver.url,
      identity,
      clock,
      signal: controller.signal,
    });
    controller.abort();
    await assert.rejects(dialling, { code: "TUNNEL_UNREACHABLE" });
    await assert.rejects(
      dial({ receiverUrl: receiver.url, identity, clock, signal: controller.signal }),
    );
    assert.deepEqual(receiver.connections, []);
  });
});
