import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { agentStatus, Started, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";

const MAIN = programFile("agent/main.ts");

test("[S12] [S13] [S14] status shows budget, free space, retention, log and ballast, as JSON and as text", async () => {
  using folder = await AgentFolder.make({
    agentYaml: "diskBudgetBytes: 300000000\nretainHours: 12\n",
  });
  await using agent = await folder.start();
  const store = async (): Promise<Record<string, unknown>> => {
    const status = (await agentStatus(folder.config)) as unknown as {
      store: Record<string, unknown>;
    };
    return status.store;
  };
  await until("the ballast is there", async () => (await store())["ballastHeld"] === true);
  const { usedBytes, usedPercent, freeBytes, walBytes, ...shown } = await store();
  assert.ok(Number(usedBytes) > 10_000 && Number(usedBytes) < 1_000_000);
  assert.equal(usedPercent, 0);
  assert.ok(Number(freeBytes) > 1_000_000);
  assert.ok(Number(walBytes) >= 0);
  assert.equal(shown["budgetBytes"], 300_000_000);
  assert.equal(shown["retainHours"], 12);
  assert.equal(shown["ballastBytes"], 1_048_576);
  // What the agent says of itself comes first (06 TP35).
  const said = async () => String((await store())["oldestRetainedAt"] ?? "");
  await until("something is retained", async () => (await said()) !== "");
  const command = [process.execPath, MAIN, "status", "--config", folder.config];
  await using asked = new Started(command);
  let text = "";
  asked.child.stdout?.on("data", (part) => {
    text += part;
  });
  await asked.ended;
  assert.match(
    text,
    /^room: [\d.]+ kB of 300\.0 MB \(0 %\), [\d.]+ GB free on the disk, ballast of 1\.0 MB held$/m,
  );
  assert.ok(text.includes(`\nretained: 12 h, oldest ${await said()}\n`), text);
  await agent.end("SIGTERM");
});
