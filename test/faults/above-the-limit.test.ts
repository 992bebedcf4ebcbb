/** A message is larger than the agent's limit, or than the receiver's (T-I06). */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { adt, framed, largeAdt, sha256Of } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { exported } from "./kill-rounds/oracle.ts";
import { sendOnce } from "./mllp-sender.ts";
import { residentBytes, TroubledPair } from "./troubled-pair.ts";

const MAIN = programFile("agent/main.ts");
const MIB = 1024 * 1024;
const BLOCK_MAX_BYTES = 4 * MIB;
/** What the sender of one endless block would send, if it were let. */
const ENDLESS_BYTES = 1024 * MIB;
/** PF08: all that an agent may take with large messages under way. */
const MEMORY_MAX_BYTES = 300_000_000;
const RECEIVER_LIMIT_BYTES = 50_000;

const conditionsOf = async (pair: TroubledPair): Promise<string[]> =>
  (await pair.status()).conditions.map(({ condition }) => condition);

/** Control ids that the receiver holds, by channel, in order. */
async function heldBy(pair: TroubledPair): Promise<Record<string, string[]>> {
  const held: Record<string, string[]> = {};
  for await (const { channel, controlId, gap } of exported(pair.pair.receiverConfig)) {
    held[channel] ??= [];
    held[channel].push(gap ?? controlId ?? "");
  }
  return held;
}

/** A block that does not end. @returns how much of it went out before the connection was gone */
async function sendEndless(sender: MllpSocket): Promise<number> {
  const { socket } = sender;
  const part = Buffer.alloc(MIB, "x");
  await sender.send(`\x0b${adt("ENDLESS")}OBX|1|ED|||`);
  let bytes = 0;
  for (; bytes < ENDLESS_BYTES && !sender.isClosed; bytes += part.length) {
    socket.write(part);
    await until("it goes out", () => sender.isClosed || !socket.writableNeedDrain);
  }
  return bytes;
}

test("[T-I06] [F7] a block above maxBlockBytes: AR or hung up on, alarm, others flow, never acknowledged, in bounded memory", {
  skip: process.platform !== "linux" && "not tested: memory needs /proc",
  timeout: 60_000,
}, async () => {
  using pair = await TroubledPair.make({
    channelYaml: `    maxBlockBytes: ${BLOCK_MAX_BYTES}\n`,
    moreChannels: ["oru"],
  });
  await using _receiver = await pair.receiver();
  await using agent = await pair.agent();
  await using steady = await MllpSocket.open(pair.port);
  await steady.send(framed(adt("A1")));
  assert.deepEqual(await steady.acknowledged(1), ["AA A1"]);

  await using over = await MllpSocket.open(pair.port);
  await over.send("\x0b", largeAdt("OVER", BLOCK_MAX_BYTES + MIB), "\x1c\r");
  assert.deepEqual(await over.acknowledged(1), ["AR OVER"]);
  await over.closed();
  assert.ok((await conditionsOf(pair)).includes("messageTooLarge"));

  await using endless = await MllpSocket.open(pair.port);
  const sentBytes = await sendEndless(endless);
  assert.ok(sentBytes < ENDLESS_BYTES, "it was hung up on");
  assert.equal(endless.received, "");

  await steady.send(framed(adt("A2")));
  assert.deepEqual(await steady.acknowledged(2), ["AA A1", "AA A2"]);
  const oru = await sendOnce(pair.pair.ports["oru"] ?? 0, Buffer.from(adt("O1")));
  assert.deepEqual(oru, { kind: "accepted", controlId: "O1" });
  await until(
    "all is at the receiver",
    async () => (await pair.status()).channels.every(({ waiting }) => waiting === 0),
    30_000,
  );
  assert.deepEqual(await heldBy(pair), { adt: ["A1", "A2"], oru: ["O1"] });
  const bytes = residentBytes(agent, "VmHWM");
  assert.ok(bytes < MEMORY_MAX_BYTES, `${bytes} bytes`);
});

