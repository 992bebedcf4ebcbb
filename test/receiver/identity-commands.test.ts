import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseToken } from "#certs/token.ts";
import { keyIdOf, rawOf } from "#documents/public-key.ts";
import { signDocument } from "#documents/sign.ts";
import { addAgent, listAgents, listDenied } from "#receiver/cli/agent.ts";
import { createCa, importTrust } from "#receiver/cli/authority.ts";
import type { Output } from "#receiver/cli/output.ts";
import { ReceiverError } from "#receiver/errors.ts";
import { Applicant, EnrollingFolder } from "./support/enrolling-folder.ts";
import { RECEIVER_CA_PEM } from "./support/identities.ts";
import { knock } from "./support/knock.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const QUIET = { print: () => Promise.resolve(true) };

/** What a command prints. */
async function printed(command: (output: Output) => Promise<void>): Promise<string> {
  const lines: string[] = [];
  await command({ print: (text) => Promise.resolve(lines.push(text) > 0) });
  return lines.join("\n");
}

const SIGN = join(import.meta.dirname, "../../docs/examples/sign-agent.sh");

/** A folder whose configuration says nothing of a CA, or a program. */
function folderWith(ca: string): ReceiverFolder {
  const folder = new ReceiverFolder();
  folder.write("receiver-ca.pem", RECEIVER_CA_PEM);
  folder.write(
    "receiver.yaml",
    [
      "stateDir: state",
      "listen: { host: 127.0.0.1, port: 0 }",
      "tls:",
      "  { certificate: server.pem, key: server.key, agentCa: state/agent-ca.crt, ca: receiver-ca.pem }",
      `enrolment: { url: "https://localhost:8443", ${ca} }`,
    ].join("\n"),
  );
  return folder;
}

describe("commands for identities", () => {
  test("[07 1.4] [07 1.5] from a new CA to an enrolled agent, while serve runs", async () => {
    using folder = folderWith("");
    const config = ["--config", folder.config];
    const made = await folder.run("ca", "create", ...config);
    assert.deepEqual([made.code, made.err], [0, ""]);
    const key = join(folder.stateDir, "agent-ca.key");
    assert.equal(statSync(key).mode & 0o777, 0o600);
    const again = createCa(QUIET, { config: folder.config, name: "Again" });
    await assert.rejects(again, { code: "CA_EXISTS", exitCode: 73 });

    await using served = await folder.serve();
    const file = join(folder.path, "token");
    const added = await folder.run("agent", "add", "north/ward-1", "--out", file, ...config);
    assert.deepEqual([added.code, added.err], [0, ""]);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    // Its content is nowhere but there.
    assert.doesNotMatch(added.out, /holdfast1\./);
    const overIt = addAgent(QUIET, "north/w", { config: folder.config, out: file });
    await assert.rejects(overIt, { code: "TOKEN_FILE", exitCode: 73 });
    const parsed = parseToken(readFileSync(file, "utf8"));
    assert.ok(parsed.kind === "token");
    const { token } = parsed;
    assert.deepEqual(
      [token.url, token.tenant, token.agent],
      ["https://localhost:8443", "north", "ward-1"],
    );
    const hoursLeft = (Date.parse(token.expires) - Date.now()) / 3_600_000;
    assert.ok(hoursLeft > 23.9 && hoursLeft <= 24, `${hoursLeft}`);

    const list = () => printed((output) => listAgents(output, { config: folder.config }));
    assert.match(
      await list(),
      /^north\/ward-1 {2}no certificate {2}.* {2}token not used yet, valid/,
    );
    const applicant = await Applicant.create(served.port, token);
    await applicant.enrol();
    assert.match(await list(), new RegExp(`WAITS for confirmation with code ${applicant.code}`));
    const wrong = applicant.code === "000000" ? "000001" : "000000";
    const refused = await folder.run("agent", "confirm", "north/ward-1", wrong, ...config);
    assert.equal(refused.code, 65);
    assert.match(refused.err, /CONFIRM_CODE/);
    for (const slip of ["", applicant.code.slice(1), `${applicant.code}0`, "12e456"]) {
      const typed = await folder.run("agent", "confirm", "north/ward-1", slip, ...config);
      assert.equal(typed.code, 64);
      assert.match(typed.err, /CONFIRM_MALFORMED/);
    }
    // As the hospital's console shows it.
    const spaced = `${applicant.code.slice(0, 3)} ${applicant.code.slice(3)}`;
    const right = await folder.run("agent", "confirm", "north/ward-1", spaced, ...config);
    assert.equal(right.code, 0, right.err);
    assert.equal((await applicant.enrol()).status, 200);
    assert.equal((await knock(served.port, applicant.identity)).status, 101);
    assert.match(await list(), new RegExp(`^north/ward-1 {2}${applicant.serialHex} {2}`));
  });

  test("[G7] [07 1.6] the deny list and the count of recoveries, while serve runs", async () => {
    using folder = await EnrollingFolder.create();
    const config = ["--config", folder.config];
    await using receiver = await folder.open();
    const name = "north/ward-1";
    const { identity } = await folder.enrol(receiver.address.port, name);
    await assert.rejects(folder.deny(name, { serial: "xyz" }), { code: "DENY_SERIAL" });
    const denied = await folder.run("agent", "deny", name, "--device-key", ...config);
    assert.equal(denied.code, 0, denied.err);
    assert.equal((await knock(receiver.address.port, identity)).reason, "CERT_DENIED");
    const list = () => printed((output) => listDenied(output, { config: folder.config }));
    assert.match(await list(), /^deviceKey {2}[0-9a-f]{64} {2}since 20/);
    const undone = await folder.run("agent", "deny", name, "--device-key", "--undo", ...config);
    assert.equal(undone.code, 0, undone.err);
    assert.equal(await list(), "");
    const reset = await folder.run("agent", "reset-recovery", name, ...config);
    assert.equal(reset.code, 0, reset.err);
    await assert.rejects(folder.resetRecovery("north/ward-9"), { code: "AGENT_UNKNOWN" });
  });

  test("[07 1.3] serve refuses a CA that others may read, that the gate does not know, or that is none", async () => {
    using folder = folderWith("");
    await createCa(QUIET, { config: folder.config, name: "Agents" });
    const key = join(folder.stateDir, "agent-ca.key");
    const certificate = join(folder.stateDir, "agent-ca.crt");
    const pem = readFileSync(certificate, "utf8");
    const refused = (facts: object) =>
      assert.rejects(folder.open(), (error) => {
        assert.ok(error instanceof ReceiverError && error.exitCode === 78);
        assert.deepEqual({ code: error.code, ...error.facts }, facts);
        return true;
      });
    chmodSync(key, 0o640);
    await refused({ code: "CA_FILE", part: "exposed", error: "UNKNOWN" });
    chmodSync(key, 0o600);
    writeFileSync(certificate, RECEIVER_CA_PEM);
    await refused({ code: "CA_FILE", part: "pair", error: "UNKNOWN" });
    writeFileSync(certificate, pem);
    folder.write("receiver-ca.pem", pem);
    await refused({ code: "TLS_FILE", key: "tls.ca" });
  });

  test("[07 1.3] without tls.ca the configuration is refused where it says enrolment", async () => {
    using folder = folderWith("");
    const text = readFileSync(folder.config, "utf8").replace(", ca: receiver-ca.pem", "");
    folder.write("receiver.yaml", text);
    assert.throws(() => folder.open(), /tls\.ca|tls.*ca.*is needed with enrolment/s);
  });
});

