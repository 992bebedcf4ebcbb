import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { until } from "#test/support/processes.ts";
import { RelayLine } from "#test/support/relay-line.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

describe("the outbox settles on the receiver's word", () => {
  test("[TP24, TP14] the cursor follows the ACKs, and what is settled is not sent again after a restart", async () => {
    await using line = await RelayLine.open();
    line.openTunnel();
    const body = (i: number): string => `${i} ${"-".repeat(20_000)}`;
    for (let i = 0; i < 40; i++) await line.append(body(i));
    await line.arrivesWhole();
    await line.closeTunnel();
    await line.store.reopen();
    const before = line.proxy.stats().up;
    line.openTunnel();
    await line.tunnel.reaches("streaming");
    await line.append("new");
    await line.arrivesWhole();
    const sentBytes = line.proxy.stats().up - before;
    assert.ok(sentBytes < 20_000, `${sentBytes} bytes: handshake and one small message`);
  });

  test("[TP19, RI5] an ACK that is lost costs a repeat, which the receiver recognises", async () => {
    await using line = await RelayLine.open();
    line.openTunnel();
    await line.tunnel.reaches("streaming");
    for (let i = 0; i < 8; i++) {
      // Everything goes up, and nothing comes back: stored there, unknown here.
      line.proxy.set({ "down.stall": 1 });
      await line.append(`${i}`);
      await until("it is stored", async () => (await line.agent.stored()).length === i + 1);
      line.proxy.set({ "down.stall": 0 });
      const { connections } = line.proxy.stats();
      line.proxy.reset();
      await until("it is back", () => line.proxy.stats().connections > connections);
      await until(
        "it is settled",
        async () => (await line.store.tail()).ackedSeq === BigInt(i + 1),
      );
    }
    await line.arrivesWhole();
  });

  test("[TP14] a receiver that stops and comes back takes the rest; nothing settles meanwhile", async () => {
    await using line = await RelayLine.open();
    line.openTunnel();
    for (let round = 0; round < 3; round++) {
      await line.append(`${round} before`);
      await line.arrivesWhole();
      const settled = (await line.store.tail()).ackedSeq;
      await line.stopReceiver();
      for (let i = 0; i < 20; i++) await line.append(`${round} ${i}`, 1);
      await line.append(`${round} other`, 2);
      assert.equal((await line.store.tail()).ackedSeq, settled);
      await line.startReceiver();
      await line.arrivesWhole();
    }
  });

  test("[TP15, TP18] another content under our numbers: the messages arrive under new ones, once; nothing is lost", async () => {
    await using line = await RelayLine.open();
    line.openTunnel();
    await line.append("first history");
    await line.append("other channel", 2);
    await line.arrivesWhole();
    await line.closeTunnel();
    // The store is lost, and a new one begins to number again.
    await using replaced = await TestOutbox.open();
    await appendTo(replaced.outbox, entryOf({ controlId: "second history" }));
    await appendTo(
      replaced.outbox,
      entryOf({ controlId: "second", body: "other channel", channel: 2 }),
    );
    await appendTo(replaced.outbox, entryOf({ controlId: "more", channel: 2 }));
    line.openTunnel(await replaced.reopen());
    await until("the channel has moved, and nothing waits", async () => {
      const tails = [await replaced.tail(1), await replaced.tail(2)];
      return tails[0]?.epoch === 2n && tails.every(({ waiting }) => waiting.count === 0n);
    });
    assert.equal((await replaced.tail(2)).epoch, 1n, "of the other one the first is the same");
    const stored = await line.agent.stored();
    assert.deepEqual(stored, [
      ...["first history", "second history"],
      ...["other channel", "more"],
    ]);
    await until("nothing is open", () => line.tunnel.conditions.list().length === 0);
    await line.closeTunnel();
  });
});
