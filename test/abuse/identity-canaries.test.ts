/**
 * Keys, token and password of an enrolment are searched for wherever something could have been written (07 section 4,
 * I19).
 *
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { askLocal } from "#agent/host/local-socket.ts";
import { parseToken } from "#certs/token.ts";
import { connectProxy } from "#test/support/connect-proxy.ts";
import { DoorReceiver } from "#test/support/door-receiver.ts";
import { EnrollingMachine } from "#test/support/enrolling-machine.ts";
import { until } from "#test/support/processes.ts";
import { StubPort } from "#test/support/stub-port.ts";
import { hitsBelow, hitsIn, type Needle, needlesOf } from "./canaries.ts";

const PASSWORD = "Canary-Proxy-9f3e1c77";

/** A secret as bytes, and as texts have it. */
function needlesOfBytes(word: string, secret: Uint8Array): Needle[] {
  const bytes = Buffer.from(secret);
  return [
    { word, dress: "raw", bytes },
    ...(["hex", "base64", "base64url"] as const).map((dress) => ({
      ...{ word, dress },
      bytes: Buffer.from(bytes.toString(dress).replace(/=+$/, ""), "latin1"),
    })),
  ];
}

test("[I19] neither the token, nor a key, nor the proxy's password is in log, output, state, status, arguments or environment", async () => {
  await using doors = await DoorReceiver.open();
  await using proxy = await StubPort.open(connectProxy({ login: `ward:${PASSWORD}` }));
  using machine = new EnrollingMachine(
    doors.url,
    `  proxy: http://127.0.0.1:${proxy.port}
  proxyUser: ward
  proxyPasswordFile: proxy-password
`,
  );
  const passwordFile = join(machine.path, "proxy-password");
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const text = doors.token();
  const parsed = parseToken(text);
  assert.ok(parsed.kind === "token");
  writeFileSync(machine.token, text, { mode: 0o600 });
  // One refusal first: what an error says is said, too.
  doors.alter = () => ({ status: 403, body: { reason: "TOKEN_EXPIRED" } });
  assert.equal((await machine.enroll(text)).code, 77);
  doors.alter = (_path, answer) => answer;
  await using enrolling = machine.start(
    ...["enroll", "--token-file", machine.token, "--anchor", machine.anchor],
  );
  const proc = `/proc/${enrolling.child.pid}`;
  const seen: Buffer[] = [];
  if (existsSync(proc)) {
    for (const file of ["cmdline", "environ"]) seen.push(readFileSync(join(proc, file)));
  }
  let out = "";
  enrolling.child.stdout?.setEncoding("utf8").on("data", (part: string) => {
    out += part;
  });
  assert.equal((await enrolling.ended).code, 0, enrolling.errors);
  await using agent = machine.start("run");
  await agent.ready();
  const status = await askLocal(machine.stateDir, { ask: "status" });
  await until("the agent has connected", () => doors.tunnels.connections.length > 1);
  doors.refusals.push("CERT_DENIED");
  for (const { socket } of doors.tunnels.connections) socket.terminate();
  await until("it was refused", () => /TUNNEL_REFUSED/.test(agent.errors));
  await agent.end("SIGTERM");

  const keys = machine.store.current?.load().keys;
  assert.ok(keys?.device !== undefined);
  const scalar = Buffer.from(keys.tls.export({ format: "jwk" }).d ?? "", "base64url");
  const seed = Buffer.from(keys.device.export({ format: "jwk" }).d ?? "", "base64url");
  const needles = [
    ...needlesOf(PASSWORD),
    ...needlesOf(`ward:${PASSWORD}`),
    ...needlesOf(text),
    ...needlesOfBytes("the token's seed", parsed.token.seed),
    ...needlesOfBytes("the TLS key", scalar),
    ...needlesOfBytes("the device key", seed),
  ];
  rmSync(passwordFile);
  const said = `${machine.said}${out}${enrolling.errors}${agent.errors}${JSON.stringify(status)}`;
  assert.deepEqual(hitsIn("what was said", Buffer.from(said), needles), []);
  assert.deepEqual(hitsIn("arguments or environment", Buffer.concat(seen), needles), []);
  assert.deepEqual(hitsBelow(machine.path, needles), []);
  // The search finds what it is for.
  writeFileSync(join(machine.stateDir, "leak"), keys.tls.export({ format: "der", type: "pkcs8" }));
  assert.equal(hitsBelow(machine.path, needles).length, 1);
});
