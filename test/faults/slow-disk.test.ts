/** Every flush of the agent's disk takes long (T-S11), so long that senders lose patience (T-I02). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { before, describe, test } from "node:test";
import { compiledLibrary } from "#bench/compile.ts";
import { Rig } from "#bench/rig.ts";
import { loadConfiguration } from "#receiver/configuration.ts";
import { systemClock } from "#receiver/host/clock.ts";
import { silentLog } from "#receiver/host/log.ts";
import { openReceiver } from "#receiver/receiver.ts";
import { exported, judge } from "./kill-rounds/oracle.ts";
import { SeededSenders } from "./seeded-senders.ts";
import { inspectStore } from "./stored-messages.ts";
import { type Start, TroubledPair } from "./troubled-pair.ts";

const skip =
  spawnSync("gcc", ["--version"]).status !== 0 && "not tested: slow flushes; gcc is not installed";
/** Three of them without a word end a tunnel: no longer than three of the slowest flushes. */
const HEARTBEAT_MS = 500;
const HEARTBEATS = 8;
const SENDERS = 8;
const GROUP = 32;
/** 10 T-S11. */
const GROUP_COMMIT_GAIN = 8;

let library = "";
const slowly = (folder: string, flushMs: number): Start => ({
  env: {
    LD_PRELOAD: library,
    SLOW_FLUSH_FOLDER: folder,
    SLOW_FLUSH_MS: String(flushMs),
  },
});

describe("a slow disk", { skip }, () => {
  before(() => {
    library = compiledLibrary("slow-flush");
  });

  for (const flushMs of [10, 100, 500]) {
    test(`[T-S11] [I-1] ${flushMs} ms a flush: no reply before one, the heartbeat is kept, status answers`, {
      timeout: 60_000,
    }, async () => {
      using pair = await TroubledPair.make();
      await pair.makeStore();
      // The real one, but that it looks more often.
      const configuration = loadConfiguration(pair.pair.receiverConfig);
      const options = { clock: systemClock, log: silentLog, heartbeatMs: HEARTBEAT_MS };
      await using _receiver = await openReceiver(configuration, options);
      await using agent = await pair.agent(slowly(pair.stateDir, flushMs));
      await pair.streaming();
      const { session } = (await pair.status()).tunnel;
      using senders = new SeededSenders({ port: pair.port, count: SENDERS, seed: flushMs });
      const endMs = performance.now() + HEARTBEATS * HEARTBEAT_MS;
      let answers = 0;
      while (performance.now() < endMs || senders.acknowledged.size < 2 * SENDERS) {
        await pair.status();
        answers += 1;
      }
      assert.ok(answers > 1, "it answered while messages were stored");
      assert.ok(senders.soonestMs >= flushMs, `a reply after ${senders.soonestMs} ms`);
      const { tunnel } = await pair.status();
      assert.equal(tunnel.session, session, "the connection was never given up");
      // Where both ends share one slow disk the window may hold messages back: that is up, too (02 5).
      assert.match(tunnel.state, /^(streaming|throttled)$/);
      await senders.next;
      const acknowledged = new Map(senders.acknowledged);
      // In the middle of a flush, whichever it is: what has its reply is there.
      await agent.end("SIGKILL");
      const { bodies, pruned, reasons } = inspectStore(pair.stateDir);
      assert.deepEqual([reasons, pruned], [[], []]);
      assert.deepEqual(
        [...acknowledged.keys()].filter((controlId) => !bodies.has(controlId)),
        [],
      );
    });
  }

  test(`[T-S11] [S7] at 10 ms a flush ${GROUP} senders together store at least ${GROUP_COMMIT_GAIN} times what one stores`, {
    timeout: 60_000,
  }, async () => {
    using pair = await TroubledPair.make();
    await using rig = await Rig.make(`${pair.folder}/rig`);
    await rig.startAgent(slowly(rig.stateDir, 10).env);
    await rig.load(GROUP, 1);
    const one = await rig.load(1, 2);
    const many = await rig.load(GROUP, 2);
    const gain = many.perSecond / one.perSecond;
    assert.ok(gain >= GROUP_COMMIT_GAIN, `${many.perSecond}/s and ${one.perSecond}/s`);
  });

  test("[T-I02] [D2] senders that do not wait for the flush send again: one message each, acknowledged", {
    timeout: 180_000,
  }, async () => {
    using pair = await TroubledPair.make({ agentYaml: "healthProbeSeconds: 1\n" });
    await pair.makeStore();
    await using _receiver = await pair.receiver();
    await using _agent = await pair.agent(slowly(pair.stateDir, 1_100));
    // The first one waits for the files of its key, too: longer than the store's deadline (03 A9).
    const common = { port: pair.port, count: 2, seed: 1 };
    using hasty = new SeededSenders({ ...common, patienceMs: 300 });
    using patient = new SeededSenders({ ...common, firstIndex: 2 });
    await hasty.more(1, 120_000);
    const ledgers = [await hasty.finish(), await patient.finish()];
    assert.ok(hasty.resends > 0, `${hasty.resends} sent again`);
    await pair.drained();
    const acknowledged = new Map(ledgers.flatMap((one) => [...one.acknowledged]));
    const ledger = { acknowledged, resends: 0 };
    assert.deepEqual(await judge(exported(pair.pair.receiverConfig), ledger), []);
  });
});
