/** Through the hospital's proxy (07 1.10). @module */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { inspect } from "node:util";
import { systemClock } from "#agent/host/clock.ts";
import { type Dialled, dial } from "#agent/tunnel/dial.ts";
import { openProxy } from "#agent/tunnel/proxy.ts";
import { SUBPROTOCOL } from "#protocol/limits.ts";
import { freePort } from "#scripts/free-port.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { type ConnectProxyOptions, connectProxy } from "#test/support/connect-proxy.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { until } from "#test/support/processes.ts";
import { AGENT_IDENTITY, refused } from "#test/support/refusals.ts";
import { type Behaviour, hangUp, StubPort, says } from "#test/support/stub-port.ts";

const PASSWORD = "pass: wörd 7!";
const folder = mkdtempSync(join(tmpdir(), "holdfast-proxy-"));
after(() => rmSync(folder, { recursive: true }));
const passwordFile = join(folder, "password");
writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
const ANYWHERE = new URL("wss://gateway.example.org");

const at = (port: number, login = {}) => openProxy({ url: `http://127.0.0.1:${port}`, ...login });

function dialThrough(port: number, receiver: FakeReceiver, login = {}): Promise<Dialled> {
  return dial({
    receiverUrl: receiver.url,
    proxy: at(port, login),
    identity: AGENT_IDENTITY,
    clock: systemClock,
    signal: new AbortController().signal,
  });
}

/** What a dial through a proxy that behaves like this ends with. */
async function refusalBy(behaviour: Behaviour) {
  await using proxy = await StubPort.open(behaviour);
  const found = await refused(ANYWHERE, { proxy: at(proxy.port) });
  assert.deepEqual(found.steps, ["resolve", "connect"]);
  await until("no socket is left", () => proxy.openCount === 0);
  return [found.code, found.facts];
}

