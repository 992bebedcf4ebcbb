import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { AgentStack } from "#test/support/agent-stack.ts";
import { CROWD_KINDS, HostileCrowd, mixed } from "#test/support/hostile-peers.ts";
import { adt } from "#test/support/messages.ts";
import { agentStatus, until } from "#test/support/processes.ts";
import { StopAndWait } from "./stop-and-wait.ts";

const GOOD_COUNT = 240;
const HOSTILE_COUNT = 60;
const MESSAGES_EACH = 5;
/** Between two messages of a sender: long enough for those that were hung up on to come back. */
const THINK_MS = 200;
/** Without a receiver the tunnel is down; the state of a test may lie in memory. */
const EXPECTED = ["tunnelDown", "volatileState"];
/** 10 of the design allows an agent so much. */
const MEMORY_MAX_BYTES = 250_000_000;
/** PF08: ten bodies of 5 MiB at once. */
const LARGE_BODIES_MEMORY_MAX_BYTES = 300_000_000;
/** Room for connections that are opened before the listener has heard that the last one ended (C2). */
const MAX_CONNECTIONS = GOOD_COUNT + 2 * HOSTILE_COUNT;

const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** The most resident memory that a process has ever had. */
function peakMemoryBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
}

const controlId = (sender: number, number: number): string => `G${sender}.${number}`;

/** Connects and sends its messages one after another; stays connected. */
async function sendFive(sender: StopAndWait, index: number, ended: AbortSignal): Promise<void> {
  for (let number = 0; number < MESSAGES_EACH; number++) {
    const id = controlId(index, number);
    const reply = await sender.send(Buffer.from(adt(id), "latin1"), ended);
    assert.deepEqual(reply, { code: "AA", controlId: id });
    await pause(THINK_MS);
  }
}

test("[H06] [E6, I-8, C1] 240 senders are served among 60 hostile peers of every kind, and nothing of it stays", {
  skip: process.platform !== "linux" && "not tested: counting descriptors needs /proc",
  timeout: 120_000,
}, async () => {
  const channelYaml = `    maxConnections: ${MAX_CONNECTIONS}\n`;
  using folder = await AgentFolder.make({ channelYaml });
  const senders = Array.from({ length: GOOD_COUNT }, () => new StopAndWait(folder.port, 30_000));
  {
    await using agent = await folder.start();
    const pid = agent.child.pid ?? 0;
    // What is opened once, such as the log of the store, is open before it is counted.
    using first = new StopAndWait(folder.port);
    await first.send(Buffer.from(adt("FIRST"), "latin1"));
    first[Symbol.dispose]();
    await agentStatus(folder.config);
    const idle = async (): Promise<boolean> => (await connectionCount(folder.config)) === 0;
    await until("the first sender is gone", idle);
    const before = descriptors(pid);
    {
      await using crowd = await HostileCrowd.open(folder.port, mixed(HOSTILE_COUNT, CROWD_KINDS));
      const ended = AbortSignal.timeout(60_000);
      await Promise.all(senders.map((sender, index) => sendFive(sender, index, ended)));
      assert.ok(descriptors(pid) > before + GOOD_COUNT, "the senders stay connected");
      // The crowd was there all the time, and those that are hung up on came back.
      for (const kind of ["halfOpen", "reset", "clientHello", "junk"] as const) {
        const count = crowd.connections.get(kind) ?? 0;
        assert.ok(count > HOSTILE_COUNT / CROWD_KINDS.length, `${kind} connected ${count} times`);
      }
      assert.equal(
        senders.reduce((sum, { resends }) => sum + resends, 0),
        0,
        "no sender was hung up on",
      );
    }
    for (const sender of senders) sender[Symbol.dispose]();
    await until("descriptors are what they were", () => descriptors(pid) <= before, 20_000);
    const memory = peakMemoryBytes(pid);
    assert.ok(memory < MEMORY_MAX_BYTES, `${memory} bytes at most`);
    const { conditions } = await agentStatus(folder.config);
    const names = conditions.map(({ condition }) => condition);
    assert.deepEqual(
      names.filter((name) => !EXPECTED.includes(name)),
      [],
    );
    assert.deepEqual(await agent.end("SIGTERM"), { code: 0, signal: null });
  }
  await using store = await AgentStack.open({ stateDir: folder.stateDir, kek: folder.kek });
  const kept = (await store.messages()).map((one) => one.controlId).toSorted();
  const sent = senders.flatMap((_, index) =>
    Array.from({ length: MESSAGES_EACH }, (__, number) => controlId(index, number)),
  );
  assert.deepEqual(kept, ["FIRST", ...sent].toSorted());
});

test("[H06] [F11, I-8] five blocks without end cost no more memory than large bodies may", {
  skip: process.platform !== "linux" && "not tested: a process's memory is read from /proc",
  timeout: 60_000,
}, async () => {
  using folder = await AgentFolder.make();
  await using agent = await folder.start();
  {
    await using crowd = await HostileCrowd.open(folder.port, mixed(5, ["endlessBlock"]));
    const again = (): boolean => (crowd.connections.get("endlessBlock") ?? 0) >= 10;
    await until("the agent hung up on five blocks that were too large", again, 40_000);
  }
  const memory = peakMemoryBytes(agent.child.pid ?? 0);
  assert.ok(memory < LARGE_BODIES_MEMORY_MAX_BYTES, `${memory} bytes at most`);
});

async function connectionCount(config: string): Promise<number> {
  const { channels } = await agentStatus(config);
  return (channels[0] as unknown as { readonly connections: number }).connections;
}
