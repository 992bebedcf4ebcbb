/** A channel goes on without what storage has damaged, under a real relay, tunnel and receiver. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChannelDesk, type SkipAnswer, type SkipQuestion } from "#agent/channel-desk.ts";
import { DamagedRows } from "#agent/damaged-rows.ts";
import { systemClock } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import type { Relay } from "#agent/relay/relay.ts";
import type { Outcome } from "#agent/upkeep-desk.ts";
import { Scene } from "#test/faults/restored-scene.ts";
import { damageRecord, damageSlice, epochsOf } from "#test/support/epoch-rows.ts";
import { names } from "#test/support/feed-bench.ts";
import { until } from "#test/support/processes.ts";
import { appendTo, entryOf, stagedEntry } from "#test/support/test-outbox.ts";

/** No channel here delivers. */
const NO_SENDERS = { of: () => undefined };

interface Stopped {
  readonly scene: Scene;
  skip(question: Partial<SkipQuestion>): Promise<Outcome<SkipAnswer>>;
}

/** Damages what a closed store holds, connects, and waits until the channel stops before `seq`. */
async function stopped(scene: Scene, seq: bigint, damage: () => void): Promise<Stopped> {
  await scene.line.store.close();
  damage();
  await scene.connect();
  const { store, relay, tunnel } = scene.line;
  await until("the channel stops", () => relay.stoppedAt(1)?.seq === seq);
  const { conditions, log } = tunnel;
  const channelOf = () => ({ name: "adt", record: undefined });
  const damaged = new DamagedRows({ conditions, clock: systemClock, log, channelOf });
  const desk = new ChannelDesk({ senders: NO_SENDERS, outbox: store.outbox, relay, damaged, log });
  const base = { channel: "adt", firstSeq: Number(seq), lastSeq: Number(seq), confirmed: true };
  return { scene, skip: (question) => desk.skip({ ...base, ...question }) };
}

const done = <T>(outcome: Outcome<T>): T => {
  assert.ok("done" in outcome, "fault" in outcome ? outcome.fault.code : "");
  return outcome.done;
};
const refusal = (outcome: Outcome<unknown>): string =>
  "fault" in outcome ? outcome.fault.code : "done";

const openConditions = ({ line }: Scene): string[] =>
  line.tunnel.conditions.list().map(({ condition }) => condition);

