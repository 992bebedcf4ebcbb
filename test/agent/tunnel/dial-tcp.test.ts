/** Names and addresses: what is wrong between this machine and the network. @module */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type LookupFunction } from "node:net";
import { describe, test } from "node:test";
import { systemClock } from "#agent/host/clock.ts";
import { dial } from "#agent/tunnel/dial.ts";
import { tcpFault } from "#agent/tunnel/dial-faults.ts";
import { secure } from "#agent/tunnel/secure.ts";
import { freePort } from "#scripts/free-port.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { AGENT_IDENTITY, refused } from "#test/support/refusals.ts";
import { type Behaviour, hangUp, StubPort } from "#test/support/stub-port.ts";

/** A resolver that fails with `code`, as getaddrinfo does. */
const failing =
  (code: string): LookupFunction =>
  (host, _options, answer) =>
    answer(Object.assign(new Error(`getaddrinfo ${code} ${host}`), { code }), []);

const knowing =
  (...addresses: readonly string[]): LookupFunction =>
  (_host, _options, answer) =>
    answer(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );

const NAMED = new URL("wss://gateway.example.org");

describe("dial, to an address", () => {
  for (const [code, expected] of [
    ["ENOTFOUND", "TUNNEL_NAME_UNKNOWN"],
    ["EAI_AGAIN", "TUNNEL_DNS_AWAY"],
    ["EAI_FAIL", "TUNNEL_DNS_AWAY"],
    ["ESERVFAIL", "TUNNEL_DNS_AWAY"],
  ] as const) {
    test(`[TP1, T-N08] a name that ends in ${code} is ${expected}`, async () => {
      const found = await refused(NAMED, { lookup: failing(code) });
      assert.deepEqual(found, { code: expected, facts: { sysCode: code }, steps: [] });
    });
  }

  test("[TP1] the system's resolver is asked where nobody gives another", async () => {
    const { code, steps } = await refused(new URL("wss://holdfast.invalid"));
    assert.ok(["TUNNEL_NAME_UNKNOWN", "TUNNEL_DNS_AWAY"].includes(code), code);
    assert.deepEqual(steps, []);
  });

  test("[TP1] a port that nobody listens on refuses", async () => {
    const found = await refused(new URL(`wss://127.0.0.1:${await freePort()}`));
    const facts = { sysCode: "ECONNREFUSED" };
    assert.deepEqual(found, { code: "TUNNEL_TCP_REFUSED", facts, steps: ["resolve"] });
  });

  test("[TP1] what the system says of an address that is not reached has a code each", () => {
    for (const [sysCode, expected] of [
      ["ECONNRESET", "TUNNEL_TCP_REFUSED"],
      ["EHOSTUNREACH", "TUNNEL_TCP_NO_ROUTE"],
      ["ENETUNREACH", "TUNNEL_TCP_NO_ROUTE"],
      ["ETIMEDOUT", "TUNNEL_TCP_TIMEOUT"],
      ["EPERM", "TUNNEL_TCP_FORBIDDEN"],
      ["EACCES", "TUNNEL_TCP_FORBIDDEN"],
    ] as const) {
      const found = tcpFault(Object.assign(new Error(), { code: sysCode }));
      assert.deepEqual([found.code, found.facts], [expected, { sysCode }]);
    }
  });

  test("[TP1] of several addresses the first that connects is taken", async () => {
    await using receiver = await FakeReceiver.open();
    const { webSocket } = await dial({
      receiverUrl: new URL(`wss://127.0.0.1:${receiver.port}`),
      identity: AGENT_IDENTITY,
      clock: systemClock,
      signal: new AbortController().signal,
    });
    webSocket.terminate();
    // Nobody listens on the first; the second is the receiver, whose certificate names neither.
    const { code } = await refused(new URL(`wss://gateway.example.org:${receiver.port}`), {
      lookup: knowing("127.0.0.2", "127.0.0.1"),
    });
    assert.equal(code, "TUNNEL_CERT_WRONG_NAME");
  });

  for (const [name, behaviour] of [
    ["hangs up", hangUp],
    ["resets", (socket) => void socket.once("data", () => socket.resetAndDestroy())],
  ] as readonly (readonly [string, Behaviour])[]) {
    test(`[TP1] a peer that ${name} during the handshake broke TLS off`, async () => {
      await using port = await StubPort.open(behaviour);
      const { code, facts, steps } = await refused(port.url);
      assert.deepEqual([code, facts], ["TUNNEL_TLS_FAILED", { sysCode: "ECONNRESET" }]);
      assert.deepEqual(steps, ["resolve", "connect"]);
    });
  }

  test("[TP1] TLS is not begun on a socket that is gone already", async () => {
    await using port = await StubPort.open(hangUp);
    const socket = connect(port.port, "127.0.0.1").on("error", () => {});
    await once(socket.resume(), "close");
    const waiting = { clock: new ManualClock(), signal: new AbortController().signal };
    const options = { ...waiting, socket, host: "127.0.0.1", identity: AGENT_IDENTITY };
    await assert.rejects(secure(options), { code: "TUNNEL_TLS_FAILED" });
  });
});