describe("dial, through a proxy", () => {
  const WAYS: Readonly<Record<string, ConnectProxyOptions>> = {
    "as it is": {},
    "byte by byte": { pieceBytes: 1 },
    "with a length that means nothing": { fields: "Content-Length: 10000\r\n" },
  };
  for (const [name, options] of Object.entries(WAYS)) {
    test(`[TP1, 07 1.10] CONNECT, then TLS with the receiver itself: answered ${name}`, async () => {
      await using receiver = await FakeReceiver.open();
      const requests: string[] = [];
      await using proxy = await StubPort.open(connectProxy({ ...options, requests }));
      const { webSocket, socket } = await dialThrough(proxy.port, receiver);
      assert.equal(webSocket.protocol, SUBPROTOCOL);
      assert.equal(socket.getProtocol(), "TLSv1.3");
      const host = `127.0.0.1:${receiver.port}`;
      const lines = requests[0]?.split("\r\n");
      assert.deepEqual(lines?.slice(0, 2), [`CONNECT ${host} HTTP/1.1`, `Host: ${host}`]);
      assert.ok(!/proxy-authorization/i.test(requests[0] ?? ""));
      const agent = await receiver.connection();
      webSocket.resume();
      const said = new Promise((resolve) => webSocket.once("message", resolve));
      agent.send({ type: "ping", stream: 0, nonce: 1 });
      await said;
      webSocket.terminate();
      await until("no socket is left", () => proxy.openCount === 0);
    });
  }

  test("[07 1.10] Basic: user and password in UTF-8, read anew for each connection", async () => {
    await using receiver = await FakeReceiver.open();
    await using proxy = await StubPort.open(connectProxy({ login: `ward:${PASSWORD}` }));
    const login = { user: "ward", passwordFile };
    const first = await dialThrough(proxy.port, receiver, login);
    first.webSocket.terminate();

    const changing = join(folder, "changing");
    writeFileSync(changing, "old", { mode: 0o600 });
    const settings = at(proxy.port, { user: "ward", passwordFile: changing });
    const { code, facts } = await refused(receiver.url, { proxy: settings });
    assert.deepEqual(
      [code, facts],
      ["TUNNEL_PROXY_AUTHENTICATION", { asksFor: "Basic", loggedIn: true }],
    );
    writeFileSync(changing, PASSWORD);
    const second = await dial({
      ...{ receiverUrl: receiver.url, proxy: settings, identity: AGENT_IDENTITY },
      ...{ clock: systemClock, signal: new AbortController().signal },
    });
    second.webSocket.terminate();
    rmSync(changing);
    const gone = await refused(receiver.url, { proxy: settings });
    assert.deepEqual([gone.code, gone.facts], ["PROXY_PASSWORD_UNREADABLE", { sysCode: "ENOENT" }]);
  });

  test("[I13, 07 1.10, I-6] the password stands in nothing that can be printed", async () => {
    await using proxy = await StubPort.open(connectProxy({ login: "nobody:x" }));
    const settings = at(proxy.port, { user: "ward", passwordFile });
    const error: unknown = await dial({
      ...{ receiverUrl: ANYWHERE, proxy: settings, identity: AGENT_IDENTITY },
      ...{ clock: systemClock, signal: new AbortController().signal },
    }).then(
      () => assert.fail("was not refused"),
      (cause: unknown) => cause,
    );
    const base64 = Buffer.from(`ward:${PASSWORD}`).toString("base64");
    for (const thing of [error, settings]) {
      const printed = `${inspect(thing, { depth: 9, showHidden: true })}${JSON.stringify(thing)}`;
      assert.ok(!printed.includes(PASSWORD) && !printed.includes(base64));
    }
  });

  const asking = (fields: string): Behaviour =>
    says(`HTTP/1.1 407 Please log in\r\n${fields}Content-Length: 0\r\n\r\n`);
  test("[I13, 07 1.10] 407 names what the proxy asks for, in words that we know", async () => {
    for (const [fields, asksFor] of [
      ['Proxy-Authenticate: Basic realm="a, NTLM, b"\r\n', "Basic"],
      ["Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n", "Negotiate.NTLM"],
      ['proxy-authenticate: ntlm, basic realm="\\", Digest"\r\n', "Basic.NTLM"],
      ["Proxy-Authenticate: Patient-Smith\r\n", "unknown"],
      ["", "unknown"],
    ] as const) {
      const expected = ["TUNNEL_PROXY_AUTHENTICATION", { asksFor, loggedIn: false }];
      assert.deepEqual(await refusalBy(asking(fields)), expected, fields);
    }
  });

  test("[07 1.10] 401, which some proxies say to a wrong password, means the same", async () => {
    const text = 'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n';
    const expected = ["TUNNEL_PROXY_AUTHENTICATION", { asksFor: "Basic", loggedIn: false }];
    assert.deepEqual(await refusalBy(says(text)), expected);
  });

  for (const status of [204, 400, 403, 404, 500, 502, 503, 504]) {
    test(`[I13, 07 1.10] ${status} is a refusal of the proxy`, async () => {
      const found = await refusalBy(says(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`));
      assert.deepEqual(found, ["TUNNEL_PROXY_REFUSED", { status }]);
    });
  }

  test("[I13, 07 1.10] a redirect is an error of its own and is not followed", async () => {
    await using portal = await StubPort.open(hangUp);
    const found = await refusalBy(
      says(`HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${portal.port}/\r\n\r\n`),
    );
    assert.deepEqual(found, ["TUNNEL_PROXY_REDIRECT", { status: 302 }]);
    assert.equal(portal.count, 0);
  });

  for (const [what, text] of [
    ["no HTTP", "SSH-2.0-OpenSSH_9.9\r\n\r\n"],
    ["a SOCKS answer", "\x05\xff\r\n\r\n"],
    ["a header above 16 KiB", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(16_384)}\r\n\r\n`],
  ] as const) {
    test(`[I13, 07 1.10] an answer that is ${what} cannot be read`, async () => {
      const [code] = await refusalBy(says(text));
      assert.equal(code, "TUNNEL_PROXY_GARBLED");
    });
  }

  test("[I13, 07 1.10] one that hangs up, before or within its answer, is known by that", async () => {
    for (const behaviour of [hangUp, says(""), says("HTTP/1.1 200 Connec")]) {
      const [code] = await refusalBy(behaviour);
      assert.equal(code, "TUNNEL_PROXY_CLOSED");
    }
  });

  test("[07 1.10] bytes behind the header belong to TLS: what is none breaks the handshake", async () => {
    await using proxy = await StubPort.open(says("HTTP/1.1 200 OK\r\n\r\n<html>Log in</html>"));
    const { code, steps } = await refused(ANYWHERE, { proxy: at(proxy.port) });
    assert.equal(code, "TUNNEL_NOT_A_RECEIVER");
    assert.deepEqual(steps, ["resolve", "connect", "proxy"]);
  });

  test("[07 1.10] one that says 200 and hangs up is known at once, not after ten seconds", async () => {
    await using proxy = await StubPort.open(says("HTTP/1.1 200 OK\r\n\r\n"));
    const { code } = await refused(ANYWHERE, { proxy: at(proxy.port), clock: new ManualClock() });
    assert.equal(code, "TUNNEL_TLS_FAILED");
  });

  test("[07 1.10] a proxy that is not there is told from a receiver that is not", async () => {
    const { code, facts } = await refused(ANYWHERE, { proxy: at(await freePort()) });
    assert.equal(code, "TUNNEL_PROXY_UNREACHABLE");
    assert.deepEqual(facts, { code: "TUNNEL_TCP_REFUSED", sysCode: "ECONNREFUSED" });
    await using proxy = await StubPort.open(connectProxy());
    const receiverUrl = new URL(`wss://127.0.0.1:${await freePort()}`);
    const away = await refused(receiverUrl, { proxy: at(proxy.port) });
    assert.deepEqual([away.code, away.facts], ["TUNNEL_PROXY_REFUSED", { status: 502 }]);
  });

  test("[07 1.10] the certificate behind the proxy must be the receiver's", async () => {
    const { SERVER } = await import("#test/support/test-certificates.ts");
    await using receiver = await FakeReceiver.open({
      identity: { ...SERVER, serialHex: "" },
    });
    const requests: string[] = [];
    await using proxy = await StubPort.open(connectProxy({ requests }));
    const { code, facts } = await refused(receiver.url, { proxy: at(proxy.port) });
    assert.deepEqual([code, facts["issuer"]], ["TUNNEL_INTERCEPTED", "Servers"]);
    assert.equal(requests.length, 2, "the look goes the same way");
  });

  test("[07 1.10] an IPv6 address keeps its brackets", async () => {
    const requests: string[] = [];
    await using proxy = await StubPort.open(connectProxy({ requests }));
    await refused(new URL("wss://[::1]:1"), { proxy: at(proxy.port) });
    assert.match(requests[0] ?? "", /^CONNECT \[::1\]:1 HTTP\/1\.1\r\nHost: \[::1\]:1/);
  });
});
