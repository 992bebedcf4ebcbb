import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { askLocal } from "#agent/host/local-socket.ts";
import type { AgentLine } from "#receiver/agent-line.ts";
import { freePort } from "#scripts/free-port.ts";
import { framed, message } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { Started, startAgent, startReceiver, until } from "#test/support/processes.ts";
import { type Edit, PlantedCopy } from "./planted-copy.ts";
import { TroubledPair, type TroubledStatus } from "./troubled-pair.ts";

/** Two copies take minutes to be found, because each stays away after FENCED (06 TP27): here, seconds. */
const STICKY_SECONDS: readonly Edit[] = [
  ["STICKY_MIN_MS = 150_000;", "STICKY_MIN_MS = 500;"],
  ["STICKY_MAX_MS = 300_000;", "STICKY_MAX_MS = 1_000;"],
  ["FIRST_DELAY_MAX_MS = 30_000;", "FIRST_DELAY_MAX_MS = 500;"],
].map(([search = "", replacement = ""]) => ({ file: "agent/limits.ts", search, replacement }));

const AGENT = "demo/hospital";

async function statusOf(folder: string): Promise<TroubledStatus> {
  const reply = await askLocal(join(folder, "agent/state"), { ask: "status" });
  return (reply as { readonly answer: TroubledStatus }).answer;
}

/** Sends one message and waits for its AA. */
async function deliver(port: number, controlId: string): Promise<void> {
  await using sender = await MllpSocket.open(port);
  await sender.send(framed(message({ 10: controlId })));
  await until(`${controlId} is acknowledged`, () =>
    sender.received.includes(`MSA|AA|${controlId}`),
  );
}

async function receiverSays(root: string, ...args: readonly string[]): Promise<string> {
  await using asked = new Started([process.execPath, join(root, "receiver/main.ts"), ...args]);
  return await asked.ready();
}

/** The folder of a pair whose agent has run, and a copy of that agent on a port of its own. */
async function clone(
  pair: TroubledPair,
): Promise<{ folder: string; port: number; config: string }> {
  const folder = join(pair.folder, "clone");
  mkdirSync(folder);
  // With the modes of keys and folders, which `cpSync` does not keep.
  execFileSync("cp", ["-a", join(pair.folder, "agent"), folder]);
  const port = await freePort();
  const config = join(folder, "agent/local.yaml");
  const yaml = readFileSync(config, "utf8");
  writeFileSync(config, yaml.replace(`port: ${pair.port}`, `port: ${port}`));
  return { folder, port, config };
}

test("[T-C08] [TP33] two machines with one certificate: both stop, the alarm is raised, both go on taking messages, and one drains after unlock", async () => {
  using tree = new PlantedCopy(STICKY_SECONDS);
  using pair = await TroubledPair.make();
  const { receiverConfig, agentConfig } = pair.pair;
  await using receiver = startReceiver(receiverConfig, tree.root);
  await receiver.ready();
  {
    await using agent = startAgent(agentConfig, undefined, tree.root);
    await agent.ready();
    await deliver(pair.port, "BEFORE");
    await pair.drained();
    await agent.end("SIGTERM");
  }
  const copy = await clone(pair);
  await using one = startAgent(agentConfig, undefined, tree.root);
  await one.ready();
  await using other = startAgent(copy.config, undefined, tree.root);
  await other.ready();

  const listed = async (): Promise<AgentLine> =>
    JSON.parse(
      await receiverSays(tree.root, "agent", "list", "--json", "--config", receiverConfig),
    ) as AgentLine;
  const isBarred = async (folder: string): Promise<boolean> => {
    const { tunnel, conditions } = await statusOf(folder);
    return (
      tunnel.state === "sticky" && conditions.some(({ condition }) => condition === "tunnelDown")
    );
  };
  await until("the agent is locked", async () => (await listed()).lockedAt !== null, 60_000);
  assert.match(receiver.errors, /"message":"agentLocked"/);
  for (const folder of [pair.folder, copy.folder]) {
    await until("a copy has stopped and says so", () => isBarred(folder), 30_000);
  }

  await deliver(pair.port, "ONE");
  await deliver(copy.port, "OTHER");
  for (const folder of [pair.folder, copy.folder]) {
    assert.equal((await statusOf(folder)).channels[0]?.waiting, 1, "taken, and kept");
  }
  await other.end("SIGTERM");
  await receiverSays(tree.root, "agent", "unlock", AGENT, "--config", receiverConfig);
  await pair.drained(60_000);
  const exported = receiverSays(tree.root, "export", "--body", "--config", receiverConfig);
  assert.match(await exported, /"body"/);
  await one.end("SIGTERM");
});
