/** Somebody else answers where the receiver should be (07 section 4, I04, I05, I14). @module */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Check } from "#agent/cli/doctor-report.ts";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { sendOnce } from "#test/faults/mllp-sender.ts";
import { issueAgent } from "#test/receiver/support/identities.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { DoorReceiver } from "#test/support/door-receiver.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { adt, latin1 } from "#test/support/messages.ts";
import { Started, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { KEYS } from "#test/support/signed-documents.ts";
import { type Behaviour, StubPort, tls } from "#test/support/stub-port.ts";
import { createTestCa } from "#test/support/test-certificates.ts";
import { identityOf, TestTunnel } from "#test/support/test-tunnel.ts";

const MAIN = programFile("agent/main.ts");
const HERE = ["127.0.0.1"];
const DAY_MS = 86_400_000;
const day = (days: number): Date => new Date(Date.now() + days * DAY_MS);
const ca = await createDevelopmentCa("Holdfast receivers");
const inspector = await createDevelopmentCa("Ward Firewall");
const identity = identityOf(await issueAgent("north/ward-1"), ca.certificatePem);

/** What a tunnel says of whoever answers, and that it waits and dials again. */
async function errorFrom(behave: Behaviour): Promise<string> {
  await using port = await StubPort.open(behave);
  await using tunnel = new TestTunnel(port.url, { identity }, []);
  await until("it has failed", () => tunnel.lastError !== undefined);
  const { lastError } = tunnel;
  // A dial has two connections where it looks who that was.
  await until("it comes back by itself", () => port.count > 2);
  assert.deepEqual(port.decrypted, [], "nothing was said to it");
  return lastError?.code ?? "";
}

describe("a receiver in disguise", () => {
  test("[I04] other CA, wrong name, expired, self-signed: each is another error, and it is tried again", async () => {
    const { certificatePem, privateKeyPem } = await createTestCa("Portal");
    const expired = { notBefore: day(-3), notAfter: day(-2) };
    const shown = {
      "other CA": await inspector.issueServer(HERE),
      "wrong name": await ca.issueServer(["gateway.example.org"]),
      expired: await ca.issueServer(HERE, expired),
      "self-signed": { certificatePem, privateKeyPem, serialHex: "" },
    };
    const codes: Record<string, string> = {};
    for (const [what, one] of Object.entries(shown)) codes[what] = await errorFrom(tls(one));
    assert.deepEqual(codes, {
      "other CA": "TUNNEL_INTERCEPTED",
      "wrong name": "TUNNEL_CERT_WRONG_NAME",
      expired: "TUNNEL_CERT_EXPIRED",
      "self-signed": "TUNNEL_CERT_SELF_SIGNED",
    });
  });

  test("[I14] TLS 1.2 alone is not spoken, whatever the certificate", async () => {
    const shown = await ca.issueServer(HERE);
    await using receiver = await FakeReceiver.open({ identity: shown, maxVersion: "TLSv1.2" });
    await using tunnel = new TestTunnel(receiver.url, { identity }, []);
    await until("it has failed", () => tunnel.lastError !== undefined);
    assert.equal(tunnel.lastError?.code, "TUNNEL_TLS_FAILED");
    assert.equal(receiver.connections.length, 0);
  });

  test("[I14] a redirect, and a name that leads to another host, lead nowhere", async () => {
    await using elsewhere = await FakeReceiver.open({ identity: await ca.issueServer(HERE) });
    const answer = `302 Found\r\nLocation: ${elsewhere.url.href}v1/tunnel`;
    await using receiver = await FakeReceiver.open({
      identity: await ca.issueServer(HERE),
      answer,
    });
    await using tunnel = new TestTunnel(receiver.url, { identity }, []);
    await until("it has failed", () => tunnel.lastError !== undefined);
    assert.equal(tunnel.lastError?.code, "TUNNEL_NOT_A_RECEIVER");
    assert.equal(elsewhere.socketCount, 0);
    // DNS that somebody has changed: the host there has another certificate.
    const other = await errorFrom(tls(await ca.issueServer(["other.example.org"])));
    assert.equal(other, "TUNNEL_CERT_WRONG_NAME");
  });

  test("[I04, I05] with the interceptor's CA in every place that Node and OpenSSL know, it is refused, and messages are taken", async () => {
    using folder = await AgentFolder.make();
    const shown = await inspector.issueServer([...HERE, "localhost"]);
    const certificatePem = `${shown.certificatePem}${inspector.certificatePem}`;
    await using port = await StubPort.open(tls({ ...shown, certificatePem }));
    const yaml = readFileSync(folder.config, "utf8");
    writeFileSync(folder.config, yaml.replace(/wss:\S+/, port.url.href.replace(/\/$/, "")));
    const trusted = join(folder.path, "ward-firewall.pem");
    writeFileSync(trusted, inspector.certificatePem);
    const env = {
      ...process.env,
      NODE_EXTRA_CA_CERTS: trusted,
      SSL_CERT_FILE: trusted,
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
      NODE_OPTIONS: "--use-openssl-ca",
    };
    // What trusts these places is taken in by them.
    const script = `require("node:tls").connect(${port.port}, "localhost", function () { console.log(this.authorized) })`;
    await using plain = new Started([process.execPath, "-e", script], env);
    assert.equal(await plain.ready(), "true");
    const main = (...args: readonly string[]): Started =>
      new Started([process.execPath, MAIN, ...args, "--config", folder.config], env);
    await using asked = main("doctor", "--json");
    const { checks } = JSON.parse(await asked.ready()) as { readonly checks: readonly Check[] };
    const way = checks.find(({ name, section }) => section === "receiver" && name === "TLS");
    assert.equal(way?.facts["error"], "TUNNEL_INTERCEPTED");
    await using agent = main("run");
    await agent.ready();
    const sent = await sendOnce(folder.port, latin1(adt("TAKEN")));
    assert.deepEqual(sent, { kind: "accepted", controlId: "TAKEN" });
    assert.equal((await agent.end("SIGTERM")).code, 0);
    assert.match(agent.errors, /TUNNEL_INTERCEPTED/);
    assert.deepEqual(port.decrypted, []);
  });

  test("[I05, I07, EN2] a token in that environment: the look stops it, in words for the network team", async () => {
    await using doors = await DoorReceiver.open();
    const folder = mkdtempSync(join(tmpdir(), "holdfast-intercepted-"));
    try {
      const shown = await inspector.issueServer(HERE);
      const certificatePem = `${shown.certificatePem}${inspector.certificatePem}`;
      await using port = await StubPort.open(tls({ ...shown, certificatePem }));
      const config = join(folder, "local.yaml");
      await using init = new Started([
        ...[process.execPath, MAIN, "init", "--config", config],
        ...["--state-dir", join(folder, "state"), "--receiver", port.url.href],
      ]);
      assert.equal((await init.ended).code, 0, init.errors);
      const [token, trusted] = [join(folder, "token"), join(folder, "ca.pem")];
      const anchor = join(folder, "anchor.json");
      writeFileSync(
        anchor,
        JSON.stringify({ keys: KEYS.trust.map(({ hex }) => hex), threshold: 2 }),
      );
      const url = `https://127.0.0.1:${port.port}`;
      writeFileSync(token, doors.token("ward-1", { url }), { mode: 0o600 });
      writeFileSync(trusted, inspector.certificatePem);
      await using enrolling = new Started(
        [
          ...[process.execPath, MAIN, "enroll", "--token-file", token, "--config", config],
          ...["--anchor", anchor],
        ],
        {
          ...process.env,
          NODE_EXTRA_CA_CERTS: trusted,
          SSL_CERT_FILE: trusted,
          NODE_TLS_REJECT_UNAUTHORIZED: "0",
        },
      );
      assert.equal((await enrolling.ended).code, 69);
      assert.match(
        enrolling.errors,
        new RegExp(
          `TLS to 127\\.0\\.0\\.1 is intercepted: the certificate was issued by Ward_Firewall, not by the Holdfast receiver CA\\. Ask the network team to exempt 127\\.0\\.0\\.1:${port.port} from TLS inspection\\.`,
        ),
      );
      assert.deepEqual(port.decrypted, []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
