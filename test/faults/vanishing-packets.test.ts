/** Packets vanish between agent and receiver, both ways and one way; no RST and no FIN tells of it (T-N02). */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { adt } from "#test/support/messages.ts";
import { Started, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { TwoNetworks } from "#test/support/two-networks.ts";
import { exported } from "./kill-rounds/oracle.ts";
import { TroubledPair } from "./troubled-pair.ts";

const AGENT = programFile("agent/main.ts");
const QUICK_RECEIVER = join(import.meta.dirname, "../support/quick-receiver.ts");
const HEARTBEAT_MS = 1_000;
/** Three heartbeats, one step between two looks, and a machine that is busy. */
const NOTICED_MS = 3 * HEARTBEAT_MS + 1_000 + 5_000;
const LOSSES = ["both", "up", "down"] as const;

function edit(file: string, from: string, to: string): void {
  const text = readFileSync(file, "utf8");
  assert.ok(text.includes(from));
  writeFileSync(file, text.replace(from, to));
}

/** The receiver gets an address of its own, and a certificate that names it. */
async function moveReceiver({ folder, pair }: TroubledPair, address: string): Promise<void> {
  edit(pair.agentConfig, "wss://127.0.0.1", `wss://${address}`);
  edit(pair.receiverConfig, "host: 127.0.0.1", `host: ${address}`);
  const ca = await createDevelopmentCa("Receiver of the test");
  const server = await ca.issueServer([address]);
  writeFileSync(join(folder, "receiver/tls/server.crt"), server.certificatePem);
  writeFileSync(join(folder, "receiver/tls/server.key"), server.privateKeyPem);
  writeFileSync(join(folder, "agent/identity/receiver-ca.crt"), ca.certificatePem);
}

/** How often the line of this event, or with this code, was written. */
const countOf = (text: string, { errors }: Started): number => errors.split(`"${text}"`).length - 1;

test("[T-N02] [TP26] packets vanish both ways, then each way: both ends notice within three heartbeats and reconnect, nothing is lost", {
  timeout: 120_000,
}, async (context) => {
  const made = TwoNetworks.make();
  if (typeof made === "string") return context.skip(made);
  using networks = made;
  using pair = await TroubledPair.make();
  await moveReceiver(pair, networks.receiverAddress);
  await using receiver = new Started([
    ...networks.through("receiver"),
    ...[process.execPath, QUICK_RECEIVER, pair.pair.receiverConfig, `${HEARTBEAT_MS}`],
  ]);
  await receiver.ready();
  await using agent = await pair.agent({ through: networks.through("agent") });
  const sent: string[] = [];
  const send = async (controlId: string): Promise<void> => {
    const file = join(pair.folder, controlId);
    writeFileSync(file, adt(controlId));
    await using sender = new Started([
      ...networks.through("agent"),
      ...[process.execPath, AGENT, "send", "--port", `${pair.port}`, file],
    ]);
    assert.deepEqual(await sender.ended, { code: 0, signal: null }, sender.errors);
    sent.push(controlId);
  };

  await pair.streaming();
  for (const direction of LOSSES) {
    await send(`BEFORE-${direction}`);
    await pair.drained();
    const before = {
      agent: countOf("tunnelLost", agent),
      receiver: countOf("agentDisconnected", receiver),
      silent: countOf("TUNNEL_SILENT", agent),
    };
    networks.lose(direction);
    const startMs = performance.now();
    await Promise.all([
      until(
        `the agent notices that packets vanish (${direction})`,
        () => countOf("tunnelLost", agent) > before.agent,
        NOTICED_MS,
      ),
      until(
        `the receiver notices that packets vanish (${direction})`,
        () => countOf("agentDisconnected", receiver) > before.receiver,
        NOTICED_MS,
      ),
      // In the dark: acknowledged here, and on its way there.
      send(`DURING-${direction}`),
    ]);
    context.diagnostic(`${direction}: ${Math.round(performance.now() - startMs)} ms`);
    // Where packets still come from the receiver, it is the receiver's end that tells the agent.
    if (direction !== "up") assert.ok(countOf("TUNNEL_SILENT", agent) > before.silent);
    assert.equal((await pair.status()).channels[0]?.waiting, 1, "it is kept");
    networks.mend();
    await pair.drained();
  }
  await send("AFTER");
  await pair.drained();
  const held: string[] = [];
  for await (const { controlId = "", gap } of exported(pair.pair.receiverConfig)) {
    held.push(gap ?? controlId);
  }
  assert.deepEqual(held, sent);
});
