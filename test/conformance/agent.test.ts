/** The runner against our own agent: a process with its store, only its clock goes faster. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Started } from "#test/support/processes.ts";
import { conformance, PairFolder } from "./runs.ts";

const CLOCK_RATE = "10";
const QUICK_AGENT = join(import.meta.dirname, "quick-agent.ts");

test("[TP40] our agent conforms: no scenario fails, none is skipped", async () => {
  using folder = await PairFolder.make();
  const { receiver, agentConfig, mllp } = folder.pair;
  await using agent = new Started([process.execPath, QUICK_AGENT, agentConfig, CLOCK_RATE]);
  await agent.ready();
  const { code, out, lines } = await conformance(
    ...["--agent-port", new URL(receiver).port, "--identity", folder.serverIdentity],
    ...["--mllp", `${mllp.host}:${mllp.port}`, "--clock-rate", CLOCK_RATE],
  );
  assert.deepEqual(
    lines.filter((line) => !line.startsWith("ok ")),
    [],
    out,
  );
  assert.ok(lines.length > 30, out);
  assert.equal(code, 0);
  assert.ok(agent.isRunning, "the agent is still there");
});
