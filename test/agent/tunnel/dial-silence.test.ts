/** A far end that says nothing, at each step: ten seconds, and then it is known which one it was. @module */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, test } from "node:test";
import { type DialOptions, dial } from "#agent/tunnel/dial.ts";
import { openProxy } from "#agent/tunnel/proxy.ts";
import { RECEIVER_IDENTITY } from "#test/receiver/support/identities.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { connectProxy } from "#test/support/connect-proxy.ts";
import { until } from "#test/support/processes.ts";
import { AGENT_IDENTITY } from "#test/support/refusals.ts";
import { StubPort, silent, tls } from "#test/support/stub-port.ts";

/** Dials until `reached`, and then lets ten seconds pass. */
async function lateness(
  receiverUrl: URL,
  reached: () => boolean,
  options: Partial<DialOptions> = {},
): Promise<string> {
  const clock = new ManualClock();
  const signal = new AbortController().signal;
  let code: string | undefined;
  const dialling = dial({ receiverUrl, identity: AGENT_IDENTITY, clock, signal, ...options }).then(
    () => assert.fail("it came through"),
    (error: { code: string }) => {
      code = error.code;
    },
  );
  await until("the silence begins", reached);
  clock.advance(9_999);
  await new Promise(setImmediate);
  assert.equal(code, undefined, "not before its time");
  clock.advance(1);
  await dialling;
  assert.equal(clock.armedCount, 0, "no timer is left");
  return code ?? "";
}

/** A port whose owner sleeps and whose queue is full: the system drops whoever knocks, as a firewall does. */
class FullPort implements Disposable {
  readonly url: URL;
  readonly #owner: ChildProcess;
  readonly #queue: readonly Socket[];

  private constructor(owner: ChildProcess, port: number) {
    this.#owner = owner;
    this.url = new URL(`wss://127.0.0.1:${port}`);
    // More than a queue of one holds, whatever the system makes of that number.
    this.#queue = Array.from({ length: 8 }, () => connect(port, "127.0.0.1").on("error", () => {}));
  }

  static async open(): Promise<FullPort> {
    const script = `const server = require("node:net").createServer();
      server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => console.log(server.address().port));`;
    const stdio = ["ignore", "pipe", "inherit"] as const;
    const owner = spawn(process.execPath, ["--eval", script], { stdio: [...stdio] });
    const [line] = await once(owner.stdout, "data");
    owner.kill("SIGSTOP");
    return new FullPort(owner, Number(String(line)));
  }

  [Symbol.dispose](): void {
    for (const socket of this.#queue) socket.destroy();
    this.#owner.kill("SIGKILL");
  }
}

describe("dial, to silence", () => {
  test("[TP1] no answer of DNS", async () => {
    let asked = false;
    const lookup = (): void => {
      asked = true;
    };
    const code = await lateness(new URL("wss://gateway.example.org"), () => asked, { lookup });
    assert.equal(code, "TUNNEL_DNS_AWAY");
  });

  test("[TP1] no answer to a connection", async () => {
    using port = await FullPort.open();
    const steps: string[] = [];
    const code = await lateness(port.url, () => steps.includes("resolve"), {
      onStep: (step) => void steps.push(step),
    });
    assert.equal(code, "TUNNEL_TCP_TIMEOUT");
    assert.deepEqual(steps, ["resolve"]);
  });

  test("[I13, 07 1.10] a proxy that takes CONNECT and says nothing", async () => {
    await using proxy = await StubPort.open(silent);
    const settings = openProxy({ url: `http://127.0.0.1:${proxy.port}` });
    const steps: string[] = [];
    const code = await lateness(
      new URL("wss://gateway.example.org"),
      () => steps.includes("connect"),
      { proxy: settings, onStep: (step) => void steps.push(step) },
    );
    assert.equal(code, "TUNNEL_PROXY_TIMEOUT");
    await until("no socket is left", () => proxy.openCount === 0);
  });

  for (const through of ["", " behind a proxy"]) {
    test(`[TP1] no answer to TLS${through}`, async () => {
      await using port = await StubPort.open(silent);
      await using proxy = await StubPort.open(connectProxy());
      const settings = openProxy({ url: `http://127.0.0.1:${proxy.port}` });
      const steps: string[] = [];
      const last = through === "" ? "connect" : "proxy";
      const code = await lateness(port.url, () => steps.includes(last), {
        ...(through === "" ? {} : { proxy: settings }),
        onStep: (step) => void steps.push(step),
      });
      assert.equal(code, "TUNNEL_TLS_TIMEOUT");
      await until("no socket is left", () => port.openCount + proxy.openCount === 0);
    });
  }

  test("[TP1] no answer to the upgrade", async () => {
    await using port = await StubPort.open(tls(RECEIVER_IDENTITY));
    const code = await lateness(port.url, () => port.decrypted.length > 0);
    assert.equal(code, "TUNNEL_UPGRADE_TIMEOUT");
    await until("no socket is left", () => port.openCount === 0);
  });

  test("a dial that is given up at a step leaves no socket and no timer", async () => {
    for (const behaviour of [silent, tls(RECEIVER_IDENTITY)]) {
      await using port = await StubPort.open(behaviour);
      const clock = new ManualClock();
      const giving = new AbortController();
      const { signal } = giving;
      const dialling = dial({ receiverUrl: port.url, identity: AGENT_IDENTITY, clock, signal });
      await until("it is connected", () => port.count > 0);
      giving.abort();
      await assert.rejects(dialling, { code: "TUNNEL_UNREACHABLE" });
      assert.equal(clock.armedCount, 0);
      await until("no socket is left", () => port.openCount === 0);
    }
  });
});
