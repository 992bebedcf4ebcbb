import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { DocumentError } from "#config/document.ts";
import { loadConfiguration } from "#receiver/configuration.ts";
import { systemClock } from "#receiver/host/clock.ts";
import { PROXY_HEADER_TIMEOUT_MS, takeProxyHeader } from "#receiver/proxied.ts";
import { Networks } from "#receiver/proxy-protocol.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { RECEIVER_CA_PEM } from "./support/identities.ts";
import { knock } from "./support/knock.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const HEADER = Buffer.from("0d0a0d0a000d0a515549540a2111000cc0000201c6336407a02801bb", "hex");
const LOCAL = Buffer.from("0d0a0d0a000d0a515549540a20000000", "hex");
const BEHIND = "proxyProtocol: true, proxyFrom: [127.0.0.0/8]";
/** An upgrade without a certificate: the gate says so, and the log from where it was asked. */
const REQUEST =
  "GET /v1/tunnel HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

async function closed(socket: Socket): Promise<void> {
  // A socket that nobody reads does not see its end.
  socket.resume();
  // Not `once`: whether a reset comes before the end does not matter here.
  await new Promise((resolve) => socket.on("close", resolve));
}

/** Writes the parts in turns of their own, then speaks TLS. @returns what was answered */
async function askThrough(port: number, parts: readonly Uint8Array[]): Promise<string> {
  const socket = await dial(port);
  socket.setNoDelay(true);
  for (const part of parts) {
    socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const secured = connectTls({ socket, ca: RECEIVER_CA_PEM, servername: "localhost" });
  secured.on("error", () => {});
  let answer = "";
  secured.setEncoding("utf8").on("data", (text: string) => {
    answer += text;
  });
  await once(secured, "secureConnect");
  secured.write(REQUEST);
  await once(secured, "close");
  return answer;
}

describe("behind a balancer", () => {
  test("[TP4] the source that the header names is the one in the log", async () => {
    using folder = new ReceiverFolder({ listen: BEHIND });
    await using receiver = await folder.open();
    const { port } = receiver.address;
    const cut = [...HEADER].map((byte) => Uint8Array.of(byte));
    for (const parts of [[HEADER], cut]) {
      assert.match(await askThrough(port, parts), /^HTTP\/1\.1 401 /);
      assert.deepEqual(folder.logged.at(-1), {
        event: "agentRefused",
        facts: { reason: "NO_CERT", peer: "192.0.2.1:41000" },
      });
    }
    assert.match(await askThrough(port, [LOCAL]), /^HTTP\/1\.1 401 /);
    assert.match(String(folder.logged.at(-1)?.facts["peer"]), /^127\.0\.0\.1:\d+$/);
  });

  test("[TP4] TLS without a header, and bytes that are none, are closed and counted", async () => {
    using folder = new ReceiverFolder({ listen: BEHIND });
    await using receiver = await folder.open();
    await assert.rejects(knock(receiver.address.port, undefined));
    for (const bytes of ["PROXY TCP4 192.0.2.1 198.51.100.7 1 2\r\n", "\r\n\r\n\0\r\nQUIT\n\x22"]) {
      const socket = await dial(receiver.address.port);
      socket.write(bytes.padEnd(16, "\0"));
      await closed(socket);
    }
    const early = await dial(receiver.address.port);
    early.end(HEADER.subarray(0, 20));
    await closed(early);
    assert.deepEqual(
      folder.logged.map(({ event, facts }) => `${event} ${facts["reason"]}`),
      Array.from({ length: 3 }, () => "proxyRefused HEADER_MALFORMED"),
      "a balancer that only looks whether somebody is there is no news",
    );
    assert.match(await askThrough(receiver.address.port, [HEADER]), /401/);
  });

  test("[TP4] who is not in proxyFrom may not say where others come from", async () => {
    using folder = new ReceiverFolder({
      listen: "proxyProtocol: true, proxyFrom: [192.0.2.0/24, '::1/128']",
    });
    await using receiver = await folder.open();
    const socket = await dial(receiver.address.port);
    socket.write(HEADER);
    await closed(socket);
    assert.equal(folder.logged[0]?.facts["reason"], "NOT_A_PROXY");
  });

  test("[TP4] half a header is waited for five seconds", async () => {
    const steps = new ManualClock();
    const clock = { ...systemClock, after: steps.after.bind(steps) };
    const networks = new Networks(["127.0.0.0/8"]);
    await using server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const accepted = once(server, "connection");
    const client = await dial((server.address() as AddressInfo).port);
    const [socket] = (await accepted) as [Socket];
    socket.on("error", () => {});
    const proxied = takeProxyHeader(socket, { networks, clock });
    client.write(HEADER.subarray(0, 20));
    steps.advance(PROXY_HEADER_TIMEOUT_MS - 1);
    assert.equal(socket.destroyed, false);
    steps.advance(1);
    assert.deepEqual(await proxied, { kind: "refused", reason: "HEADER_TIMEOUT" });
    assert.equal(socket.destroyed, true);
    await closed(client);
  });

  test("[TP4] without proxyProtocol a header is no TLS, and no source", async () => {
    using folder = new ReceiverFolder();
    await using receiver = await folder.open();
    const socket = await dial(receiver.address.port);
    socket.write(HEADER);
    await closed(socket);
    await knock(receiver.address.port, undefined);
    assert.match(String(folder.logged[0]?.facts["peer"]), /^127\.0\.0\.1:/);
  });

  test("[TP4] proxyProtocol without networks, networks without it, and what is no network are refused", () => {
    for (const listen of [
      "proxyProtocol: true",
      "proxyFrom: [10.0.0.0/8]",
      "proxyProtocol: true, proxyFrom: [10.0.0.1]",
    ]) {
      using folder = new ReceiverFolder({ listen });
      assert.throws(() => loadConfiguration(folder.config), DocumentError);
    }
    using folder = new ReceiverFolder({ listen: BEHIND });
    assert.deepEqual(loadConfiguration(folder.config).listen.proxyFrom, ["127.0.0.0/8"]);
  });
});