describe("a CA elsewhere", () => {
  test("[07 1.3] docs/examples/sign-agent.sh issues the profile through openssl", async () => {
    await using place = await commandPlace("CA.crt CA.key");
    const { agent } = place;
    const reply = await place.enrolled();
    assert.equal(reply.status, 200, reply.text);
    assert.equal((await knock(place.port, agent.identity)).status, 101);
    const issued = await agent.renew();
    assert.equal(issued.status, 200);
    assert.ok(new X509Certificate(issued.renewed.certificatePem).checkIssued(place.ca));
  });

  const programs: readonly (readonly [what: string, script: string])[] = [
    ["fails", "exit 3"],
    ["is silent", "cat > /dev/null"],
    ["answers with what is no certificate", "echo hello"],
    ["answers with its own certificate", 'cat "$DIR/CA.crt"'],
    ["answers without end", "yes"],
    [
      "issues for ten years",
      'sed -i "s/-days 30/-days 3650/" "$DIR/sign.sh"; "$DIR/sign.sh" "$DIR/CA.crt" "$DIR/CA.key" "$@"',
    ],
    [
      "issues for the key of somebody else",
      'openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=x | "$DIR/sign.sh" "$DIR/CA.crt" "$DIR/CA.key" "$@"',
    ],
    [
      "issues in another name",
      '"$DIR/sign.sh" "$DIR/CA.crt" "$DIR/CA.key" CN=ward-2 spiffe://holdfast.local/tenant/north/agent/ward-2',
    ],
  ];
  for (const [what, script] of programs) {
    test(`[07 1.3] a program that ${what} enrols nobody: the door says to come later, the log why`, async () => {
      await using place = await commandPlace("", script);
      const reply = await place.enrolled();
      assert.equal(reply.status, 503);
      assert.match(String(reply.headers["retry-after"]), /^\d+$/);
      assert.ok(place.folder.logged.some(({ facts }) => facts["code"] === "CA_FAILED"));
      assert.equal(place.agent.certificatePem, "");
    });
  }
});

