/** A configuration that the receiver delivers a byte at a time, breaks off, and delivers again (U31). */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Agent } from "#agent/agent.ts";
import { deviceKeyOf } from "#agent/audit/device-key.ts";
import { DOCUMENTS_CHANNEL } from "#agent/configuration/documents-channel.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { loadLocalConfig } from "#config/local.ts";
import { makePair } from "#scripts/make-pair.ts";
import { issueAgent, RECEIVER_CA_PEM } from "#test/receiver/support/identities.ts";
import { trustOf } from "#test/support/configured-documents.ts";
import { type FakeConnection, FakeReceiver } from "#test/support/fake-receiver.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import { ANCHOR, KEYS, RECIPIENT } from "#test/support/signed-documents.ts";

const STREAM = 2;
const CAPABILITIES = { capabilities: ["partial", "downstream"] };

function offer(agent: FakeConnection): void {
  agent.send({
    ...{ type: "open", stream: STREAM, channel: DOCUMENTS_CHANNEL, epoch: 4n, nextSeq: 1n },
    ...{ oldestRetainedSeq: null, previousEpoch: null, priority: 1 },
  });
}

/** A part of a document in as many frames as it has bytes. */
function drip(agent: FakeConnection, body: Uint8Array, from: number, to: number): void {
  const sha256 = hash("sha256", body, "buffer");
  for (let offset = from; offset < to; offset++) {
    const first = offset === from;
    agent.send({
      ...{ type: "data", stream: STREAM, seq: 1n, offset, total: body.length, first },
      last: offset === body.length - 1,
      payload: body.subarray(offset, offset + 1),
      ...(first ? { meta: { sha256, receivedAtMs: 1 } } : {}),
    });
  }
}

test("[U31] a document that comes a byte at a time and breaks off holds nothing up; come again whole, it is judged once", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-slow-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const pair = await makePair({ folder });
  const config = loadLocalConfig(pair.agentConfig);
  const { identity } = config;
  assert.ok(identity !== undefined);
  const { certificatePem, privateKeyPem } = await issueAgent("demo/hospital");
  writeFileSync(identity.certificate, certificatePem);
  writeFileSync(identity.key, privateKeyPem);
  writeFileSync(identity.receiverCa, RECEIVER_CA_PEM);
  await using receiver = await FakeReceiver.open();
  await using agent = await Agent.open({
    config: { ...config, receiver: { ...config.receiver, url: receiver.url.href } },
    ...{ version: "1.2.3", log: silentLog, anchor: ANCHOR },
    device: {
      ...{ key: deviceKeyOf(KEYS.device[0].privateKey), ...RECIPIENT },
      generation: () => 1,
    },
  });
  const trustVersion = async () => (await agent.status()).configuration?.trustVersion;
  const document = trustOf();
  const first = await receiver.connection();
  await first.welcome(CAPABILITIES);
  const up = new Map<string, number>();
  while (!up.has("adt")) {
    const { channel, stream } = await first.opened();
    up.set(channel, stream);
  }
  offer(first);
  assert.equal((await first.next("opened")).stream, STREAM);
  drip(first, document, 0, 300);
  // Meanwhile a hospital system sends, and is answered; its message leaves.
  await using socket = await MllpSocket.open(pair.mllp.port);
  await socket.send(framed(adt("S1")));
  assert.deepEqual(await socket.acknowledged(1), ["AA S1"]);
  await until("the message left", () =>
    first.history.some((frame) => frame.type === "data" && frame.stream === up.get("adt")),
  );
  assert.equal(await trustVersion(), 0);
  first.socket.terminate();

  const second = await receiver.connection();
  await second.welcome(CAPABILITIES);
  offer(second);
  let opened = await second.next("opened");
  while (opened.stream !== STREAM) opened = await second.next("opened");
  drip(second, document, opened.partial?.durableOffset ?? 0, document.length);
  await until("it is judged", async () => (await trustVersion()) === 1);
});
