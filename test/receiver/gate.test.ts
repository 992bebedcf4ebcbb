import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { after, describe, test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import type { IssuedIdentity } from "#certs/development-ca.ts";
import { SUBPROTOCOL } from "#protocol/limits.ts";
import {
  issueAgent,
  issueForeign,
  issueServerAsAgent,
  RECEIVER_CA_PEM,
} from "./support/identities.ts";
import { knock as knockAt, UPGRADE } from "./support/knock.ts";
import { PlayedAgent } from "./support/played-agent.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const known = await issueAgent("north/ward-1");
const folder = new ReceiverFolder();
await folder.add("north/ward-1", known);
const receiver = await folder.open();
const { port } = receiver.address;
after(async () => {
  await receiver[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const knock = (identity: IssuedIdentity | undefined, more?: { path?: string; headers?: object }) =>
  knockAt(port, identity, more);

const DAY_MS = 86_400_000;
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);

const REFUSED: readonly {
  readonly what: string;
  readonly rule: string;
  readonly reason: string;
  readonly identity: () => Promise<IssuedIdentity | undefined>;
}[] = [
  { what: "no certificate", rule: "G2", reason: "NO_CERT", identity: async () => undefined },
  {
    what: "an expired certificate",
    rule: "G3",
    reason: "CERT_HAS_EXPIRED",
    identity: () => issueAgent("north/ward-1", { notBefore: inDays(-9), notAfter: inDays(-1) }),
  },
  {
    what: "a certificate of the future",
    rule: "G3",
    reason: "CERT_NOT_YET_VALID",
    identity: () => issueAgent("north/ward-1", { notBefore: inDays(1), notAfter: inDays(9) }),
  },
  {
    what: "a certificate of another CA",
    rule: "G3",
    reason: "CERT_UNKNOWN_CA",
    identity: () => issueForeign("north/ward-1"),
  },
  {
    what: "a server's certificate of the right CA",
    rule: "G3",
    reason: "CERT_PURPOSE",
    identity: issueServerAsAgent,
  },
  {
    what: "a certificate of another trust domain",
    rule: "G5",
    reason: "CERT_PROFILE",
    identity: () => issueAgent("north/ward-1", { trustDomain: "holdfast.example" }),
  },
  {
    what: "an agent that was never added",
    rule: "G6",
    reason: "UNKNOWN_AGENT",
    identity: () => issueAgent("north/ward-9"),
  },
  {
    what: "another certificate of a known agent",
    rule: "G6",
    reason: "CERT_SUPERSEDED",
    identity: () => issueAgent("north/ward-1"),
  },
];

// The table names [G2] and [G3], too.
describe("gate", () => {
  for (const { what, rule, reason, identity } of REFUSED) {
    test(`[${rule}] [I01] ${what} is answered 401 ${reason}, with the time and no body`, async () => {
      const answer = await knock(await identity());
      assert.deepEqual([answer.status, answer.reason, answer.body], [401, reason, ""]);
      assert.ok(Math.abs(Date.parse(answer.time ?? "") - Date.now()) < 60_000);
      assert.match(answer.time ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    });
  }

  test("[G6] a known agent with its certificate passes", async () => {
    assert.equal((await knock(known)).status, 101);
  });

  test("[G1] [I02] a resumed TLS session is not offered, and refused if it is one", async () => {
    const identity = { ca: RECEIVER_CA_PEM, cert: known.certificatePem, key: known.privateKeyPem };
    const reached = { host: "127.0.0.1", port, servername: "localhost", ...identity };
    const first = connect(reached);
    const sessions: Buffer[] = [];
    first.on("session", (session) => sessions.push(session));
    await once(first, "secureConnect");
    first.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    first.resume();
    await once(first, "close");
    for (const session of sessions) {
      const again: TLSSocket = connect({ ...reached, session });
      await once(again, "secureConnect");
      assert.equal(again.isSessionReused(), false);
      again.destroy();
    }
  });

  test("[07 1.9] TLS 1.2 gets no handshake", async () => {
    const socket = connect({
      host: "127.0.0.1",
      port,
      servername: "localhost",
      ca: RECEIVER_CA_PEM,
      maxVersion: "TLSv1.2",
    });
    const [error] = await once(socket, "error");
    assert.match(String(error.code), /TLSV1_ALERT_PROTOCOL_VERSION|ECONNRESET/);
  });

  test("[07 1.8] another path, and a request that is no upgrade, are answered 403", async () => {
    assert.equal((await knock(known, { path: "/v1/other" })).status, 403);
    assert.equal((await knock(known, { headers: {} })).status, 403);
  });

  test("[TP2] no common subprotocol is answered 400", async () => {
    const headers = { ...UPGRADE, "Sec-WebSocket-Protocol": "holdfast.v9" };
    assert.equal((await knock(known, { headers })).status, 400);
  });

  test("[TP3] compression is not agreed to, though it is offered", async () => {
    const headers = { ...UPGRADE, "Sec-WebSocket-Extensions": "permessage-deflate" };
    assert.equal((await knock(known, { headers })).status, 101);
    await using agent = await PlayedAgent.connect(port, known);
    assert.equal(agent.socket.extensions, "");
    assert.equal(agent.socket.protocol, SUBPROTOCOL);
  });

  test("a client that resets during the handshake or the request does no harm", async () => {
    for (let i = 0; i < 20; i++) {
      const plain = connectPlain({ host: "127.0.0.1", port });
      await once(plain, "connect");
      const socket = connect({ socket: plain, ca: RECEIVER_CA_PEM, servername: "localhost" });
      socket.on("error", () => {});
      if (i % 2 === 0) await once(socket, "secureConnect");
      socket.write("GET /v1/tunnel HTTP/1.1\r\nHost:");
      plain.resetAndDestroy();
    }
    assert.equal((await knock(known)).status, 101);
  });
});