/** A receiver that asks a program, and an agent that was confirmed. */
async function commandPlace(args: string, script?: string) {
  const folder = await EnrollingFolder.create();
  const { certificatePem, privateKeyPem } = folder.caFiles;
  const write = (name: string, text: string): string => folder.write(name, text);
  const files = [write("CA.crt", certificatePem), write("CA.key", privateKeyPem)];
  const example = write("sign.sh", readFileSync(SIGN, "utf8"));
  const own = `#!/bin/sh\nDIR='${folder.path}'\n${script ?? ""}\n`;
  const program = script === undefined ? example : write("program.sh", own);
  for (const path of [example, program]) chmodSync(path, 0o700);
  const command = args === "" ? [program] : [program, ...files];
  const yaml = readFileSync(folder.config, "utf8");
  folder.write(
    "receiver.yaml",
    yaml.replace(/ca: \{ kind: embedded[^}]*\}/, `ca: { kind: command, command: [${command}] }`),
  );
  const receiver = await folder.open();
  const { port } = receiver.address;
  const agent = await Applicant.create(port, await folder.token("north/ward-1"));
  return {
    ...{ folder, agent, port, ca: new X509Certificate(certificatePem) },
    async enrolled() {
      await agent.enrol();
      await folder.confirm("north/ward-1", agent.code);
      return agent.enrol();
    },
    async [Symbol.asyncDispose]() {
      await receiver[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

describe("trust documents", () => {
  const keys = Array.from({ length: 8 }, () => generateKeyPairSync("ed25519").privateKey);
  const own = (from: number): KeyObject[] => keys.slice(from, from + 2);
  const trustOf = (version: number, signers: readonly KeyObject[], trustKeys = own(0)) => {
    const ids = (some: readonly KeyObject[]) => some.map((key) => keyIdOf(rawOf(key)));
    const others = keys.slice(4);
    const all = [...trustKeys, ...others];
    const hex = (key: KeyObject): string => Buffer.from(rawOf(key)).toString("hex");
    const payload = {
      ...{ version, tenant: "north", issuedAt: "2031-01-01T00:00:00Z", configEpoch: 1 },
      keys: Object.fromEntries(all.map((key) => [keyIdOf(rawOf(key)), hex(key)])),
      roles: {
        trust: { keyIds: ids(trustKeys), threshold: 2 },
        config: { keyIds: ids(others.slice(0, 2)), threshold: 2 },
        head: { keyIds: ids(others.slice(2, 3)), threshold: 1 },
        command: { keyIds: ids(others.slice(3, 4)), threshold: 1 },
      },
      receiverCas: [RECEIVER_CA_PEM],
      supportKey: "a".repeat(64),
    };
    return signDocument("trust", payload, [...signers]);
  };

  test("[EN8] are verified as an agent would, kept, and handed out at enrolment, oldest first", async () => {
    using folder = await EnrollingFolder.create();
    const config = ["--config", folder.config];
    const first = trustOf(1, own(0));
    const second = trustOf(2, [...own(0), ...own(2)], own(2));
    const files = [first, second].map((bytes, index) => {
      const path = join(folder.path, `trust-${index}.json`);
      writeFileSync(path, bytes);
      return path;
    });
    const out = await folder.run("trust", "import", ...files, ...config);
    assert.equal(out.code, 0, out.err);
    assert.match(out.out, /^north: trust document 1, SHA-256 [0-9a-f]{64}\nnorth: .* 2, SHA-256/);
    await using receiver = await folder.open();
    const agent = await folder.enrol(receiver.address.port, "north/ward-1");
    const { json } = await agent.enrol();
    const sent = json["trustChain"] as unknown[];
    assert.deepEqual(
      sent,
      [first, second].map((bytes) => JSON.parse(Buffer.from(bytes).toString("utf8"))),
    );
    // Another tenant's agents are given nothing of it.
    const other = await folder.enrol(receiver.address.port, "south/ward-1");
    assert.deepEqual((await other.enrol()).json["trustChain"], []);
  });

  test("[EN8] are refused where one does not follow on the other, or is another one", async () => {
    using folder = await EnrollingFolder.create();
    const file = join(folder.path, "trust.json");
    const imported = async (bytes: Uint8Array): Promise<string> => {
      writeFileSync(file, bytes);
      try {
        await importTrust(QUIET, [file], { config: folder.config });
        return "kept";
      } catch (error) {
        if (error instanceof ReceiverError) return error.code;
        throw error;
      }
    };
    assert.equal(await imported(Buffer.from("{}")), "TRUST_REFUSED");
    assert.equal(await imported(trustOf(1, own(0).slice(0, 1))), "TRUST_REFUSED");
    assert.equal(await imported(trustOf(1, own(0))), "kept");
    assert.equal(await imported(trustOf(3, own(0))), "TRUST_REFUSED");
    assert.equal(await imported(trustOf(2, own(2), own(2))), "TRUST_REFUSED");
    assert.equal(await imported(trustOf(1, own(2), own(2))), "TRUST_CONFLICT");
    assert.equal(await imported(trustOf(1, own(0))), "kept");
  });
});
