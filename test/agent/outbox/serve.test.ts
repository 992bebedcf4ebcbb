import assert from "node:assert/strict";
import { test } from "node:test";
import { Source } from "#test/support/test-inbox.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

const names = ({ outbox }: TestOutbox): string[] => outbox.channels.map(({ name }) => name);

test("[05 S6] a channel that comes while the store is open begins at epoch 1, seq 1, and is there after a crash", async () => {
  await using store = await TestOutbox.open();
  const found: string[] = [];
  store.outbox.epochs.onChannel(({ name, lastSeq }) => void found.push(`${name} ${lastSeq}`));
  await appendTo(store.outbox, entryOf({ controlId: "A1" }));
  await store.outbox.serve({ channels: [{ name: "adt" }, { name: "lab" }], downstream: [] });
  assert.deepEqual([names(store), found], [["adt", "oru", "lab"], ["lab 0"]]);
  const outcome = await appendTo(store.outbox, entryOf({ controlId: "L1", channel: 3 }));
  assert.deepEqual([outcome.kind, "seq" in outcome && outcome.seq], ["stored", 1n]);
  await appendTo(store.outbox, entryOf({ controlId: "A2" }));
  await store.kill();
  // By a start that has never heard of it: an old configuration, after a crash in the middle of a change.
  await store.reopen();
  assert.deepEqual(names(store), ["adt", "oru", "lab"]);
  assert.deepEqual(await store.bodies(1), ["A1", "A2"]);
  assert.deepEqual(await store.bodies(3), ["L1"]);
  const { missing } = await store.outbox.standing();
  assert.deepEqual(missing, []);
});

test("[E7] what a channel's quarantine may hold changes with the configuration", async () => {
  await using store = await TestOutbox.open({ channels: [{ name: "adt" }] });
  const aside = (controlId: string) =>
    entryOf({ controlId, body: `${controlId}${"x".repeat(5_000)}`, quarantine: "noHeader" });
  assert.equal((await appendTo(store.outbox, aside("Q1"))).kind, "quarantined");
  const channels = [{ name: "adt", quarantineMaxBytes: 8_000 }];
  await store.outbox.serve({ channels, downstream: [] });
  const second = await appendTo(store.outbox, aside("Q2"));
  assert.equal(second.kind === "refused" && second.error.code, "QUARANTINE_FULL");
  await store.outbox.serve({ channels: [{ name: "adt" }], downstream: [] });
  assert.equal((await appendTo(store.outbox, aside("Q3"))).kind, "quarantined");
});

test("[TP34] what comes down is taken on the channels that are named now", async () => {
  await using store = await TestOutbox.open({ channels: [{ name: "adt" }] });
  const orders = new Source(() => store.outbox.inbox, "orders");
  assert.deepEqual(await orders.open(), { kind: "unknown" });
  const channels = [{ name: "adt" }];
  await store.outbox.serve({ channels, downstream: ["orders"] });
  assert.deepEqual(names(store), ["adt", "$outcomes"]);
  await orders.opened();
  await orders.sent(1n, "D1");
  await store.outbox.serve({ channels, downstream: [] });
  assert.deepEqual(await orders.send(2n, "D2"), { kind: "staleEpoch" });
  assert.deepEqual(await orders.open(), { kind: "unknown" });
  await store.outbox.serve({ channels, downstream: ["orders"] });
  await orders.opened();
  await orders.sent(2n, "D2");
  assert.deepEqual(await orders.delivered(), ["D1", "D2"]);
});
