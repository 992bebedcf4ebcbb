/** `holdfast doctor` on its way to the receiver: each step by name, and nothing disturbed. @module */
import assert from "node:assert/strict";
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Check } from "#agent/cli/doctor-report.ts";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { TroubledPair } from "#test/faults/troubled-pair.ts";
import { connectProxy } from "#test/support/connect-proxy.ts";
import { Started } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { StubPort } from "#test/support/stub-port.ts";

const MAIN = programFile("agent/main.ts");

interface Ran {
  readonly code: number | null;
  readonly checks: Readonly<Record<string, Check>>;
}

/** The receiver's section, by name. */
async function doctor(
  { pair }: TroubledPair,
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const command = [process.execPath, MAIN, "doctor", "--config", pair.agentConfig, "--json"];
  await using asked = new Started(command, { ...process.env, ...env });
  let out = "";
  asked.child.stdout?.setEncoding("utf8").on("data", (part: string) => {
    out += part;
  });
  const { code } = await asked.ended;
  const { checks } = JSON.parse(out) as { readonly checks: readonly Check[] };
  const own = checks.filter(({ section }) => section === "receiver");
  return { code, checks: Object.fromEntries(own.map((check) => [check.name, check])) };
}

const verdicts = ({ checks }: Ran): string[] =>
  Object.values(checks).map(({ name, verdict }) => `${name} ${verdict}`);

describe("doctor, on the way to the receiver", () => {
  test("[TP1] every step is named, and a running agent's session goes on", async () => {
    using pair = await TroubledPair.make();
    await using _receiver = await pair.receiver();
    await using agent = await pair.agent();
    await pair.streaming();
    const before = (await pair.status()).tunnel;
    const ran = await doctor(pair);
    assert.deepEqual(verdicts(ran), [
      "environment ok",
      "certificate ok",
      "name ok",
      "connection ok",
      "TLS ok",
      "upgrade ok",
      "receiver's certificate ok",
    ]);
    assert.equal(ran.code, 0);
    const { state, session } = (await pair.status()).tunnel;
    assert.deepEqual([state, session], ["streaming", before.session]);
    await agent.end("SIGTERM");
  });

  test("[07 1.10] through the proxy; the environment's is named, and has no effect", async () => {
    await using proxy = await StubPort.open(connectProxy());
    const agentReceiver = `  proxy: http://127.0.0.1:${proxy.port}\n`;
    using pair = await TroubledPair.make();
    inReceiverBlock(pair, agentReceiver);
    await using _receiver = await pair.receiver();
    const nowhere = "http://user:hunter2@127.0.0.1:1";
    const env = { HTTPS_PROXY: nowhere, https_proxy: nowhere, NODE_USE_ENV_PROXY: "1" };
    const ran = await doctor(pair, env);
    assert.deepEqual(verdicts(ran).slice(2), [
      "name ok",
      "connection ok",
      "proxy ok",
      "TLS ok",
      "upgrade ok",
      "receiver's certificate ok",
    ]);
    // The second asks for the time.
    assert.equal(proxy.count, 2);
    const said = JSON.stringify(ran.checks);
    assert.match(said, /Has no effect here: (?=.*HTTPS_PROXY)(?=.*NODE_USE_ENV_PROXY)/);
    assert.doesNotMatch(said, /hunter2/);
  });

  test("[07 1.10] a proxy in the environment and none in the configuration warns, and is not used", async () => {
    using pair = await TroubledPair.make();
    await using _receiver = await pair.receiver();
    const ran = await doctor(pair, { HTTPS_PROXY: "http://127.0.0.1:1", NODE_USE_ENV_PROXY: "1" });
    assert.equal(ran.checks["environment"]?.verdict, "warning");
    assert.match(ran.checks["environment"]?.remedy ?? "", /receiver\.proxy/);
    assert.equal(ran.checks["upgrade"]?.verdict, "ok");
  });

  test("[A8] a receiver that is away is a warning at the step at which it is", async () => {
    using pair = await TroubledPair.make();
    const ran = await doctor(pair);
    assert.equal(ran.code, 0);
    assert.deepEqual(verdicts(ran).slice(2), ["name ok", "connection warning"]);
    assert.equal(ran.checks["connection"]?.facts["error"], "TUNNEL_TCP_REFUSED");
  });

  test("[07 1.8, 1.10] an agent that nobody added, and another CA: the words of status", async () => {
    using pair = await TroubledPair.make();
    await using _receiver = await pair.receiver();
    const identity = join(pair.folder, "agent/identity");
    const stranger = await createDevelopmentCa("Somebody");
    const name = { trustDomain: "holdfast.local", tenant: "north", agent: "ward-9" };
    const issued = await stranger.issueAgent(name);
    writeFileSync(join(identity, "agent.crt"), issued.certificatePem);
    writeFileSync(join(identity, "agent.key"), issued.privateKeyPem);
    const refused = await doctor(pair);
    assert.deepEqual(refused.checks["upgrade"]?.facts["code"], "CERT_UNKNOWN_CA");
    assert.match(refused.checks["upgrade"]?.remedy ?? "", /another receiver/);

    // Whatever else on this machine knows the receiver's CA, or wants none.
    const known = join(pair.folder, "known.crt");
    renameSync(join(identity, "receiver-ca.crt"), known);
    writeFileSync(join(identity, "receiver-ca.crt"), stranger.certificatePem);
    const env = { NODE_EXTRA_CA_CERTS: known, SSL_CERT_FILE: known };
    const foreign = await doctor(pair, { ...env, NODE_TLS_REJECT_UNAUTHORIZED: "0" });
    assert.equal(foreign.checks["TLS"]?.facts["error"], "TUNNEL_INTERCEPTED");
    assert.equal(foreign.code, 0);
  });

  test("[07 1.1] an identity that is not there yet warns; one that cannot be used fails", async () => {
    using pair = await TroubledPair.make();
    const key = join(pair.folder, "agent/identity/agent.key");
    chmodSync(key, 0o644);
    const exposed = await doctor(pair);
    assert.deepEqual([exposed.code, verdicts(exposed)[1]], [78, "certificate problem"]);
    rmSync(key);
    const missing = await doctor(pair);
    assert.deepEqual([missing.code, verdicts(missing)[1]], [0, "certificate warning"]);
    assert.equal(missing.checks["connection"]?.facts["error"], "TUNNEL_TCP_REFUSED");
  });

  test("[07 1.10] a password that others can read fails, as it stops the start", async () => {
    using pair = await TroubledPair.make();
    const file = join(pair.folder, "agent/password");
    writeFileSync(file, "secret\n");
    chmodSync(file, 0o640);
    inReceiverBlock(
      pair,
      "  proxy: http://127.0.0.1:1\n  proxyUser: ward\n  proxyPasswordFile: password\n",
    );
    const ran = await doctor(pair);
    assert.deepEqual(
      [ran.code, ran.checks["proxy"]?.facts["code"]],
      [78, "PROXY_PASSWORD_EXPOSED"],
    );
  });
});

function inReceiverBlock({ pair }: TroubledPair, lines: string): void {
  const yaml = readFileSync(pair.agentConfig, "utf8");
  writeFileSync(pair.agentConfig, yaml.replace(/^receiver:\n/m, `receiver:\n${lines}`));
}
