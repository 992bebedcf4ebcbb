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

test("[TP23] OPEN says the priority that the configuration gives a channel", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-priority-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const pair = await makePair({ folder, moreChannels: ["documents", "stat"] });
  const config = loadLocalConfig(pair.agentConfig);
  assert.ok(config.identity !== undefined);
  const { certificatePem, privateKeyPem } = await issueAgent("demo/hospital");
  writeFileSync(config.identity.certificate, certificatePem);
  writeFileSync(config.identity.key, privateKeyPem);
  writeFileSync(config.identity.receiverCa, RECEIVER_CA_PEM);
  const priorities = { adt: "normal", documents: "bulk", stat: "urgent" } as const;
  const channels = config.channels.map((channel) => ({
    ...channel,
    priority: priorities[channel.name as keyof typeof priorities],
  }));
  await using receiver = await FakeReceiver.open();
  const { href: url } = receiver.url;
  await using _agent = await Agent.open({
    config: { ...config, channels, receiver: { ...config.receiver, url } },
    version: "0",
    log: silentLog,
  });
  const connection = await receiver.connection();
  await connection.welcome();
  const opens = [await connection.opened(), await connection.opened(), await connection.opened()];
  assert.deepEqual(Object.fromEntries(opens.map(({ channel, priority }) => [channel, priority])), {
    adt: 1,
    documents: 2,
    stat: 0,
  });
});
