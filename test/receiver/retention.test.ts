import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { openRetention } from "#receiver/retention.ts";
import { allMessages } from "#receiver/store/walk.ts";
import { Caller, itemOf } from "./support/store-suite.ts";
import { openTemporaryStore } from "./support/temporary-store.ts";

const HOUR_MS = 3_600_000;
const STORED_AT_MS = 1_700_000_000_000;

/** A clock that stands, and rings each hour when told to. */
class Hours {
  nowMsValue = STORED_AT_MS;
  #ring: (() => void) | undefined;

  readonly clock = {
    nowMs: () => this.nowMsValue,
    monotonicMs: () => this.nowMsValue,
    after: () => ({ [Symbol.dispose]: () => {} }),
    every: (_periodMs: number, act: () => void) => {
      this.#ring = act;
      const stop = (): void => {
        this.#ring = undefined;
      };
      return { [Symbol.dispose]: stop };
    },
  };

  async pass(hours: number): Promise<void> {
    this.nowMsValue += hours * HOUR_MS;
    // Twice: the look before may be under way still.
    for (let ring = 0; ring < 2; ring++) {
      this.#ring?.();
      await pause(100);
    }
  }
}

async function withMessage(channel = "adt") {
  const store = await openTemporaryStore();
  const caller = await Caller.greet(store);
  await caller.open(1n, null, channel);
  const call = { agent: caller.agent, session: caller.session, channel, epoch: 1n };
  await store.ingest({ ...call, atMs: STORED_AT_MS, first: 1n, items: [itemOf("one")] });
  const body = async (): Promise<string | undefined> => {
    const everything = { after: { epoch: 0n, seq: 0n }, upTo: { epoch: 9n, seq: 9n } };
    for await (const message of allMessages(store, {
      ...{ agent: caller.agent, channel, withBody: true },
      ...everything,
    })) {
      return message.body === null ? undefined : Buffer.from(message.body).toString();
    }
    return "no row";
  };
  return { store, caller, body };
}

describe("retention at the receiver", () => {
  test("[TP38] without outlets bodies stay for ever, unless the configuration names a time", async () => {
    const { store, body } = await withMessage();
    await using _closing = store;
    const hours = new Hours();
    {
      await using _open = openRetention({
        ...{ store, clock: hours.clock, outlets: [], retainHours: undefined },
      });
      await hours.pass(10_000);
      assert.equal(await body(), "one");
    }
    hours.nowMsValue = STORED_AT_MS;
    await using _open = openRetention({
      ...{ store, clock: hours.clock, outlets: [], retainHours: 100 },
    });
    await hours.pass(100);
    assert.equal(await body(), "one");
    await hours.pass(1);
    assert.equal(await body(), undefined, "its row is there, its body is gone");
  });

  test("[TP38] with outlets a body stays until each has handed it on, and 72 hours at least", async () => {
    const { store, caller, body } = await withMessage();
    await using _closing = store;
    const hours = new Hours();
    await using _open = openRetention({
      ...{ store, clock: hours.clock, retainHours: undefined },
      outlets: ["one", "two"].map((outlet) => ({ outlet, channels: null })),
    });
    const place = { agent: caller.agent, channel: "adt", epoch: 1n, seq: 1n };
    const move = (outlet: string) =>
      store.movePosition({ outlet, ...place, atMs: 1, isRewind: false });
    await move("one");
    await hours.pass(500);
    assert.equal(await body(), "one", "the second one does not have it");
    await move("two");
    await hours.pass(1);
    assert.equal(await body(), undefined);
  });

  test("[TP38] a channel that no outlet takes keeps its bodies, unless the configuration names a time", async () => {
    const { store, body } = await withMessage();
    await using _closing = store;
    const outlets = [{ outlet: "lab", channels: ["oru"] }];
    const hours = new Hours();
    {
      await using _open = openRetention({
        ...{ store, clock: hours.clock, outlets, retainHours: undefined },
      });
      await hours.pass(10_000);
      assert.equal(await body(), "one");
    }
    hours.nowMsValue = STORED_AT_MS;
    await using _open = openRetention({
      ...{ store, clock: hours.clock, outlets, retainHours: 100 },
    });
    await hours.pass(101);
    assert.equal(await body(), undefined);
  });

  test("[TP38] [TP35] what agents report waits for the receiver itself, and for no outlet", async () => {
    const { store, caller, body } = await withMessage("$outcomes");
    await using _closing = store;
    const hours = new Hours();
    await using _open = openRetention({
      ...{ store, clock: hours.clock, retainHours: undefined },
      outlets: [{ outlet: "lab", channels: null }],
    });
    await hours.pass(500);
    assert.equal(await body(), "one");
    const place = { agent: caller.agent, channel: "$outcomes", epoch: 1n, seq: 1n };
    await store.movePosition({ outlet: "$outcomes", ...place, atMs: 1, isRewind: false });
    await hours.pass(1);
    assert.equal(await body(), undefined);
  });
});
