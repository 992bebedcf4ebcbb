/** Memory is short: 256 MB are enough, and an agent that the kernel kills for it has lost nothing (T-L03). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "#test/support/processes.ts";
import { exported, judge } from "./kill-rounds/oracle.ts";
import { SeededSenders } from "./seeded-senders.ts";
import { inspectStore } from "./stored-messages.ts";
import { residentBytes, TroubledPair } from "./troubled-pair.ts";

const LIMIT_BYTES = 256 * 1024 * 1024;
const SENDERS = 20;
const MESSAGES = 1_500;
const MESSAGES_AFTER = 200;

test("[T-L03] [I-8] under load the agent stays below 256 MB; killed as for want of memory it has lost nothing", {
  skip: process.platform !== "linux" && "not tested: a process's memory is read from /proc",
  timeout: 90_000,
}, async (context) => {
  using pair = await TroubledPair.make({ channelYaml: "    maxConnections: 100\n" });
  await using _receiver = await pair.receiver();
  using senders = new SeededSenders({ port: pair.port, count: SENDERS, seed: 3 });
  {
    await using agent = await pair.agent();
    const wanted = senders.acknowledged.size + MESSAGES;
    // Not the pages of the program's file: those the kernel takes back without killing anybody.
    let bytes = 0;
    const loaded = (): boolean => {
      bytes = Math.max(bytes, residentBytes(agent, "RssAnon"));
      return senders.acknowledged.size >= wanted;
    };
    await until("the load is carried", loaded, 40_000);
    context.diagnostic(`${bytes} bytes at most, ${residentBytes(agent, "VmHWM")} with its files`);
    await senders.next;
    const acknowledged = [...senders.acknowledged.keys()];
    // What the kernel does, to all threads at once, in whatever they are.
    await agent.end("SIGKILL");
    assert.ok(bytes < LIMIT_BYTES, `${bytes} bytes at most`);
    const { bodies, pruned, reasons } = inspectStore(pair.stateDir);
    assert.deepEqual([reasons, pruned], [[], []]);
    assert.deepEqual(
      acknowledged.filter((controlId) => !bodies.has(controlId)),
      [],
    );
  }
  await using _again = await pair.agent();
  await senders.more(MESSAGES_AFTER);
  const ledger = await senders.finish();
  await pair.drained();
  assert.deepEqual(await judge(exported(pair.pair.receiverConfig), ledger), []);
});

test("[T-L03] the kernel kills an agent that takes more than 256 MB", {
  skip: "not tested: needs a cgroup of version 2 with a memory controller; what the agent takes is measured instead",
}, () => {});
