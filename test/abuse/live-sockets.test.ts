/** Certificates that end, or are denied, while a connection is open; and sessions that are resumed (07 section 4). */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { after, describe, test } from "node:test";
import { connect, createServer, type TLSSocket } from "node:tls";
import { ENROLL_PATH } from "#certs/exchange.ts";
import { GOAWAY_CODE } from "#protocol/frame.ts";
import { judge } from "#receiver/gate.ts";
import { agentCasOf } from "#receiver/identity/agent-cas.ts";
import { EnrollingFolder } from "../receiver/support/enrolling-folder.ts";
import {
  AGENT_CA_PEM,
  issueAgent,
  RECEIVER_CA_PEM,
  RECEIVER_IDENTITY,
  TRUST_DOMAIN,
} from "../receiver/support/identities.ts";
import { knock } from "../receiver/support/knock.ts";
import { PlayedAgent } from "../receiver/support/played-agent.ts";
import { DAY_MS, HOUR_MS, ShiftedClock } from "../receiver/support/shifted-clock.ts";
import { openTemporaryStore } from "../receiver/support/temporary-store.ts";

const folder = await EnrollingFolder.create();
const clock = new ShiftedClock();
const receiver = await folder.open({ clock, chance: { unit: () => 0 } });
const { port } = receiver.address;
after(async () => {
  await receiver[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

let agentCount = 0;
async function enrolled() {
  agentCount += 1;
  const name = `north/ward-${agentCount}`;
  return { name, agent: await folder.enrol(port, name) };
}

/** The code of the GOAWAY that a connection ended with. */
async function endOf(agent: PlayedAgent): Promise<number | undefined> {
  await agent.closed;
  const goaway = agent.frames.find((frame) => frame.type === "goaway");
  return goaway?.type === "goaway" ? goaway.code : undefined;
}

describe("a live socket", () => {
  test("[I03] ends when its certificate does, and not before", async () => {
    const { agent } = await enrolled();
    await using live = await PlayedAgent.greet(port, agent.identity);
    clock.aheadMs = 30 * DAY_MS - 60_000;
    clock.sweep();
    await live.open();
    clock.aheadMs = 30 * DAY_MS + 1_000;
    clock.sweep();
    assert.equal(await endOf(live), GOAWAY_CODE.draining);
    assert.equal((await knock(port, agent.identity)).reason, "CERT_HAS_EXPIRED");
    clock.aheadMs = 0;
  });

  test("[07 1.8] ends after maxSocketAgeHours, announced", async () => {
    const { agent } = await enrolled();
    await using live = await PlayedAgent.greet(port, agent.identity);
    clock.agedMs = 24 * HOUR_MS - 60_000;
    clock.sweep();
    await live.open();
    clock.agedMs = 24 * HOUR_MS;
    clock.sweep();
    assert.equal(await endOf(live), GOAWAY_CODE.draining);
    assert.equal((await knock(port, agent.identity)).status, 101);
    clock.agedMs = 0;
  });

  for (const [what, options] of [
    ["its agent", {}],
    ["its device key", { deviceKey: true }],
    ["its serial", { serial: true }],
  ] as const) {
    test(`[I03] [I01] ends at once when ${what} is denied; then CERT_DENIED, until that is undone`, async () => {
      const { name, agent } = await enrolled();
      const other = await enrolled();
      await using live = await PlayedAgent.greet(port, agent.identity);
      await using bystander = await PlayedAgent.greet(port, other.agent.identity);
      const denial = "serial" in options ? { serial: agent.serialHex.toUpperCase() } : options;
      // No sweep: the command itself is enough.
      await folder.deny(name, denial);
      assert.equal(await live.closed, 1006);
      const answer = await knock(port, agent.identity);
      assert.deepEqual([answer.status, answer.reason, answer.body], [401, "CERT_DENIED", ""]);
      assert.equal((await agent.nonce()).reason, "CERT_DENIED");
      await bystander.open();
      await folder.deny(name, { ...denial, undo: true });
      assert.equal((await knock(port, agent.identity)).status, 101);
    });
  }

  test("[07 1.5] of the machine that had a name before ends when another is confirmed for it", async () => {
    const { name, agent } = await enrolled();
    await using live = await PlayedAgent.greet(port, agent.identity);
    await folder.enrol(port, name);
    assert.equal(await live.closed, 1006);
    assert.equal((await knock(port, agent.identity)).reason, "CERT_SUPERSEDED");
  });
});

describe("the gate", () => {
  test("[G1] [I02] refuses a resumed session, whatever it says of its certificate", async () => {
    await using store = await openTemporaryStore();
    const identity = await issueAgent("north/ward-1");
    const server = createServer({
      cert: RECEIVER_IDENTITY.certificatePem,
      key: RECEIVER_IDENTITY.privateKeyPem,
      ca: AGENT_CA_PEM,
      requestCert: true,
      rejectUnauthorized: false,
      // Without it OpenSSL resumes nothing where it asks for certificates.
      sessionIdContext: "gate",
    });
    after(() => server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    const verdicts: string[] = [];
    server.on("secureConnection", async (socket: TLSSocket) => {
      const rules = { door: "tunnel", store, trustDomain: TRUST_DOMAIN } as const;
      const agentCas = agentCasOf(AGENT_CA_PEM);
      const verdict = await judge(socket, { ...rules, agentCas, nowMs: Date.now() });
      verdicts.push(verdict.kind === "refused" ? verdict.reason : verdict.kind);
      socket.end("x");
    });
    const reached = {
      ...{ host: "127.0.0.1", port: address.port, servername: "localhost", ca: RECEIVER_CA_PEM },
      ...{ cert: identity.certificatePem, key: identity.privateKeyPem },
    };
    const first = connect(reached).resume();
    const [session] = await once(first, "session");
    await once(first, "close");
    const again = connect({ ...reached, session }).resume();
    await once(again, "secureConnect");
    assert.ok(again.isSessionReused());
    await once(again, "close");
    // The same certificate, of an agent that nobody knows.
    assert.deepEqual(verdicts, ["UNKNOWN_AGENT", "SESSION_RESUMED"]);
  });

  test("[EN2] the receiver sends the certificate of its CA along, for agents that pin it", async () => {
    const socket = connect({
      host: "127.0.0.1",
      port,
      servername: "localhost",
      ca: RECEIVER_CA_PEM,
    });
    await once(socket, "secureConnect");
    const chain = socket.getPeerCertificate(true);
    const ca = new X509Certificate(RECEIVER_CA_PEM);
    assert.equal(chain.issuerCertificate.fingerprint256, ca.fingerprint256);
    socket.destroy();
  });
});

describe("the doors", () => {
  test("[07 1.8] whoever sends a body slowly loses the connection", async () => {
    await using slowly = await folderWithHaste();
    const plain = connectPlain({ host: "127.0.0.1", port: slowly.port });
    const socket = connect({ socket: plain, servername: "localhost", ca: RECEIVER_CA_PEM });
    await once(socket, "secureConnect");
    const head = `POST ${ENROLL_PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{`;
    socket.write(head);
    await once(socket.resume(), "close");
  });
});

async function folderWithHaste() {
  const own = await EnrollingFolder.create();
  const open = await own.open({ clock: new ShiftedClock(0, 100) });
  return {
    port: open.address.port,
    async [Symbol.asyncDispose]() {
      await open[Symbol.asyncDispose]();
      own[Symbol.dispose]();
    },
  };
}
