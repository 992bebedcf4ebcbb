import assert from "node:assert/strict";
import { test } from "node:test";
import { ReceiverError } from "#receiver/errors.ts";
import { systemClock } from "#receiver/host/clock.ts";
import type { Taker } from "#receiver/outlets/channel-pump.ts";
import type { OutletEvent } from "#receiver/outlets/event.ts";
import { Pump } from "#receiver/outlets/pump.ts";
import type { OutletStore } from "#receiver/store/outlets.ts";
import type { Store } from "#receiver/store/store.ts";
import { until } from "#test/support/processes.ts";
import { OutletStage, textOfEvent } from "../support/outlet-stage.ts";
import { Caller } from "../support/store-suite.ts";

/** Takes what it is given, or refuses it. */
class TestTaker implements Taker {
  readonly name = "lab";
  readonly taken: string[] = [];
  tryCount = 0;
  underWay = 0;
  mostUnderWay = 0;
  /** What happens at each try. */
  act: (text: string, signal: AbortSignal) => Promise<void> | void = () => {};

  async take(event: OutletEvent, signal: AbortSignal): Promise<void> {
    this.tryCount += 1;
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    try {
      const text = await textOfEvent(event);
      await this.act(text, signal);
      this.taken.push(text);
    } finally {
      this.underWay -= 1;
    }
  }
}

const ALL = { channels: null, channelsAtOnce: 4 };

/** The store of a stage, away for so many calls of `part`. */
function failing(
  { store }: OutletStage,
  part: "readMessages" | "findGaps" | "findPosition",
  failures: { left: number },
  failed = store.failed,
): Store & OutletStore {
  const fail = async (): Promise<never> => {
    failures.left -= 1;
    throw new ReceiverError("STORE_UNREACHABLE");
  };
  return new Proxy(store, {
    get: (target, key) => {
      if (key === "failed") return failed;
      return key === part && failures.left > 0 ? fail : Reflect.get(target, key);
    },
  });
}

const texts = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `1.${first + i}:${first + i}`);
const bodies = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `${first + i}`);

test("[TP38] what was stored before and what arrives is handed on, in order, gaps in their place", async () => {
  await using stage = await OutletStage.open();
  const { caller } = stage;
  const taker = new TestTaker();
  await caller.ingest(1n, 1n, ...bodies(1, 3));
  await using _pump = await stage.pump(taker);
  await until("three are taken", () => taker.taken.length === 3);
  await caller.skip(1n, 4n, 6n);
  await caller.ingest(1n, 7n, "7");
  await until("the others are taken", () => taker.taken.length === 5);
  assert.deepEqual(taker.taken, [...texts(1, 3), "1.4-6 quarantined", "1.7:7"]);
  await until("the position is written", async () => (await stage.position("lab")) === "1.7");
});

test("[TP38] a channel and an agent that are new are met when something arrives", async () => {
  await using stage = await OutletStage.open();
  const taker = new TestTaker();
  await using _pump = await stage.pump(taker);
  const other = await Caller.greet(stage.store, "ward-9");
  await other.open(1n);
  await other.ingest(1n, 1n, "new");
  await until("it is taken", () => taker.taken.length === 1);
});

test("[TP38] what is not taken is tried again, nothing overtakes it, and other channels go on", async () => {
  await using stage = await OutletStage.open();
  const other = await Caller.greet(stage.store, "ward-2");
  await other.open(1n);
  const taker = new TestTaker();
  let isBroken = true;
  taker.act = (text) => {
    if (isBroken && text === "1.2:2") throw new Error("no");
  };
  await using _pump = await stage.pump(taker);
  await stage.caller.ingest(1n, 1n, ...bodies(1, 3));
  await until("it is tried again", () => taker.tryCount >= 4);
  await other.ingest(1n, 1n, "other");
  await until("the other is taken", () => taker.taken.includes("1.1:other"));
  await until("the position is written", async () => (await stage.position("lab")) === "1.1");
  assert.deepEqual(taker.taken, ["1.1:1", "1.1:other"]);
  isBroken = false;
  await until("all are taken", () => taker.taken.length === 4);
  assert.deepEqual(taker.taken.slice(2), texts(2, 3));
});

