/**
 * Everything that a network can put in the place of the receiver, one after the other on one port: nothing
 * is sent to it, the state says which it was, and once the receiver is back the message leaves (T-N08).
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openProxy } from "#agent/tunnel/proxy.ts";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { issueReceiver } from "#test/receiver/support/identities.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { connectProxy } from "#test/support/connect-proxy.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { ListedSource } from "#test/support/listed-source.ts";
import { until } from "#test/support/processes.ts";
import { type Behaviour, forward, hangUp, StubPort, says, tls } from "#test/support/stub-port.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";

const day = (days: number): Date => new Date(Date.now() + days * 86_400_000);
const foreign = await (await createDevelopmentCa("Firewall")).issueServer(["127.0.0.1"]);
const wrong = await issueReceiver(["elsewhere.example.org"]);
const past = { notBefore: day(-3), notAfter: day(-2) };
const future = { notBefore: day(2), notAfter: day(3) };

/** In place of the receiver. */
const TROUBLES: Readonly<Record<string, Behaviour>> = {
  TUNNEL_TLS_FAILED: hangUp,
  TUNNEL_NOT_A_RECEIVER: says("HTTP/1.1 302 Found\r\nLocation: http://login.invalid/\r\n\r\n"),
  TUNNEL_INTERCEPTED: tls(foreign),
  TUNNEL_CERT_EXPIRED: tls(await issueReceiver(["127.0.0.1"], past)),
  TUNNEL_CERT_NOT_YET_VALID: tls(await issueReceiver(["127.0.0.1"], future)),
  TUNNEL_CERT_WRONG_NAME: tls(wrong),
};

/** In place of the proxy. */
const PROXY_TROUBLES: Readonly<Record<string, Behaviour>> = {
  TUNNEL_PROXY_CLOSED: hangUp,
  TUNNEL_PROXY_GARBLED: says("220 mail.example.org ESMTP\r\n"),
  TUNNEL_PROXY_AUTHENTICATION: says("HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n\r\n"),
  TUNNEL_PROXY_REFUSED: says("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
};

for (const [way, troubles] of Object.entries({ direct: TROUBLES, proxy: PROXY_TROUBLES })) {
  describe(`tunnel, ${way}`, () => {
    for (const [code, trouble] of Object.entries(troubles)) {
      test(`[T-N08, TP28] ${code}: no data is sent, it is shown, and it recovers alone`, async () => {
        await using receiver = await FakeReceiver.open();
        await using port = await StubPort.open(trouble);
        const clock = new ManualClock();
        const proxy = openProxy({ url: `http://127.0.0.1:${port.port}` });
        const through = way === "proxy";
        const options = through ? { clock, proxy } : { clock };
        const url = through ? receiver.url : port.url;
        await using tunnel = new TestTunnel(url, options, [new ListedSource("adt", "a")]);
        clock.advance(0);
        for (let attempt = 0; attempt < 3; attempt++) {
          await tunnel.reaches("disconnected");
          assert.equal(tunnel.lastError?.code, code, JSON.stringify(tunnel.lastError?.facts));
          assert.deepEqual(tunnel.conditions.list()[0]?.facts, { code });
          clock.advance(0);
        }
        assert.deepEqual(port.decrypted, []);
        await tunnel.reaches("disconnected");

        port.behave = through ? connectProxy() : forward(receiver.port);
        clock.advance(0);
        const agent = await receiver.connection();
        await agent.welcome();
        await agent.opened();
        await until("the message is there", () => agent.arrivedSeqs.length === 1);
        assert.deepEqual([tunnel.state, tunnel.conditions.list()], ["streaming", []]);
      });
    }
  });
}
