import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OPENED_STATUS, type OpenedFrame } from "#protocol/frame.ts";
import { command } from "#receiver/command.ts";
import { ChannelSource } from "#receiver/downstream/channel-source.ts";
import { CommandLane } from "#receiver/downstream/command-lane.ts";
import { outcomesTaker } from "#receiver/downstream/outcomes.ts";
import type { Facts } from "#receiver/errors.ts";
import type { OutletMessage } from "#receiver/outlets/event.ts";
import { send } from "#receiver/send.ts";
import { openTemporaryStore } from "./support/temporary-store.ts";

const AGENT = { tenant: "north", name: "ward-1" };
const EPOCH_MAX = 2n ** 63n - 1n;

async function storeWith(...texts: readonly string[]) {
  const store = await openTemporaryStore();
  const added = await store.addAgent({ ...AGENT, serialHex: "1f", atMs: 1 });
  assert.ok("agent" in added);
  const agent = added.agent.id;
  const [storeId, instanceNonce] = [new Uint8Array(16), new Uint8Array(16)];
  const greeted = await store.hello({ agent, storeId, instanceNonce, atMs: 1 });
  assert.ok("session" in greeted);
  for (const text of texts) {
    await send(store, { ...AGENT, channel: "orders", body: Buffer.from(text), atMs: 1 });
  }
  return { store, agent, session: greeted.session };
}

/** A source over a real store, on a clock that a test moves. */
async function openSource(...texts: readonly string[]) {
  const { store, agent, session } = await storeWith(...texts);
  const events: string[] = [];
  const clock = { ms: 0, timers: [] as { atMs: number; act: () => void }[] };
  const after = (delayMs: number, act: () => void) => {
    const timer = { atMs: clock.ms + delayMs, act };
    clock.timers.push(timer);
    return { [Symbol.dispose]: () => void clock.timers.splice(clock.timers.indexOf(timer), 1) };
  };
  const [channel] = await store.outgoingChannels(agent, "");
  assert.ok(channel !== undefined);
  const source: ChannelSource = new ChannelSource(channel, {
    ...{ store, agent, session },
    clock: { nowMs: () => clock.ms, monotonicMs: () => clock.ms, after, every: after },
    wake: () => {},
    reopen: () => void events.push("reopen"),
    look: () => void events.push("look"),
    fenced: () => void events.push("fenced"),
    failed: (error) => assert.fail(String(error)),
    log: (event) => void events.push(event),
  });
  const opened = (fields: Partial<OpenedFrame>): Promise<boolean> => {
    source.standing();
    return source.opened({
      ...{ type: "opened", stream: 2, status: OPENED_STATUS.ok, epoch: 1n, credit: {} },
      ...{ lastSeq: 0n, chain: new Uint8Array(32) },
      ...fields,
    });
  };
  const epoch = async () => (await store.outgoingChannels(agent, ""))[0]?.epoch;
  const settled = () => new Promise((resolve) => setTimeout(resolve, 50));
  return { store, source, events, clock, opened, epoch, settled };
}

/** A lane over a real store that is busy for its first `busyCount` answers. */
async function openLane(busyCount: number) {
  const { store, agent, session } = await storeWith();
  const sent: string[] = [];
  const timers: (() => void)[] = [];
  const after = (_delayMs: number, act: () => void) => {
    timers.push(act);
    return { [Symbol.dispose]: () => void timers.splice(timers.indexOf(act), 1) };
  };
  let left = busyCount;
  const busy: Pick<typeof store, "openCommands" | "answerCommand"> = {
    openCommands: store.openCommands,
    answerCommand: async (call) =>
      left-- > 0 ? { kind: "busy" } : await store.answerCommand(call),
  };
  const lane = new CommandLane({
    ...{ store: { ...store, ...busy }, agent, session },
    clock: { nowMs: () => 1, monotonicMs: () => 1, after, every: after },
    send: (frame) => void sent.push(frame.type),
    fenced: () => void sent.push("fenced"),
    failed: (error) => assert.fail(String(error)),
    log: () => {},
  });
  const ask = (number: number) =>
    command(store, { ...AGENT, id: idOf(number), document: Buffer.from("x"), atMs: 1 });
  return { store, agent, lane, sent, timers, ask };
}