describe("giving damaged messages up", () => {
  test("[S16, TP31] one in the middle is named and skipped, and what is behind it arrives in order", async () => {
    await using scene = await Scene.open();
    await scene.append("M1", "BROKEN", ...names(3, 3));
    const { skip } = await stopped(scene, 2n, () => damageRecord(scene.line.store, 2n));
    await until("the condition shows", () => openConditions(scene).includes("messageDamaged"));
    const dry = done(await skip({ confirmed: false }));
    assert.equal(dry.skipped, false);
    assert.deepEqual(await scene.missing(), []);
    const [lost] = dry.lost;
    assert.deepEqual([lost?.seq, lost?.bytes, lost?.token?.length], [2n, 6, 32]);
    assert.equal(dry.unreadableThrough, 2n);
    assert.equal(done(await skip({})).skipped, true);
    await scene.append("N1", "N2");
    await scene.drained();
    assert.deepEqual(await scene.missing(), ["1 2-2"]);
    assert.deepEqual(await scene.gaps(), ["1 damaged 2-2"]);
    assert.deepEqual(openConditions(scene), []);
    assert.ok(scene.line.tunnel.logged.some((line) => line.startsWith("messagesSkipped")));
    assert.ok(!scene.line.tunnel.logged.some((line) => line.startsWith("channelParted")));
    assert.deepEqual(await scene.line.agent.stored(), ["M1", ...names(3, 3), "N1", "N2"]);
  });

  test("[TP15] behind it new messages come in an epoch with a chain of its own, also after a restart", async () => {
    await using scene = await Scene.open();
    await scene.append("M1", "BROKEN", "M3");
    const { skip } = await stopped(scene, 2n, () => damageRecord(scene.line.store, 2n));
    done(await skip({}));
    await scene.append("N1");
    await scene.drained();
    assert.deepEqual(await epochsOf(scene.line.store), ["1 draining 3", "2 current -"]);
    await scene.line.closeTunnel();
    await scene.deliver("N2");
    assert.deepEqual(await scene.gaps(), ["1 damaged 2-2"]);
    assert.deepEqual(await scene.line.agent.stored(), ["M1", "M3", "N1", "N2"]);
    const tail = await scene.line.store.tail();
    assert.deepEqual([tail.epoch, tail.lastSeq, tail.ackedSeq], [2n, 2n, 2n]);
  });

  test("[TP15, TP31] a body in slices: its record knows the chain, and the epoch goes on", async () => {
    await using scene = await Scene.open();
    await scene.append("M1");
    const { outbox } = scene.line.store;
    await appendTo(outbox, stagedEntry(outbox, "BIG", Buffer.alloc(400_000, "abcdefg")));
    await scene.append("M3");
    const { skip } = await stopped(scene, 2n, () => damageSlice(scene.line.store, 1));
    assert.equal(done(await skip({ confirmed: false })).lost[0]?.bytes, 400_000);
    done(await skip({}));
    await scene.append("M4");
    await scene.drained();
    assert.deepEqual(await epochsOf(scene.line.store), ["1 current -"]);
    assert.deepEqual(await scene.gaps(), ["1 damaged 2-2"]);
    await scene.line.closeTunnel();
    await scene.deliver("M5");
    assert.deepEqual(await scene.line.agent.stored(), ["M1", "M3", "M4", "M5"]);
    assert.deepEqual(await epochsOf(scene.line.store), ["1 current -"], "nothing has parted");
  });

  test("[S16, TP31] all that one flipped bit has cost can be given up at once", async () => {
    await using scene = await Scene.open();
    await scene.append("M1");
    const { outbox } = scene.line.store;
    const together = names(2, 3).map((controlId) => entryOf({ controlId }));
    await Promise.all(together.map((entry) => appendTo(outbox, entry)));
    await scene.append("M5");
    const { skip } = await stopped(scene, 2n, () => damageRecord(scene.line.store, 2n));
    const dry = done(await skip({ confirmed: false }));
    assert.deepEqual([dry.lost.length, dry.unreadableThrough], [1, 4n]);
    const both = done(await skip({ lastSeq: 4 }));
    assert.deepEqual(
      both.lost.map(({ seq }) => seq),
      [2n, 3n, 4n],
    );
    await scene.append("M6");
    await scene.drained();
    assert.deepEqual(await scene.gaps(), ["1 damaged 2-4"]);
    assert.deepEqual(await scene.line.agent.stored(), ["M1", "M5", "M6"]);
  });

  test("[S16] a resend of what was given up is stored, and arrives", async () => {
    await using scene = await Scene.open();
    await scene.append("M1", "BROKEN", "M3");
    const { skip } = await stopped(scene, 2n, () => damageRecord(scene.line.store, 2n));
    done(await skip({}));
    await scene.append("BROKEN");
    await scene.drained();
    assert.deepEqual(await scene.line.agent.stored(), ["M1", "M3", "BROKEN"]);
  });

  test("[S16] refused: a message that can be read, one behind or before the stop, another channel, twice", async () => {
    await using scene = await Scene.open();
    await scene.append("M1", "BROKEN", "M3", "M4");
    const { skip } = await stopped(scene, 2n, () => damageRecord(scene.line.store, 2n));
    for (const [question, code] of [
      [{ lastSeq: 3 }, "MESSAGE_READABLE"],
      [{ firstSeq: 3, lastSeq: 3 }, "CHANNEL_NOT_STOPPED"],
      [{ firstSeq: 1, lastSeq: 1 }, "CHANNEL_NOT_STOPPED"],
      [{ lastSeq: 9 }, "MESSAGE_READABLE"],
      [{ lastSeq: 1 }, "SKIP_TOO_MANY"],
      [{ lastSeq: 2_000 }, "SKIP_TOO_MANY"],
      [{ channel: "oru" }, "CHANNEL_NOT_STOPPED"],
      [{ channel: "none" }, "CHANNEL_UNKNOWN"],
    ] as const) {
      assert.equal(refusal(await skip(question)), code, JSON.stringify(question));
    }
    assert.deepEqual(await scene.missing(), []);
    done(await skip({}));
    assert.equal(refusal(await skip({})), "CHANNEL_NOT_STOPPED");
    await scene.drained();
    assert.deepEqual(await scene.missing(), ["1 2-2"]);
    assert.deepEqual(await scene.line.agent.stored(), ["M1", "M3", "M4"]);
  });

  test("[S16] one that can be read again is not lost: its channel goes on with it", async () => {
    await using scene = await Scene.open();
    await scene.append("M1", "BACK", "M3");
    const { store } = scene.line;
    const wentOn: number[] = [];
    const relay: Pick<Relay, "stoppedAt" | "goOn"> = {
      stoppedAt: () => ({ epoch: 1n, seq: 2n }),
      goOn: (channel) => void wentOn.push(channel),
    };
    const damaged = { givenUp: () => assert.fail("nothing was given up") };
    const desk = new ChannelDesk({
      senders: NO_SENDERS,
      outbox: store.outbox,
      relay,
      damaged,
      log: silentLog,
    });
    const question = { channel: "adt", firstSeq: 2, lastSeq: 2, confirmed: true };
    assert.equal(refusal(await desk.skip(question)), "MESSAGE_READABLE");
    assert.deepEqual(wentOn, [1]);
    const range = { channel: 1, epoch: 1n, firstSeq: 2n, lastSeq: 2n };
    assert.equal(await store.outbox.epochs.skipDamaged(range), "readable", "the store looks, too");
    assert.deepEqual(await scene.missing(), []);
    await scene.deliver();
    assert.deepEqual(await scene.line.agent.stored(), ["M1", "BACK", "M3"]);
  });

  test("[S16] what the receiver has, or an epoch that was moved, is not given up", async () => {
    await using scene = await Scene.open();
    await scene.append("M1", "M2", "M3");
    const { store } = scene.line;
    store.outbox.settle(1, 1n, 2n);
    await store.outbox.flushProgress();
    await store.close();
    damageRecord(store, 2n);
    const { epochs } = await store.reopen();
    const range = { channel: 1, epoch: 1n, firstSeq: 2n, lastSeq: 2n };
    assert.equal(await epochs.skipDamaged(range), "gone");
    assert.equal(await epochs.skipDamaged({ ...range, epoch: 7n }), "gone");
    assert.equal(await epochs.skipDamaged({ ...range, firstSeq: 4n, lastSeq: 4n }), "gone");
    assert.deepEqual(await scene.missing(), []);
  });
});
