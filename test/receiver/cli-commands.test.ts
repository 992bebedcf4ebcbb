import assert from "node:assert/strict";
import { chmodSync, existsSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { issueAgent, issueForeign } from "./support/identities.ts";
import { PlayedAgent } from "./support/played-agent.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const identity = await issueAgent("north/ward-1");

describe("commands", () => {
  test("[01] serve prints one line on standard output and ends with 0 when asked to stop", async () => {
    using folder = new ReceiverFolder();
    await using served = await folder.serve();
    const line = JSON.parse(served.line);
    assert.deepEqual(line, {
      listening: { host: "127.0.0.1", port: served.port },
      url: `wss://127.0.0.1:${served.port}`,
    });
    assert.equal(statSync(join(folder.stateDir, "control.sock")).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder.stateDir, "receiver.db")).mode & 0o777, 0o600);
    assert.equal(await served.end("SIGTERM"), 0);
  });

  test("[01] agent add, agent list and export answer while serve runs and while it does not", async () => {
    using folder = new ReceiverFolder();
    const certificate = folder.write("agent.pem", identity.certificatePem);
    const config = ["--config", folder.config];
    const add = await folder.run(
      "agent",
      "add",
      "north/ward-1",
      "--certificate",
      certificate,
      ...config,
    );
    assert.deepEqual([add.code, add.err], [0, ""]);
    {
      await using served = await folder.serve();
      await using agent = await PlayedAgent.stream(served.port, identity);
      agent.sendMessages(1n, "one", "two");
      await agent.acked(2n);
      const exported = await folder.run("export", ...config, "--body");
      assert.equal(exported.code, 0);
      const rows = exported.out
        .trimEnd()
        .split("\n")
        .map((row) => JSON.parse(row));
      assert.deepEqual(
        rows.map((row) => [row.seq, row.body]),
        [
          [1, "b25l"],
          [2, "dHdv"],
        ],
      );
      const list = await folder.run("agent", "list", ...config, "--json");
      assert.equal(JSON.parse(list.out).agent, "north/ward-1");
      assert.equal(JSON.parse(list.out).session, 1);
      await served.end("SIGTERM");
    }
    const exported = await folder.run(
      "export",
      ...config,
      "--channel",
      "adt",
      "--agent",
      "north/ward-1",
    );
    assert.equal(exported.out.trimEnd().split("\n").length, 2);
    const none = await folder.run("export", ...config, "--channel", "other");
    assert.deepEqual([none.code, none.out], [0, ""]);
    const list = await folder.run("agent", "list", ...config);
    assert.match(list.out, /^north\/ward-1 {2}[0-9a-f]{32} {2}last seen 20/);
  });

  test("[07 1.3] agent add refuses a certificate of another agent, no certificate, and a bad name", async () => {
    using folder = new ReceiverFolder();
    const certificate = folder.write("agent.pem", identity.certificatePem);
    const add = (name: string, file: string) =>
      folder.run("agent", "add", name, "--certificate", file, "--config", folder.config);
    const other = await add("north/ward-2", certificate);
    assert.equal(other.code, 65);
    assert.match(other.err, /AGENT_CERTIFICATE_PROFILE/);
    assert.equal((await add("north/ward-1", folder.config)).code, 65);
    assert.equal((await add("north/ward-1", join(folder.path, "absent"))).code, 65);
    assert.equal((await add("North/Ward", certificate)).code, 64);
  });

  test("[01] says usage errors with 64 and prints help and versions with 0", async () => {
    using folder = new ReceiverFolder();
    assert.equal((await folder.run("serve")).code, 64);
    assert.equal((await folder.run("nonsense")).code, 64);
    assert.equal((await folder.run("export", "--help")).code, 0);
    const version = await folder.run("version", "--json");
    assert.equal(JSON.parse(version.out).protocol, "holdfast.v1");
    assert.match((await folder.run("version")).out, /^holdfast-receiver \d/);
  });

  test("[01] names an unknown key, its line and column, and the nearest known one", async () => {
    using folder = new ReceiverFolder({ more: "trustDomian: example.org" });
    const { code, err } = await folder.run("serve", "--config", folder.config);
    assert.equal(code, 78);
    assert.match(
      err,
      /receiver\.yaml:4:1: unknown key 'trustDomian', did you mean 'trustDomain'\?/,
    );
  });

  test("[01] a port in use ends serve with 69 and one clear error with the remedy", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    assert.ok(typeof address === "object" && address !== null);
    using folder = new ReceiverFolder({ port: address.port });
    const { code, err, out } = await folder.run("serve", "--config", folder.config);
    other.close();
    assert.equal(code, 69);
    assert.equal(out, "");
    assert.match(err, new RegExp(`LISTEN_PORT_IN_USE port=${address.port}`));
    assert.match(err, /choose another listen\.port/);
    assert.equal(err.trimEnd().split("\n").length, 2);
  });

  test("[S3] a second serve on the same state ends with 75 and says so", async () => {
    using folder = new ReceiverFolder();
    await using served = await folder.serve();
    const { code, err } = await folder.run("serve", "--config", folder.config);
    assert.equal(code, 75);
    assert.match(err, /STORE_LOCKED/);
    assert.equal(await served.end("SIGTERM"), 0);
  });

  test("[01] files of the configuration that are missing or do not fit end serve with 78", async () => {
    using folder = new ReceiverFolder();
    const foreign = await issueForeign("north/ward-1");
    folder.write("server.key", foreign.privateKeyPem);
    const wrong = await folder.run("serve", "--config", folder.config);
    assert.equal(wrong.code, 78);
    assert.match(wrong.err, /TLS_FILE/);
    chmodSync(folder.path, 0o700);
    const absent = await folder.run("serve", "--config", join(folder.path, "absent.yaml"));
    assert.equal(absent.code, 78);
    assert.match(absent.err, /ENOENT/);
    assert.ok(existsSync(folder.config));
  });

  test("[S10] a socket that a killed receiver left does not stand in the way", async () => {
    using folder = new ReceiverFolder();
    {
      await using served = await folder.serve();
      await served.end("SIGKILL");
    }
    assert.ok(existsSync(join(folder.stateDir, "control.sock")));
    assert.deepEqual(await folder.export(), []);
    await using again = await folder.serve();
    assert.equal(await again.end("SIGINT"), 0);
  });
});