test("[T-I06] [TP30] a message above the receiver's messageLimitBytes: kept, alarm, others flow, and it arrives once the limit is raised", {
  timeout: 60_000,
}, async () => {
  using pair = await TroubledPair.make({
    moreChannels: ["oru"],
    receiverYaml: `messageLimitBytes: ${RECEIVER_LIMIT_BYTES}\n`,
  });
  const { receiverConfig, ports } = pair.pair;
  const send = async (channel: string, controlId: string, bytes?: number): Promise<void> => {
    const message = bytes === undefined ? Buffer.from(adt(controlId)) : largeAdt(controlId, bytes);
    const answer = await sendOnce(ports[channel] ?? 0, message);
    assert.deepEqual(answer, { kind: "accepted", controlId });
  };
  {
    await using receiver = await pair.receiver();
    await using agent = await pair.agent();
    await send("adt", "A1");
    await send("adt", "A2", RECEIVER_LIMIT_BYTES + 1);
    await send("adt", "A3");
    await until("the alarm is open", async () =>
      (await conditionsOf(pair)).includes("channelHeld"),
    );
    await send("oru", "O1", RECEIVER_LIMIT_BYTES);
    await until(
      "the other channel is empty",
      async () => (await pair.status()).channels[1]?.waiting === 0,
    );
    const [held] = (await pair.status()).channels;
    assert.deepEqual([held?.lastSeq, held?.ackedSeq, held?.waiting], [3, 1, 2]);
    assert.deepEqual(await heldBy(pair), { adt: ["A1"], oru: ["O1"] });
    assert.deepEqual(await agent.end("SIGTERM"), { code: 0, signal: null });
    await receiver.end("SIGTERM");
  }
  const yaml = readFileSync(receiverConfig, "utf8");
  writeFileSync(receiverConfig, yaml.replace(String(RECEIVER_LIMIT_BYTES), String(MIB)));
  await using _receiver = await pair.receiver();
  await using _agent = await pair.agent();
  await pair.drained();
  assert.deepEqual(await heldBy(pair), { adt: ["A1", "A2", "A3"], oru: ["O1"] });
  assert.deepEqual(
    (await conditionsOf(pair)).filter((name) => name === "channelHeld"),
    [],
  );
});

test("[T-I06] [TP30, TP31] onReceiverReject: quarantine: the channel goes on, both ends say what is missing, and a release brings it", {
  timeout: 60_000,
}, async () => {
  using pair = await TroubledPair.make({
    channelYaml: "    onReceiverReject: quarantine\n",
    receiverYaml: `messageLimitBytes: ${RECEIVER_LIMIT_BYTES}\n`,
  });
  const { receiverConfig, agentConfig, mllp } = pair.pair;
  const holdfast = async (...args: readonly string[]): Promise<string> => {
    const all = [MAIN, ...args, "--config", agentConfig];
    return (await promisify(execFile)(process.execPath, all)).stdout;
  };
  const whole: Record<string, Buffer> = {
    A1: Buffer.from(adt("A1")),
    A2: largeAdt("A2", RECEIVER_LIMIT_BYTES + 1),
    A3: Buffer.from(adt("A3")),
    A4: largeAdt("A4", 2 * MIB),
    A5: Buffer.from(adt("A5")),
  };
  await using _agent = await pair.agent();
  {
    await using receiver = await pair.receiver();
    for (const [controlId, message] of Object.entries(whole)) {
      const answer = await sendOnce(mllp.port, message);
      assert.deepEqual(answer, { kind: "accepted", controlId });
    }
    await pair.drained();
    assert.deepEqual(await heldBy(pair), {
      adt: ["A1", "A3", "A5", "quarantined", "quarantined"],
    });
    assert.match(await holdfast("trace", "A4"), /refused: in quarantine/);
    await receiver.end("SIGTERM");
  }
  const yaml = readFileSync(receiverConfig, "utf8");
  writeFileSync(receiverConfig, yaml.replace(String(RECEIVER_LIMIT_BYTES), String(4 * MIB)));
  await using _receiver = await pair.receiver();
  const list = JSON.parse(await holdfast("quarantine", "list", "--json")) as { id: number }[];
  const ids = list.map(({ id }) => String(id)).sort();
  await holdfast("quarantine", "release", ...ids);
  await pair.drained();
  const held = await heldBy(pair);
  const messages = held["adt"]?.filter((one) => one !== "quarantined");
  assert.deepEqual(messages, ["A1", "A3", "A5", "A2", "A4"]);
  for await (const { controlId, sha256 } of exported(receiverConfig)) {
    const message = whole[controlId ?? ""];
    if (message !== undefined) assert.equal(sha256, sha256Of(message), controlId ?? "");
  }
});