const idOf = (number: number): Uint8Array => new Uint8Array(16).fill(number);
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

describe("downstream at the receiver", () => {
  test("[TP18] [I-8] an agent that never agrees makes the store renumber once, and then waits longer each time", async () => {
    const { store, events, clock, opened, epoch, settled } = await openSource("one");
    await using _closing = store;
    const behind = { status: OPENED_STATUS.behind, epoch: 5n, lastSeq: 3n };
    await opened(behind);
    await settled();
    assert.equal(await epoch(), 6n);
    for (let round = 0; round < 20; round++) await opened(behind);
    await settled();
    assert.equal(await epoch(), 6n, "it has to wait");
    assert.equal(events.filter((event) => event === "downstreamParted").length, 1);
    assert.ok((clock.timers.at(-1)?.atMs ?? 0) >= 60_000);
  });

  test("[TP17] [I-8] an epoch behind which there is none holds the channel, and ends nobody", async () => {
    const { store, events, opened, epoch, settled } = await openSource("one");
    await using _closing = store;
    await opened({ status: OPENED_STATUS.behind, epoch: EPOCH_MAX, lastSeq: 1n });
    await settled();
    assert.equal(await epoch(), 1n);
    assert.deepEqual(events, ["downstreamHeld"]);
  });

  test("[TP18] [TP24] what the store was too busy to settle is settled later, and never in another epoch by its number", async () => {
    const { store, source, clock, opened, epoch, settled } = await openSource("one", "two");
    await using _closing = store;
    const { settleOutgoing } = store;
    let busy = true;
    store.settleOutgoing = (call) =>
      busy ? Promise.resolve({ kind: "busy" }) : settleOutgoing.call(store, call);
    const passes = async (): Promise<void> => {
      clock.ms += 5_000;
      for (const timer of clock.timers.filter(({ atMs }) => atMs <= clock.ms)) timer.act();
      await settled();
    };
    const acked = async () =>
      (await store.listOutgoing(1, "orders", 0)).map(({ settledAtMs }) => settledAtMs !== null);
    await opened({});
    await settled();
    source.take();
    source.acked(1n, 1n);
    await settled();
    assert.deepEqual(await acked(), [false, false]);
    // The agent is put back before that is written down: all of it goes on in another epoch.
    await opened({ status: OPENED_STATUS.behind, epoch: 3n, lastSeq: 9n });
    await settled();
    assert.equal(await epoch(), 4n);
    const [moved] = await store.outgoingChannels(1, "");
    assert.ok(moved !== undefined);
    source.refreshed(moved);
    busy = false;
    await passes();
    assert.deepEqual(await acked(), [false, false], "nothing of the new epoch has been sent");
    await opened({ epoch: 4n });
    await settled();
    source.take();
    busy = true;
    source.acked(4n, 1n);
    await settled();
    busy = false;
    await passes();
    assert.deepEqual(await acked(), [true, false]);
  });

  test("[TP29] behind a refused message nothing more is sent before it comes again", async () => {
    const { store, source, opened, settled } = await openSource("one", "two", "three");
    await using _closing = store;
    assert.equal(await opened({}), true);
    await settled();
    assert.ok(source.take() !== undefined);
    source.rejected({ type: "reject", stream: 2, seq: 1n, code: 8, permanent: false });
    assert.equal(source.take(), undefined);
    assert.equal(source.inFlight, false);
    assert.equal(await opened({}), true);
    await settled();
    const again = source.take();
    assert.ok(again !== undefined && "seq" in again);
    assert.equal(again.seq, 1n);
  });

  test("[TP14] where the agent has a part of another message, a small one is sent from its beginning", async () => {
    const { store, source, opened, settled } = await openSource("a small one");
    await using _closing = store;
    await opened({ partial: { seq: 1n, durableOffset: 4 } });
    await settled();
    const item = source.take();
    assert.ok(item !== undefined && "body" in item);
    assert.equal(item.from, 0);
  });

  test("[O10] [I-8] a report that no store could hold is refused, not taken again for ever", async () => {
    const { store, agent } = await storeWith("one");
    await using _closing = store;
    const refused: Facts[] = [];
    const taker = outcomesTaker({
      store,
      agentOf: async () => agent,
      refused: (facts) => void refused.push(facts),
    });
    const report = (fields: object): OutletMessage => {
      const schema = "holdfast.outcome/1";
      const text = JSON.stringify({ schema, channel: "orders", epoch: "1", seq: "1", ...fields });
      const body = async (): Promise<Uint8Array> => Buffer.from(text);
      return { kind: "message", epoch: 1n, seq: 1n, agent: "north/ward-1", body } as OutletMessage;
    };
    for (const fields of [
      { epoch: "9999999999999999999" },
      { seq: "9223372036854775808" },
      { channel: "a\u0000b" },
      { channel: "$outcomes-of-others" },
      { channel: "x".repeat(129) },
      { schema: "another" },
    ]) {
      await taker.take(report(fields));
    }
    assert.equal(refused.length, 6);
    await taker.take(report({ seq: "1" }));
    const [record] = await store.listOutgoing(agent, "orders", 0);
    assert.match(record?.outcome ?? "", /"seq":"1"/);
  });

  test("[TP7] [I-8] a channel whose name no frame could carry is refused where it enters", async () => {
    const { store } = await storeWith();
    await using _closing = store;
    const to = (channel: string, key?: string) =>
      send(store, {
        ...{ ...AGENT, channel, body: Buffer.from("x"), atMs: 1 },
        ...(key === undefined ? {} : { key }),
      });
    await to("ü".repeat(64));
    await assert.rejects(to("ü".repeat(65)), /SEND_REFUSED/);
    await assert.rejects(to("a\ud800"), /SEND_REFUSED/);
    await assert.rejects(to("orders", "a\u0000"), /SEND_REFUSED/);
  });

  test("[TP36] [I-8] an answer that the store is too busy for is kept later, by one timer, and repeats of it cost nothing", async () => {
    const { store, lane, sent, timers, ask } = await openLane(1);
    await using _closing = store;
    using _lane = lane;
    await ask(1);
    lane.look();
    await soon();
    for (let repeat = 0; repeat < 100; repeat++) {
      lane.answered({ type: "cmdResult", stream: 0, id: idOf(1), result: 0 });
    }
    await soon();
    assert.deepEqual([sent, timers.length], [["cmd"], 1]);
    timers.pop()?.();
    await soon();
    assert.deepEqual([sent, timers.length], [["cmd", "cmdDone"], 0]);
  });

  test("[TP36] [RI2] an answer that comes when a newer session has begun ends this one, and gets no CMD_DONE", async () => {
    const { store, agent, lane, sent, ask } = await openLane(0);
    await using _closing = store;
    using _lane = lane;
    await ask(1);
    lane.look();
    await soon();
    const [storeId, instanceNonce] = [new Uint8Array(16), new Uint8Array(16).fill(1)];
    await store.hello({ agent, storeId, instanceNonce, atMs: 1 });
    lane.answered({ type: "cmdResult", stream: 0, id: idOf(1), result: 0 });
    await soon();
    assert.deepEqual(sent, ["cmd", "fenced"]);
    assert.equal((await store.openCommands(agent, 9)).length, 1, "it is open still");
  });

  test("[TP36] [TP32] a lane that drains sends no command, and keeps answers", async () => {
    const { store, lane, sent, ask } = await openLane(0);
    await using _closing = store;
    using _lane = lane;
    await ask(1);
    lane.look();
    await soon();
    lane.drain();
    await ask(2);
    lane.answered({ type: "cmdResult", stream: 0, id: idOf(1), result: 0 });
    await soon();
    assert.deepEqual(sent, ["cmd", "cmdDone"]);
  });
});
