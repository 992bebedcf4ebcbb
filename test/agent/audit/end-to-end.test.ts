/** From a token to a head that the receiver has verified, and back to the agent that it is held against: both programs. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { askLocal } from "#agent/host/local-socket.ts";
import { enrolPair } from "#scripts/enrol-pair.ts";
import { makePair } from "#scripts/make-pair.ts";
import { startAgent, startReceiver, until } from "#test/support/processes.ts";
import { type ProgramMain, programFile } from "#test/support/programs.ts";

function run(program: ProgramMain, ...args: readonly string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [programFile(program), ...args], {
    encoding: "utf8",
  });
  return { stdout, stderr, status };
}

test("[A01, U21] an enrolled agent's heads are verified at the receiver, and held against its audit", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-heads-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const pair = await makePair({ folder, enrolling: true });
  const stateDir = join(folder, "agent/state");
  await using receiver = startReceiver(pair.receiverConfig);
  await receiver.ready();
  await enrolPair(pair, () => {});
  await using agent = startAgent(pair.agentConfig);
  await agent.ready();
  await askLocal(stateDir, { ask: "statusSigned" });
  const heads = () =>
    run(
      "receiver/main.ts",
      "agent",
      "heads",
      "demo/hospital",
      "--json",
      "--config",
      pair.receiverConfig,
    );
  let lines: { isVerified: boolean; envelope: string; generation: number }[] = [];
  await until("the head is at the receiver", () => {
    const { stdout } = heads();
    lines = stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    return lines.length > 0;
  });
  assert.deepEqual([lines[0]?.isVerified, lines[0]?.generation], [true, 1]);
  const file = join(folder, "heads");
  writeFileSync(
    file,
    run("receiver/main.ts", "agent", "heads", "demo/hospital", "--config", pair.receiverConfig)
      .stdout,
  );
  const verified = run(
    "agent/main.ts",
    "audit",
    "verify",
    "--head",
    file,
    "--config",
    pair.agentConfig,
  );
  assert.deepEqual([verified.status, verified.stderr], [0, ""]);
  assert.ok(readdirSync(join(stateDir, "trust")).some((name) => name.startsWith("marks-")));
  assert.equal((await agent.end("SIGTERM")).code, 0);
  assert.doesNotMatch(receiver.errors, /headRefused|agentWentBack/);
});
