/** 03 O1: at least once, with the same bytes and the same control id, wherever the process ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { alwaysAA, HospitalSystem } from "#test/support/hospital-system.ts";
import { adt } from "#test/support/messages.ts";
import { SenderBench } from "#test/support/sender-bench.ts";

test("[O1] row 50: no reply, then a crash: sent again after the restart, same control id, same bytes", async () => {
  await using ris = await HospitalSystem.open(() => undefined);
  await using bench = await SenderBench.open(ris.port);
  bench.queue.append(adt("M1"));
  await bench.until("it waits", () => bench.state === "awaitingReply" && ris.blocks.length === 1);
  ris.answer = alwaysAA;
  await bench.crashAndRestart();
  await bench.stands("accepted");
  assert.deepEqual(ris.controlIds, ["M1", "M1"]);
  assert.equal(ris.blocks[0]?.text, ris.blocks[1]?.text);
  assert.deepEqual(bench.queue.row(1).outcome?.flags, ["possibleRepeat"]);
});

test("[O1] a crash after the reply and before it is stored: sent again, once", async () => {
  await using ris = await HospitalSystem.open();
  await using bench = await SenderBench.open(ris.port);
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  bench.queue.settle = () => {
    resolve();
    return new Promise<never>(() => {});
  };
  bench.queue.append(adt("M1"));
  await asked;
  await bench.crashAndRestart();
  await bench.stands("accepted");
  assert.deepEqual(ris.controlIds, ["M1", "M1"]);
});

test("[O1, O10] killed at every call that writes, in turn: each message arrives, in order, and is settled once", async () => {
  const ids = ["M1", "M2", "M3", "M4"];
  await using ris = await HospitalSystem.open();
  await using bench = await SenderBench.open(ris.port);
  for (const id of ids) bench.queue.append(adt(id));
  for (let round = 1; bench.queue.standing.some((one) => one !== "accepted"); round++) {
    const { calls } = bench.queue;
    await bench.until("one more call", () => calls.length > 0, 2_000);
    await bench.crashAndRestart();
    assert.ok(round < 50, "it comes to an end");
  }
  // A repeat may follow its original at once; nothing overtakes.
  const order = ris.controlIds.filter((id, at) => id !== ris.controlIds[at - 1]);
  assert.deepEqual(order, ids);
});

test("[O1] what was claimed and never sent is sent", async () => {
  await using ris = await HospitalSystem.open();
  await using bench = await SenderBench.open(ris.port);
  bench.queue.append(adt("M1"));
  await bench.stands("accepted");
  const row = bench.queue.row(bench.queue.append(adt("M2")));
  row.claimed = true;
  await bench.crashAndRestart();
  await bench.stands("accepted", "accepted");
});
