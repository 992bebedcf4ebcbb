import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Agent } from "#agent/agent.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { loadLocalConfig } from "#config/local.ts";
import { makePair } from "#scripts/make-pair.ts";
import { issueAgent, RECEIVER_CA_PEM } from "#test/receiver/support/identities.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import { listenerOn } from "#test/support/running-stage.ts";

test("[07 2.10] a new channel's messages leave on the connection that there is; a removed one's go on leaving", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-upward-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const pair = await makePair({ folder });
  const config = loadLocalConfig(pair.agentConfig);
  const { certificatePem, privateKeyPem } = await issueAgent("demo/hospital");
  const { identity } = config;
  assert.ok(identity !== undefined);
  writeFileSync(identity.certificate, certificatePem);
  writeFileSync(identity.key, privateKeyPem);
  writeFileSync(identity.receiverCa, RECEIVER_CA_PEM);
  await using receiver = await FakeReceiver.open();
  const { href: url } = receiver.url;
  await using agent = await Agent.open({
    config: { ...config, receiver: { ...config.receiver, url } },
    ...{ version: "0", log: silentLog },
  });
  const connection = await receiver.connection();
  await connection.welcome();
  const first = await connection.opened();
  assert.deepEqual([first.channel, first.stream], ["adt", 1]);
  // What the agent says of itself goes up there (06 TP35).
  const own = await connection.opened();
  assert.deepEqual([own.channel, own.stream], ["$status", 3]);
  const { running } = agent;
  const lab = "lab";
  const withLab = { ...running.set, channels: [...running.set.channels, listenerOn(lab, 0)] };
  assert.equal((await running.apply(withLab)).kind, "applied");
  const second = await connection.opened();
  assert.deepEqual([second.channel, second.stream, second.priority], [lab, 5, 1]);
  const port = agent.channels.find(({ name }) => name === lab)?.port;
  assert.ok(port !== undefined);
  await using socket = await MllpSocket.open(port);
  await socket.send(framed(adt("L1")));
  assert.deepEqual(await socket.acknowledged(1), ["AA L1"]);
  await until("it has come", () => connection.arrivedSeqs.length === 1);
  connection.ack(1n, 5);
  const statusOfLab = async () => (await agent.status()).channels.find(({ name }) => name === lab);
  await until("it is settled", async () => (await statusOfLab())?.ackedSeq === 1n);
  // Another priority: OPEN says so, and what was not acked is sent again.
  const urgent = {
    ...withLab,
    channels: [...running.set.channels.slice(0, 1), listenerOn(lab, 0, { priority: "urgent" })],
  };
  assert.equal((await running.apply(urgent)).kind, "applied");
  const again = await connection.opened();
  assert.deepEqual([again.stream, again.priority, again.nextSeq], [5, 0, 2n]);
  await socket.send(framed(adt("L2")));
  assert.deepEqual(await socket.acknowledged(2), ["AA L1", "AA L2"]);
  // It leaves with a message that the receiver does not have; the channel is gone from the configuration by then.
  const without = { ...running.set, channels: running.set.channels.slice(0, 1) };
  assert.equal((await running.apply(without)).kind, "applied");
  await socket.closed();
  const normal = await connection.opened();
  assert.deepEqual([normal.stream, normal.priority], [5, 1]);
  const left = async (): Promise<bigint> => {
    const frame = await connection.next("data");
    return frame.stream === 5 && frame.last ? frame.seq : await left();
  };
  while ((await left()) < 2n);
  const found = await statusOfLab();
  assert.deepEqual([found?.configured, found?.waiting, found?.stored], [false, 1n, 2n]);
  assert.equal(receiver.connections.length, 1);
  connection.ack(2n, 5);
});
