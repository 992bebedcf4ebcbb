import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ENROLL_PATH } from "#certs/exchange.ts";
import { DOOR_REQUESTS_PER_MINUTE } from "#receiver/limits.ts";
import { freePort } from "#scripts/free-port.ts";
import { EnrollingFolder, newAddress, post } from "#test/receiver/support/enrolling-folder.ts";
import { PlayedAgent } from "#test/receiver/support/played-agent.ts";
import { ReceiverFolder } from "#test/receiver/support/receiver-folder.ts";
import { until } from "#test/support/processes.ts";
import { identityOf, TestTunnel } from "#test/support/test-tunnel.ts";

const PROGRAM = "/usr/sbin/haproxy";
const installed = spawnSync(PROGRAM, ["-v"]).status === 0;
const skip = installed
  ? false
  : "not tested: the PROXY header of HAProxy; haproxy is not installed";

/** HAProxy in front of `upstream`, passing TCP through as TP4 says. */
async function balance(
  upstream: number,
  withHeader = true,
): Promise<AsyncDisposable & { readonly port: number }> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-haproxy-"));
  const port = await freePort();
  const config = join(folder, "haproxy.cfg");
  const lines = [
    "defaults",
    "  mode tcp",
    "  timeout connect 5s",
    // TP4: at least four heartbeats.
    "  timeout client 60s",
    "  timeout server 60s",
    "listen tunnel",
    `  bind 127.0.0.1:${port}`,
    // Its checks speak LOCAL.
    `  server one 127.0.0.1:${upstream} ${withHeader ? "send-proxy-v2 check check-send-proxy inter 200ms" : ""}`,
    "",
  ];
  writeFileSync(config, lines.join("\n"));
  const child = spawn(PROGRAM, ["-db", "-f", config], { stdio: "ignore" });
  const ended = once(child, "exit");
  await until("haproxy listens", async () => {
    const socket = connect(port, "127.0.0.1");
    const opened = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    return opened;
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

test("[TP4] an agent reaches a receiver through HAProxy, which says where it came from", {
  skip,
}, async () => {
  using folder = new ReceiverFolder({ listen: "proxyProtocol: true, proxyFrom: [127.0.0.0/8]" });
  const { name, identity, stored } = await folder.newAgent();
  await using receiver = await folder.open();
  await using proxy = await balance(receiver.address.port);
  {
    await using agent = await PlayedAgent.stream(proxy.port, identity);
    agent.sendMessages(1n, "through", "the balancer");
    await agent.acked(2n);
  }
  assert.deepEqual(await stored(), ["through", "the balancer"], name);
  const { peer } = folder.logged.find(({ event }) => event === "agentConnected")?.facts ?? {};
  assert.match(String(peer), /^127\.0\.0\.1:\d+$/);

  const url = new URL(`wss://127.0.0.1:${proxy.port}`);
  await using tunnel = new TestTunnel(url, { identity: identityOf(identity) }, []);
  await tunnel.reaches("streaming");
  // A check is a connection that ends after its header: refused for nothing, so no line says so.
  assert.deepEqual(
    folder.logged.filter(({ event }) => event === "proxyRefused"),
    [],
  );
});

test("[TP4] [07 1.8] behind HAProxy the enrolment door counts each hospital by itself, and without its header all of them together", {
  skip,
}, async () => {
  for (const [listen, other] of [
    ["proxyProtocol: true, proxyFrom: [127.0.0.1/32]", 400],
    ["", 429],
  ] as const) {
    using folder = await EnrollingFolder.create({ listen });
    await using receiver = await folder.open();
    await using proxy = await balance(receiver.address.port, listen !== "");
    const ask = async (from: string): Promise<number> =>
      (await post(proxy.port, ENROLL_PATH, "{}", { from })).status;
    const [one, two] = [newAddress(), newAddress()];
    const answers: number[] = [];
    for (let count = 0; count <= DOOR_REQUESTS_PER_MINUTE; count++) answers.push(await ask(one));
    assert.deepEqual(
      answers,
      [...Array<number>(DOOR_REQUESTS_PER_MINUTE).fill(400), 429],
      "one hospital uses up its own ten",
    );
    assert.equal(await ask(two), other, listen);
  }
});