test("[08 PL9] from the fifth failure on it is said, and said once when it is over", async () => {
  await using stage = await OutletStage.open();
  const taker = new TestTaker();
  const failures = { left: 11 };
  taker.act = () => {
    failures.left -= 1;
    if (failures.left >= 0) throw Object.assign(new Error("patient Meier"), { code: "EPIPE" });
  };
  await using _pump = await stage.pump(taker);
  await stage.caller.ingest(1n, 1n, "1");
  await until("it is taken", () => taker.taken.length === 1, 30_000);
  const said = stage.logged.map(({ event, facts }) => `${event} ${facts["count"]}`);
  assert.deepEqual(said, ["outletStuck 5", "outletStuck 10", "outletRecovered 11"]);
  const [{ facts } = { facts: {} }] = stage.logged;
  assert.deepEqual(facts, {
    outlet: "lab",
    agent: "north:ward-1",
    channel: "adt",
    type: "message",
    epoch: 1n,
    seq: 1n,
    count: 5,
    code: "EPIPE",
  });
});

for (const part of ["readMessages", "findGaps", "findPosition"] as const) {
  test(`[TP38] a store that is away for a while stops no channel for good: ${part}`, async () => {
    await using stage = await OutletStage.open();
    const failures = { left: 5 };
    const context = { ...stage.context, store: failing(stage, part, failures) };
    const taker = new TestTaker();
    await stage.caller.ingest(1n, 1n, "1");
    await using _pump = await Pump.open(taker, context, ALL);
    await until("it is taken", () => taker.taken.length === 1);
    assert.equal(failures.left, 0);
    const said = stage.logged.map(({ event, facts }) => [event, facts["count"], facts["code"]]);
    assert.deepEqual(said, [
      ["outletStuck", 5, "STORE_UNREACHABLE"],
      ["outletRecovered", 5, undefined],
    ]);
  });
}

test("[TP38] a channel in which nothing is left has recovered, too", async () => {
  await using stage = await OutletStage.open();
  const failures = { left: 5 };
  const context = { ...stage.context, store: failing(stage, "readMessages", failures) };
  await using _pump = await Pump.open(new TestTaker(), context, ALL);
  await until("it is said", () => stage.logged.length === 2);
  assert.deepEqual(stage.logged[1], {
    event: "outletRecovered",
    facts: { outlet: "lab", agent: "north:ward-1", channel: "adt", count: 5 },
  });
});

test("[S9] a store that has failed for good is asked no more", async () => {
  await using stage = await OutletStage.open();
  const gone = Promise.withResolvers<ReceiverError>();
  const failures = { left: 2 };
  const rings: (() => void)[] = [];
  const after = (_delayMs: number, act: () => void): Disposable => {
    rings.push(act);
    return { [Symbol.dispose]: () => {} };
  };
  const store = failing(stage, "readMessages", failures, gone.promise);
  const context = { ...stage.context, store, clock: { ...systemClock, after } };
  await using _pump = await Pump.open(new TestTaker(), context, ALL);
  await until("it rests", () => rings.length === 1);
  gone.resolve(new ReceiverError("STORE_CORRUPT"));
  await stage.store.listAgents(null);
  rings[0]?.();
  await stage.store.listAgents(null);
  assert.equal(failures.left, 1);
});

test("[TP38] the position never runs ahead of what was taken, and is written before a stop", async () => {
  await using stage = await OutletStage.open();
  const taker = new TestTaker();
  const held = Promise.withResolvers<void>();
  taker.act = (text) => (text === "1.3:3" ? held.promise : undefined);
  {
    await using _pump = await stage.pump(taker);
    await stage.caller.ingest(1n, 1n, ...bodies(1, 5));
    await until("two are written", async () => (await stage.position("lab")) === "1.2");
    assert.equal(taker.tryCount, 3);
    // The stop waits for what is under way.
    setImmediate(() => held.resolve());
  }
  assert.equal(await stage.position("lab"), "1.3");
  assert.deepEqual(taker.taken, texts(1, 3), "nothing is begun while it stops");
  await using _pump = await stage.pump(taker);
  await until("the rest is taken", () => taker.taken.length === 5);
  assert.deepEqual(taker.taken, texts(1, 5));
});

