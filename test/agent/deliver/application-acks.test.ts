/** Messages that were accepted and wait for their application acknowledgment (03 O6). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "#test/support/hospital-system.ts";
import { ack, HospitalSystem } from "#test/support/hospital-system.ts";
import { latin1, message } from "#test/support/messages.ts";
import { SenderBench } from "#test/support/sender-bench.ts";

const SECOND = 1_000;
/** Asks for both acknowledgments. */
const both = (controlId: string): string => message({ 10: controlId, 15: "AL", 16: "AL" });
const alwaysCA: Answer = ({ controlId }) => ack("CA", controlId);

test("[O6] CA: the row stays open, the next message goes; AA on the same socket settles it", async () => {
  await using ris = await HospitalSystem.open(alwaysCA);
  await using bench = await SenderBench.open(ris.port);
  for (const id of ["M1", "M2"]) bench.queue.append(both(id));
  await bench.stands("awaiting", "awaiting");
  assert.equal(bench.sender.status.awaitingCount, 2);
  // In another order than they were sent.
  ris.connections[0]?.write(latin1(ack("AA", "M2") + ack("AA", "M1", "|done")));
  await bench.stands("accepted", "accepted");
  assert.deepEqual(ris.controlIds, ["M1", "M2"]);
  assert.equal(ris.connections.length, 1);
  const { outcome } = bench.queue.row(1);
  assert.deepEqual([outcome?.reply?.code, outcome?.flags], ["AA", []]);
});

test("[O6] CA and AA in one write: heard although the row is not yet stored as waiting", async () => {
  await using ris = await HospitalSystem.open(
    ({ controlId }) => ack("CA", controlId) + ack("AA", controlId),
  );
  await using bench = await SenderBench.open(ris.port);
  for (const id of ["M1", "M2"]) bench.queue.append(both(id));
  await bench.stands("accepted", "accepted");
  assert.deepEqual(ris.controlIds, ["M1", "M2"]);
  assert.deepEqual(
    bench.queue.calls.filter((call) => call.endsWith("1")),
    ["claim 1", "await 1", "settle 1"],
  );
});

test("[O6] the outcome is stored behind the row that waits, however long that takes", async () => {
  await using ris = await HospitalSystem.open(
    ({ controlId }) => ack("CA", controlId) + ack("AA", controlId),
  );
  await using bench = await SenderBench.open(ris.port);
  const { queue } = bench;
  const { promise: mayGo, resolve: letGo } = Promise.withResolvers<void>();
  const store = queue.awaitAcknowledgment.bind(queue);
  queue.awaitAcknowledgment = async (awaiting, reply) => {
    await mayGo;
    await store(awaiting, reply);
  };
  queue.append(both("M1"));
  await bench.until("both came", () => bench.sender.status.lastReply !== undefined);
  await bench.quiet();
  assert.deepEqual(queue.calls, ["claim 1"]);
  letGo();
  await bench.stands("accepted");
  assert.deepEqual(queue.calls, ["claim 1", "await 1", "settle 1"]);
});

test("[O6] an application acknowledgment of an earlier message, while another one is in flight, is not its reply", async () => {
  await using ris = await HospitalSystem.open(({ controlId }) =>
    controlId === "M1" ? ack("CA", "M1") : ack("AA", "M1") + ack("CA", controlId),
  );
  await using bench = await SenderBench.open(ris.port);
  for (const id of ["M1", "M2"]) bench.queue.append(both(id));
  await bench.stands("accepted", "awaiting");
  assert.deepEqual(ris.controlIds, ["M1", "M2"]);
});

test("[O6] none in time: never sent again; settled as accepted with a flag, and an alarm", async () => {
  await using ris = await HospitalSystem.open(alwaysCA);
  await using bench = await SenderBench.open(ris.port);
  bench.queue.append(both("M1"));
  await bench.stands("awaiting");
  bench.clock.advance(300 * SECOND - 1);
  await bench.quiet();
  assert.deepEqual(bench.queue.standing, ["awaiting"]);
  bench.clock.advance(1);
  await bench.stands("accepted");
  const { outcome } = bench.queue.row(1);
  assert.deepEqual([outcome?.flags, outcome?.reply?.code], [["applicationAckMissing"], "CA"]);
  await bench.until("an alarm", () => bench.alarms.join() === "applicationAckMissing");
  assert.equal(ris.blocks.length, 1);
});

