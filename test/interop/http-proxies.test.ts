/** The HTTP proxies that hospitals run, written by others: Squid and Tinyproxy (07 1.10). @module */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "#agent/host/clock.ts";
import { openProxy } from "#agent/tunnel/proxy.ts";
import { freePort } from "#scripts/free-port.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { ListedSource } from "#test/support/listed-source.ts";
import { until } from "#test/support/processes.ts";
import { refused } from "#test/support/refusals.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";

interface Product {
  readonly program: string;
  readonly arguments: (config: string) => readonly string[];
  /** A proxy that lets `ward` with password `secret` CONNECT to some ports. */
  readonly config: (port: number, allowed: readonly number[], folder: string) => string;
  /** What it answers when the receiver is away. */
  readonly away: number;
}

const PRODUCTS: Readonly<Record<string, Product>> = {
  tinyproxy: {
    program: "/usr/bin/tinyproxy",
    arguments: (config) => ["-d", "-c", config],
    config: (port, allowed) => `Port ${port}
Listen 127.0.0.1
Allow 127.0.0.1
LogLevel Critical
${allowed.map((one) => `ConnectPort ${one}\n`).join("")}BasicAuth ward secret
`,
    away: 500,
  },
  squid: {
    program: "/usr/sbin/squid",
    arguments: (config) => ["-N", "-f", config],
    config: (port, allowed, folder) => `http_port 127.0.0.1:${port}
pid_filename ${folder}/squid.pid
access_log none
cache_log /dev/null
cache deny all
coredump_dir ${folder}
auth_param basic program ${folder}/helper
auth_param basic children 1
auth_param basic realm Ward
acl known proxy_auth REQUIRED
acl target port ${allowed.join(" ")}
http_access deny !target
http_access allow known
http_access deny all
`,
    away: 503,
  },
};

/** Squid asks a program: a line with user and password, percent-encoded; an answer a line. */
const HELPER = `#!/bin/sh
while read -r user password; do
  if [ "$user $password" = "ward secret" ]; then echo OK; else echo ERR; fi
done
`;

async function start(
  { program, config, arguments: flags }: Product,
  allowed: readonly number[],
): Promise<AsyncDisposable & { readonly url: string; readonly folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-proxies-"));
  // Squid leaves root's rights, and must still read.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const file = join(folder, "proxy.conf");
  writeFileSync(file, config(port, allowed, folder));
  writeFileSync(join(folder, "helper"), HELPER, { mode: 0o755 });
  const child = spawn(program, [...flags(file)], { stdio: "ignore" });
  const ended = once(child, "exit");
  await until("it listens", async () => {
    const socket = connect(port, "127.0.0.1");
    const opened = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    return opened;
  });
  return {
    url: `http://127.0.0.1:${port}`,
    folder,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

for (const [name, product] of Object.entries(PRODUCTS)) {
  const installed = spawnSync(product.program, ["-v"], { stdio: "ignore" }).status === 0;
  const skip = installed ? false : `not tested: CONNECT through ${name}; it is not installed`;
  test(`[TP1, 07 1.10] through ${name}: a message arrives, and each refusal is known by its code`, {
    skip,
  }, async () => {
    await using receiver = await FakeReceiver.open();
    const away = await freePort();
    await using running = await start(product, [receiver.port, away]);
    const passwordFile = join(running.folder, "password");
    writeFileSync(passwordFile, "secret\n", { mode: 0o600 });
    const proxy = openProxy({ url: running.url, user: "ward", passwordFile });
    {
      const options = { proxy, clock: systemClock };
      await using tunnel = new TestTunnel(receiver.url, options, [new ListedSource("adt", "a")]);
      const agent = await receiver.connection();
      await agent.welcome();
      await agent.opened();
      await until("the message is there", () => agent.arrivedSeqs.length === 1);
      await tunnel.reaches("streaming");
    }
    const unknown = await refused(receiver.url, { proxy: openProxy({ url: running.url }) });
    assert.equal(unknown.code, "TUNNEL_PROXY_AUTHENTICATION");
    assert.deepEqual(unknown.facts, { asksFor: "Basic", loggedIn: false });
    writeFileSync(passwordFile, "wrong\n");
    const wrong = await refused(receiver.url, { proxy });
    assert.equal(wrong.code, "TUNNEL_PROXY_AUTHENTICATION");
    assert.deepEqual(wrong.facts, { asksFor: "Basic", loggedIn: true });
    writeFileSync(passwordFile, "secret\n");

    const elsewhere = new URL(`wss://127.0.0.1:${await freePort()}`);
    const denied = await refused(elsewhere, { proxy });
    assert.deepEqual([denied.code, denied.facts], ["TUNNEL_PROXY_REFUSED", { status: 403 }]);
    const { code, facts } = await refused(new URL(`wss://127.0.0.1:${away}`), { proxy });
    assert.deepEqual([code, facts], ["TUNNEL_PROXY_REFUSED", { status: product.away }]);
  });
}
