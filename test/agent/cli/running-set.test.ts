import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Agent } from "#agent/agent.ts";
import { joined, runningSet } from "#agent/cli/running-set.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { loadLocalConfig } from "#config/local.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { dropIn, EMPTY_SET, listenerOn, senderTo } from "#test/support/running-stage.ts";

test("[04 P3] doctor looks at the folders of channels that run without being in the file", async () => {
  using folder = await AgentFolder.make();
  const config = loadLocalConfig(folder.config);
  assert.equal(await runningSet(config.stateDir), undefined);
  await using agent = await Agent.open({ config, version: "0", log: silentLog });
  const { running } = agent;
  const drop = dropIn("lab", join(folder.path, "lab"));
  assert.equal((await running.apply({ ...running.set, drops: [drop] })).kind, "applied");
  const set = joined(config, await runningSet(config.stateDir));
  assert.deepEqual(
    [set.channels.map(({ name }) => name), set.drops.map(({ folder: path }) => path)],
    [["adt"], [drop.folder]],
  );
});

test("what the file says of a name counts, whatever kind it has where it runs", () => {
  const file = { ...EMPTY_SET, channels: [listenerOn("a", 1), listenerOn("b", 2)] };
  const running = { ...EMPTY_SET, channels: [listenerOn("a", 3)], senders: [senderTo("b", 4)] };
  assert.deepEqual(joined(file, running), file);
  const more = { ...running, senders: [senderTo("c", 5)] };
  assert.deepEqual(joined(file, more), { ...file, senders: more.senders });
});
