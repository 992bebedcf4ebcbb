/** More peers than the process may have descriptors (T-L05). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { largeAdt } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import { inspectStore } from "./stored-messages.ts";
import { descriptorCount, TroubledPair } from "./troubled-pair.ts";

const LIMIT = 64;
const PEERS = 80;
const LATE_PEERS = 20;
const MESSAGES_EACH = 15;
/** All of them together go round the write-ahead log more than once. */
const BODY_BYTES = 16 * 1_024;
const ASKED = 20;

const block = (controlId: string): Buffer =>
  Buffer.concat([Buffer.of(0x0b), largeAdt(controlId, BODY_BYTES), Buffer.of(0x1c, 0x0d)]);

/** Sends one message. @returns whether it was acknowledged; if not, the connection is closed */
async function isServed(peer: MllpSocket, controlId: string, replies: number): Promise<boolean> {
  await peer.send(block(controlId));
  const found = await peer.acknowledged(replies).catch((error: Error) => {
    if (!error.message.startsWith("closed")) throw error;
    return undefined;
  });
  if (found === undefined) return false;
  assert.equal(found.at(-1), `AA ${controlId}`);
  return true;
}

const skip =
  spawnSync("prlimit", ["--version"]).status !== 0 &&
  "not tested: too few descriptors; prlimit is not installed";
const through = ["prlimit", `--nofile=${LIMIT}`];
const channelYaml = "    maxConnections: 200\n";

test("[T-L05] [E6] [S9] 100 peers, 64 descriptors: who has one is served, the store goes on, all recovers when some close", {
  skip,
  timeout: 60_000,
}, async () => {
  using pair = await TroubledPair.make({ channelYaml });
  const acknowledged: string[] = [];
  await using agent = await pair.agent({ through });
  {
    // The key of this store and the ballast are made: both are files.
    await using first = await MllpSocket.open(pair.port);
    assert.ok(await isServed(first, "FIRST", 1));
    acknowledged.push("FIRST");
    await until("the ballast is held", async () => (await pair.status()).store.ballastHeld);
  }
  {
    await using stack = new AsyncDisposableStack();
    const open = async (): Promise<MllpSocket> => stack.use(await MllpSocket.open(pair.port));
    const peers = await Promise.all(Array.from({ length: PEERS }, open));
    const first = await Promise.all(peers.map((peer, index) => isServed(peer, `P${index}.0`, 1)));
    const served = peers.filter((_, index) => first[index]);
    acknowledged.push(...served.map((peer) => `P${peers.indexOf(peer)}.0`));
    assert.ok(served.length > 0 && served.length < PEERS, `${served.length} are served`);
    assert.ok(descriptorCount(agent) >= LIMIT - 2, "there is none left");
    for (let number = 1; number < MESSAGES_EACH; number++) {
      await Promise.all(
        served.map(async (peer) => {
          const controlId = `P${peers.indexOf(peer)}.${number}`;
          assert.ok(await isServed(peer, controlId, number + 1), "who has one keeps it");
          acknowledged.push(controlId);
        }),
      );
    }
    // One or two may be left: a file is open for a moment, now and then.
    let refused = 0;
    for (let late = 0; late < LATE_PEERS; late++) {
      if (await isServed(await open(), `L${late}`, 1)) acknowledged.push(`L${late}`);
      else refused += 1;
    }
    assert.ok(refused >= LATE_PEERS / 2, `${refused} are hung up on`);
    // Nobody can be answered now; that must not end the process either.
    for (let asked = 0; asked < ASKED; asked++) await pair.status().catch(() => undefined);
    assert.ok(agent.isRunning, agent.errors);
    const last = served[0];
    assert.ok(last !== undefined && (await isServed(last, "LAST", MESSAGES_EACH + 1)));
    acknowledged.push("LAST");
  }
  const answers = (): Promise<boolean> =>
    pair.status().then(
      () => true,
      () => false,
    );
  await until("commands are answered again", answers);
  await using fresh = await MllpSocket.open(pair.port);
  assert.ok(await isServed(fresh, "FRESH", 1));
  acknowledged.push("FRESH");
  assert.deepEqual(await agent.end("SIGTERM"), { code: 0, signal: null });
  const { bodies, reasons } = inspectStore(pair.stateDir);
  assert.deepEqual(reasons, []);
  assert.deepEqual([...bodies.keys()].toSorted(), acknowledged.toSorted());
});

test("[T-L05] [S9] no descriptor is left when the store needs a new key: messages wait or are refused, the agent stays", {
  skip,
  timeout: 60_000,
}, async () => {
  using pair = await TroubledPair.make({ channelYaml });
  await using agent = await pair.agent({ through });
  {
    await using stack = new AsyncDisposableStack();
    const open = async (): Promise<MllpSocket> => stack.use(await MllpSocket.open(pair.port));
    const peers = await Promise.all(Array.from({ length: PEERS }, open));
    await until("there is none left", () => descriptorCount(agent) >= LIMIT - 1);
    // The first message after a start is sealed with a new key.
    await Promise.all(peers.map((peer, index) => isServed(peer, `P${index}.0`, 1)));
  }
  const ended = await Promise.race([agent.ended, pause(2_000)]);
  assert.equal(ended, undefined, "it stays");
  const takesMessages = async (): Promise<boolean> => {
    await using peer = await MllpSocket.open(pair.port);
    return await isServed(peer, "FRESH", 1);
  };
  // The port is closed meanwhile, as for a store that cannot store (03 E1).
  await until("it takes messages again", () => takesMessages().catch(() => false), 30_000);
  assert.deepEqual(await agent.end("SIGTERM"), { code: 0, signal: null });
});