test("[I-8] only so many channels are handed on at once, and all have their turn", async () => {
  await using stage = await OutletStage.open();
  const taker = new TestTaker();
  const gate = Promise.withResolvers<void>();
  taker.act = () => gate.promise;
  for (let ward = 1; ward <= 9; ward++) {
    const caller = ward === 1 ? stage.caller : await Caller.greet(stage.store, `ward-${ward}`);
    await caller.open(1n);
    await caller.ingest(1n, 1n, ...bodies(1, 20));
  }
  await using _pump = await stage.pump(taker, { channelsAtOnce: 3 });
  await until("three are under way", () => taker.underWay === 3);
  for (let turn = 0; turn < 20; turn++) await stage.store.listAgents(null);
  assert.equal(taker.tryCount, 3);
  gate.resolve();
  await until("all are taken", () => taker.taken.length === 180);
  assert.ok(taker.mostUnderWay <= 3);
});

test("[TP38] an outlet takes only the channels that it names", async () => {
  await using stage = await OutletStage.open();
  const { caller } = stage;
  await caller.open(5n, { epoch: 4n, finalSeq: 2n }, "oru");
  await caller.ingest(1n, 1n, "1");
  const taker = new TestTaker();
  await using _pump = await stage.pump(taker, { channels: ["oru"] });
  await until("it is taken", () => taker.taken.length === 1);
  assert.deepEqual(taker.taken, ["4.1-2 storeReplaced"]);
});

test("[TP38] a rewind hands everything behind it on again, also while a message is refused", async () => {
  await using stage = await OutletStage.open();
  const taker = new TestTaker();
  let isBroken = false;
  taker.act = (text) => {
    if (isBroken && text === "1.4:4") throw new Error("no");
  };
  await using pump = await stage.pump(taker);
  await stage.caller.ingest(1n, 1n, ...bodies(1, 3));
  await until("three are taken", () => taker.taken.length === 3);
  const adt = { tenant: "north", name: "ward-1", channel: "adt" };
  assert.equal(await pump.rewind(adt, { epoch: 1n, seq: 1n }), true);
  await until("two are taken again", () => taker.taken.length === 5);
  assert.deepEqual(taker.taken, [...texts(1, 3), ...texts(2, 3)]);
  isBroken = true;
  await stage.caller.ingest(1n, 4n, "4");
  await until("it is tried", () => taker.tryCount >= 7);
  await pump.rewind(adt, { epoch: 0n, seq: 0n });
  assert.notEqual(await stage.position("lab"), "1.3");
  await until("all are taken again", () => taker.taken.length === 8);
  isBroken = false;
  await until("the last is taken", () => taker.taken.length === 9);
  assert.deepEqual(taker.taken.slice(5), texts(1, 4));
  await assert.rejects(pump.rewind(adt, { epoch: 1n, seq: 5n }), RangeError);
  assert.equal(await pump.rewind({ ...adt, channel: "none" }, { epoch: 1n, seq: 0n }), false);
  assert.equal(await pump.rewind({ ...adt, name: "none" }, { epoch: 1n, seq: 0n }), false);
});

test("[TP38] a taker of several gets them together, after a failure one alone, and all of them once", async () => {
  await using stage = await OutletStage.open();
  const bodies = Array.from({ length: 9 }, (_, index) => `${index + 1}`);
  await stage.caller.ingest(1n, 1n, ...bodies);
  const taken: string[] = [];
  const tries: string[] = [];
  let failures = 2;
  const taker: Taker = {
    name: "lab",
    take: async (event) => {
      tries.push(await textOfEvent(event));
      if (failures-- > 0) throw new ReceiverError("OUTLET_REFUSED");
      taken.push(await textOfEvent(event));
    },
    takeSome: async (events) => {
      const some = await Promise.all(events.slice(0, 4).map(textOfEvent));
      tries.push(some.join());
      if (some.includes("1.7:7") && failures-- > 0) throw new ReceiverError("OUTLET_REFUSED");
      taken.push(...some);
      return some.length;
    },
  };
  await using _pump = await stage.pump(taker);
  await until("all are taken", async () => (await stage.position("lab")) === "1.9");
  assert.deepEqual(taken, texts(1, 9));
  assert.deepEqual(tries, [
    texts(1, 4).join(),
    texts(5, 8).join(),
    "1.5:5",
    "1.5:5",
    texts(6, 9).join(),
  ]);
});
