/** Packets vanish, and nothing is quicker than in a hospital: the heartbeat that `serve` has (T-N02). */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { HEARTBEAT_MS } from "#protocol/limits.ts";
import { adt } from "#test/support/messages.ts";
import { Started, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { TwoNetworks } from "#test/support/two-networks.ts";
import { exported } from "./kill-rounds/oracle.ts";
import { moveReceiver } from "./moved-receiver.ts";
import { TroubledPair } from "./troubled-pair.ts";

const AGENT = programFile("agent/main.ts");
/** 10 T-N02: 30 s; one step between two looks, and a machine that is busy. */
const NOTICED_MS = 3 * HEARTBEAT_MS + 1_000 + 3_000;

test("[T-N02] [TP26] packets vanish both ways from agent and receiver as they ship: both notice within 30 s and meet again", {
  timeout: 120_000,
}, async (context) => {
  assert.equal(3 * HEARTBEAT_MS, 30_000);
  const made = TwoNetworks.make();
  if (typeof made === "string") return context.skip(made);
  using networks = made;
  using pair = await TroubledPair.make();
  await moveReceiver(pair, networks.receiverAddress);
  await using receiver = await pair.receiver({ through: networks.through("receiver") });
  await using agent = await pair.agent({ through: networks.through("agent") });
  const send = async (controlId: string): Promise<void> => {
    const file = join(pair.folder, controlId);
    writeFileSync(file, adt(controlId));
    await using sender = new Started([
      ...networks.through("agent"),
      ...[process.execPath, AGENT, "send", "--port", `${pair.port}`, file],
    ]);
    assert.deepEqual(await sender.ended, { code: 0, signal: null }, sender.errors);
  };

  await pair.streaming();
  await send("BEFORE");
  await pair.drained();
  networks.lose("both");
  const startMs = performance.now();
  const noticed = async (who: string, event: string, at: Started): Promise<number> => {
    await until(`${who} notices`, () => at.errors.includes(`"${event}"`), NOTICED_MS);
    return performance.now() - startMs;
  };
  const [agentMs, receiverMs] = await Promise.all([
    noticed("the agent", "TUNNEL_SILENT", agent),
    noticed("the receiver", "agentDisconnected", receiver),
    // In the dark: acknowledged here, and on its way there.
    send("DURING"),
  ]);
  context.diagnostic(`agent ${Math.round(agentMs)} ms, receiver ${Math.round(receiverMs)} ms`);
  assert.equal((await pair.status()).channels[0]?.waiting, 1, "it is kept");
  networks.mend();
  await pair.drained(60_000);
  const held: string[] = [];
  for await (const { controlId = "", gap } of exported(pair.pair.receiverConfig)) {
    held.push(gap ?? controlId);
  }
  assert.deepEqual(held, ["BEFORE", "DURING"]);
});
