/** The wall clock jumps by days while messages flow: by hand, by NTP, by a machine that was resumed (T-O01). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { loadConfiguration } from "#receiver/configuration.ts";
import { systemClock } from "#receiver/host/clock.ts";
import { silentLog } from "#receiver/host/log.ts";
import { openReceiver } from "#receiver/receiver.ts";
import { until } from "#test/support/processes.ts";
import { exported, judge } from "./kill-rounds/oracle.ts";
import { SeededSenders } from "./seeded-senders.ts";
import { SteppedClock } from "./stepped-clock.ts";
import { inspectStore } from "./stored-messages.ts";
import { TroubledPair } from "./troubled-pair.ts";

const SENDERS = 4;
/** A day forward, back to a day behind, and right again. */
const JUMPS_HOURS = [24, -24, 0];
const MESSAGES_PER_JUMP = 100;
/** Three of them without a word end a tunnel: on a clock that jumps, a moment of silence would look like a day. */
const HEARTBEAT_MS = 1_000;
/** Beyond retention, whenever during the jumps a message was settled. */
const FAR_HOURS = 72;
const PRUNE_LOOK_MS = 1_500;

test("[T-O01] [S14] a day forward and back: order, replies and timers as before; the unsettled stay", {
  timeout: 60_000,
}, async (context) => {
  const made = SteppedClock.make();
  if (typeof made === "string") return context.skip(made);
  using clock = made;
  using pair = await TroubledPair.make({ agentYaml: "retainHours: 1\n" });
  // The real one, but that it looks more often.
  await using receiver = await openReceiver(loadConfiguration(pair.pair.receiverConfig), {
    ...{ clock: systemClock, log: silentLog, heartbeatMs: HEARTBEAT_MS },
  });
  await using agent = await pair.agent({ env: clock.env("wallClock") });
  await pair.streaming();
  const { session } = (await pair.status()).tunnel;
  using flowing = new SeededSenders({ port: pair.port, count: SENDERS, seed: 1 });
  for (const hours of JUMPS_HOURS) {
    await flowing.more(MESSAGES_PER_JUMP);
    clock.set(hours);
  }
  await flowing.more(MESSAGES_PER_JUMP);
  const ledger = await flowing.finish();
  assert.equal(ledger.resends, 0, "no sender was kept waiting, or hung up on");
  await pair.drained();
  for (const hours of JUMPS_HOURS) {
    clock.set(hours);
    await pause(1.5 * HEARTBEAT_MS);
  }
  const standing = (await pair.status()).tunnel;
  assert.partialDeepStrictEqual(standing, { state: "streaming", session }, "it never broke");
  assert.deepEqual(await judge(exported(pair.pair.receiverConfig), ledger), []);

  await receiver[Symbol.asyncDispose]();
  const strandedAt = new Date(systemClock.nowMs()).toISOString();
  using stranded = new SeededSenders({ port: pair.port, count: SENDERS, seed: 2 });
  await stranded.more(MESSAGES_PER_JUMP);
  const { acknowledged } = await stranded.finish();
  clock.set(FAR_HOURS);
  const pruned = async (): Promise<boolean> =>
    ((await pair.status()).store.oldestRetainedAt ?? "") >= strandedAt;
  await until("what was settled is pruned", pruned, 20_000);
  // And once more it is looked for what may go.
  await pause(PRUNE_LOOK_MS);
  assert.deepEqual(await agent.end("SIGTERM"), { code: 0, signal: null });
  const { bodies, pruned: gone, reasons } = inspectStore(pair.stateDir);
  assert.deepEqual(reasons, []);
  const messages = gone.filter(({ channel }) => !channel.startsWith("$"));
  assert.equal(messages.length, ledger.acknowledged.size, "retention went by");
  assert.deepEqual(
    [...acknowledged.keys()].filter((controlId) => !bodies.has(controlId)),
    [],
  );
});
