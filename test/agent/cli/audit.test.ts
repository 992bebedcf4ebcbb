/** What is recorded of a running agent, and how a person reads and checks it (08 6). */
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Agent } from "#agent/agent.ts";
import type { AuditEntry } from "#agent/audit/entry.ts";
import { readHeads } from "#agent/audit/read-heads.ts";
import type { AuditLine } from "#agent/audit-desk.ts";
import { question } from "#agent/cli/question.ts";
import { askLocal } from "#agent/host/local-socket.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { loadLocalConfig } from "#config/local.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { framed, message } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { Started } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { AGENT, newDeviceKey, TENANT } from "#test/support/test-trust.ts";

const MAIN = programFile("agent/main.ts");
const SECRET = "DOE^JOHN";

interface Ran {
  readonly out: string;
  readonly errors: string;
  readonly code: number | null;
}

async function run(...args: readonly string[]): Promise<Ran> {
  await using command = new Started([process.execPath, MAIN, ...args]);
  let out = "";
  command.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  const { code } = await command.ended;
  return { out, errors: command.errors, code };
}

describe("a running agent", () => {
  let folder: AgentFolder;
  let agent: Started;
  /** What the agent has recorded, read as a command reads it. */
  const entries = async (): Promise<AuditEntry[]> => {
    const asked = { ask: "auditPage", afterSeq: 0, limit: 500 };
    const lines = (await question(folder.stateDir, asked)) as AuditLine[];
    return lines.map(({ base64 }) => JSON.parse(Buffer.from(base64, "base64").toString("utf8")));
  };

  before(async () => {
    folder = await AgentFolder.make();
    agent = await folder.start();
    await using sender = await MllpSocket.open(folder.port);
    const bad = `${message({ 9: "", 10: "Q1" })}NTE|1||${SECRET}\r`;
    await sender.send(framed(bad));
    await sender.replies(1);
  });
  after(async () => {
    await agent.end("SIGKILL");
    folder[Symbol.dispose]();
  });

  test("[A01] records its start with the digest of its configuration", async () => {
    const [started, policy, ...more] = await entries();
    assert.deepEqual([started?.seq, started?.action], [1, "agent.started"]);
    assert.deepEqual([policy?.action, policy?.reason], ["policy.changed", "first"]);
    assert.match(policy?.subject ?? "", /^[0-9a-f]{64}$/);
    assert.deepEqual(more, []);
  });

  test("[A01] records who showed, released and discarded, as claimed, before it is done; never content", async () => {
    const { stateDir } = folder;
    await question(stateDir, { ask: "quarantineShow", id: 1, from: 0, maxBytes: 4_096 });
    await question(stateDir, { ask: "quarantineList", beforeId: 9 });
    await question(stateDir, { ask: "quarantineDiscard", ids: [1] });
    const release = question(stateDir, { ask: "quarantineRelease", id: 1 });
    await assert.rejects(release, { code: "QUARANTINE_UNKNOWN" });
    await question(stateDir, { ask: "trace", controlId: "Q1" });
    const recorded = (await entries()).slice(2);
    assert.deepEqual(
      recorded.map(({ action, subject, decision }) => [action, subject, decision]),
      [
        ["quarantine.show", "block 1", undefined],
        ["quarantine.discard", "blocks 1", undefined],
        ["quarantine.release", "block 1", undefined],
        ["quarantine.release", "block 1", "failed"],
        ["message.trace", undefined, undefined],
      ],
    );
    const local = { kind: "local", id: userInfo().username, claimed: true };
    for (const { actor } of recorded) assert.deepEqual(actor, local);
    assert.equal(recorded[3]?.reason, "QUARANTINE_UNKNOWN");
    const text = JSON.stringify(await entries());
    for (const secret of [SECRET, "Q1"]) assert.ok(!text.includes(secret), secret);
  });

  test("[A03] a hostile name of a caller stands on one line, in ASCII", async () => {
    const by = '\r\n\u001b[2J"}forged\u2028';
    await askLocal(folder.stateDir, { ask: "rekey", by });
    const { out } = await run("audit", "show", "--config", folder.config, "--limit", "1");
    assert.match(out, /^[\x20-\x7e\n]+$/);
    assert.equal(out.trimEnd().split("\n").length, 2);
    assert.equal((await entries()).at(-1)?.actor.id, by);
  });

  test("[A01] shows since a time", async () => {
    const shown = async (since: string) =>
      JSON.parse(
        (await run("audit", "show", "--json", "--since", since, "--config", folder.config)).out,
      );
    assert.deepEqual(await shown("2100-01-01"), []);
    assert.deepEqual(await shown("2020-01-01"), await entries());
  });

  test("[A01] verifies; a head cannot be held against an agent without a device key", async () => {
    const good = await run("audit", "verify", "--config", folder.config);
    assert.deepEqual([good.code, /is what was written/.test(good.out)], [0, true]);
    const file = join(folder.path, "head");
    writeFileSync(file, "{}");
    const none = await run("audit", "verify", "--head", file, "--config", folder.config);
    assert.deepEqual([none.code, /DEVICE_KEY_ABSENT/.test(none.errors)], [78, true]);
  });

  test("[A01] a changed local.yaml and a stop are recorded", async () => {
    await agent.end("SIGTERM");
    const before = readFileSync(folder.config);
    appendFileSync(folder.config, "# another comment\n");
    agent = await folder.start();
    const all = await entries();
    const from = all.findIndex(({ action }) => action === "agent.stopped");
    const [, started, policy] = all.slice(from);
    assert.deepEqual([started?.action, policy?.action], ["agent.started", "policy.changed"]);
    assert.match(policy?.reason ?? "", /^was [0-9a-f]{64}$/);
    writeFileSync(folder.config, before);
  });
});

describe("an agent with a device key", () => {
  test("[A01] sends signed heads on $status; verify holds them against the audit, and finds a wrong one", async () => {
    using folder = await AgentFolder.make();
    const key = newDeviceKey();
    const device = { key, tenant: TENANT, agent: AGENT, generation: () => 3 };
    const config = loadLocalConfig(folder.config);
    await using agent = await Agent.open({ config, version: "1.2.3", log: silentLog, device });
    const reply = (await askLocal(folder.stateDir, { ask: "statusSigned" })) as { answer: string };
    const file = join(folder.path, "head.json");
    writeFileSync(file, reply.answer);
    const signer = { raw: key.raw, tenant: TENANT, agent: AGENT };
    assert.equal(readHeads(reply.answer, signer).heads[0]?.auditSeq, 1);
    const good = await run("audit", "verify", "--head", file, "--config", folder.config);
    assert.deepEqual([good.code, good.errors], [0, ""]);
    assert.match(good.out, /What came behind entry 1 is held against nothing/);
    const status = await agent.status();
    assert.deepEqual(
      status.channels.map(({ name }) => name),
      ["adt"],
      "it is no channel of the hospital",
    );
    writeFileSync(file, reply.answer.replace(/"payload":"(.{20})./, '"payload":"$1A'));
    const bad = await run("audit", "verify", "--head", file, "--config", folder.config);
    assert.equal(bad.code, 65);
    assert.match(bad.out, /1 heads are not signed by this agent's device key/);
    // What a command that failed left behind: not a word in it may pass for "good".
    for (const nothing of ["", "\n\n"]) {
      writeFileSync(file, nothing);
      const empty = await run("audit", "verify", "--head", file, "--config", folder.config);
      assert.equal(empty.code, 65);
      assert.match(empty.out, /or are none\n[\s\S]*NOT GOOD/);
    }
  });
});