test("[O6] what waits, and until when, survives a restart: settled by its time, never sent again", async () => {
  await using ris = await HospitalSystem.open(alwaysCA);
  await using bench = await SenderBench.open(ris.port);
  for (const id of ["M1", "M2"]) bench.queue.append(both(id));
  await bench.stands("awaiting", "awaiting");
  bench.clock.advance(200 * SECOND);
  await bench.crashAndRestart();
  assert.equal(bench.sender.status.awaitingCount, 2);
  bench.clock.advance(99 * SECOND);
  await bench.stands("awaiting", "awaiting");
  bench.clock.advance(SECOND);
  await bench.stands("accepted", "accepted");
  assert.deepEqual(bench.queue.row(2).outcome?.flags, ["applicationAckMissing"]);
  assert.deepEqual(ris.controlIds, ["M1", "M2"]);
});

test("[O6] waitForApplicationAck: the next message goes only when the one before is settled", async () => {
  await using ris = await HospitalSystem.open(alwaysCA);
  await using bench = await SenderBench.open(ris.port, { waitForApplicationAck: true });
  for (const id of ["M1", "M2", "M3"]) bench.queue.append(both(id));
  await bench.stands("awaiting", "open", "open");
  await bench.quiet();
  assert.deepEqual(ris.controlIds, ["M1"]);
  ris.connections[0]?.write(latin1(ack("AA", "M1")));
  await bench.stands("accepted", "awaiting", "open");
  bench.clock.advance(300 * SECOND);
  await bench.stands("accepted", "accepted", "awaiting");
});

test("[O6, O5] an application that refuses what was accepted: onReject, without another try", async () => {
  await using ris = await HospitalSystem.open(alwaysCA);
  await using bench = await SenderBench.open(ris.port, { onReject: "quarantine" });
  bench.queue.append(both("M1"));
  await bench.stands("awaiting");
  ris.connections[0]?.write(latin1(ack("AR", "M1", "|no")));
  await bench.stands("quarantined rejected");
  assert.equal(ris.blocks.length, 1);
  assert.equal(bench.queue.row(1).outcome?.reply?.code, "AR");
});

test("[O6, O5] … and hold: the channel waits for a person, who may have it sent again", async () => {
  for (const onError of ["hold", "retryForever"] as const) {
    await using ris = await HospitalSystem.open(alwaysCA);
    await using bench = await SenderBench.open(ris.port, { onError });
    bench.queue.append(both("M1"));
    await bench.stands("awaiting");
    ris.connections[0]?.write(latin1(ack("AE", "M1")));
    await bench.until("held", () => bench.state === "held");
    bench.queue.append(both("M2"));
    await bench.quiet();
    assert.deepEqual(bench.queue.standing, ["held error", "open"]);
    assert.deepEqual(ris.controlIds, ["M1"]);
    bench.sender.release("retry");
    await bench.stands("awaiting", "awaiting");
    assert.deepEqual(ris.controlIds, ["M1", "M1", "M2"]);
  }
});

test("[O6] a refusal that comes right behind CA holds the channel: at no moment is the message sent again", async () => {
  for (let lateTurns = 0; lateTurns < 12; lateTurns++) {
    await using ris = await HospitalSystem.open(({ controlId, socket }) => {
      const after = (turns: number): void => {
        if (turns > 0) setImmediate(() => after(turns - 1));
        else socket.write(latin1(ack("AR", controlId)));
      };
      socket.write(latin1(ack("CA", controlId)));
      after(lateTurns);
      return undefined;
    });
    await using bench = await SenderBench.open(ris.port);
    bench.queue.append(both("M1"));
    await bench.until("held", () => bench.state === "held");
    assert.deepEqual(bench.queue.standing, ["held rejected"]);
    assert.deepEqual(ris.controlIds, ["M1"], `${lateTurns} turns behind CA`);
  }
});

test("[O6] a refusal that is stored while the next message is asked for: the refused one is not taken for it", async () => {
  await using ris = await HospitalSystem.open(alwaysCA);
  await using bench = await SenderBench.open(ris.port);
  const { queue } = bench;
  queue.append(both("M1"));
  await bench.until("idle", () => queue.standing[0] === "awaiting" && bench.state === "idle");
  const next = queue.next.bind(queue);
  queue.next = async () => {
    queue.next = next;
    ris.connections[0]?.write(latin1(ack("AR", "M1")));
    await bench.until("the refusal is stored", () => queue.row(1).hold !== undefined);
    return await next();
  };
  queue.append(both("M2"));
  await bench.until("held", () => bench.state === "held");
  assert.deepEqual(ris.controlIds, ["M1"]);
});

test("[O6, O7] where MSH-16 asks for none, CA is the end", async () => {
  await using ris = await HospitalSystem.open(alwaysCA);
  await using bench = await SenderBench.open(ris.port);
  bench.queue.append(message({ 10: "M1", 15: "AL", 16: "NE" }));
  await bench.stands("accepted");
  assert.equal(bench.queue.row(1).outcome?.reply?.code, "CA");
});
