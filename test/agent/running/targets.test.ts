import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { storeChannel } from "#agent/channel-options.ts";
import type { ChannelSet } from "#agent/running/channel-set.ts";
import { freePort } from "#scripts/free-port.ts";
import { ack, alwaysAA, HospitalSystem } from "#test/support/hospital-system.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import {
  dropIn,
  EMPTY_SET,
  folderTo,
  listenerOn,
  RunningStage,
  senderTo,
} from "#test/support/running-stage.ts";
import { StubPort, silent } from "#test/support/stub-port.ts";
import { Source } from "#test/support/test-inbox.ts";

const CHANNELS = [listenerOn("adt", 0)];
const delivering = (...senders: ReturnType<typeof senderTo>[]): ChannelSet => ({
  ...EMPTY_SET,
  ...{ channels: CHANNELS, senders },
});

test("[07 2.10] a channel that delivers is added: its messages are taken and delivered, its outcomes told", async () => {
  await using system = await HospitalSystem.open();
  await using stage = await RunningStage.open(delivering());
  const orders = new Source(() => stage.outbox.inbox, "orders");
  assert.deepEqual(await orders.open(), { kind: "unknown" });
  await stage.applied(delivering(senderTo("orders", system.port)));
  assert.deepEqual(stage.followed.at(-1)?.delivered, ["orders"]);
  await orders.opened();
  await orders.sent(1n, adt("D1"), adt("D2"));
  await until("both are delivered", () => system.controlIds.length === 2);
  await until(
    "their outcomes are told",
    async () => (await stage.stored("$outcomes")).length === 2,
  );
});

test("[O1] a channel goes on with another system: what was in hand there is finished first, nothing is sent twice", async () => {
  await using old = await HospitalSystem.open(() => undefined);
  await using next = await HospitalSystem.open();
  await using other = await HospitalSystem.open();
  const kept = senderTo("other", other.port);
  await using stage = await RunningStage.open(delivering(senderTo("orders", old.port), kept));
  const orders = new Source(() => stage.outbox.inbox, "orders");
  const others = new Source(() => stage.outbox.inbox, "other");
  await orders.opened();
  await others.opened();
  await others.sent(1n, adt("O1"));
  await orders.sent(1n, adt("D1"), adt("D2"));
  await until("one is on its way", () => old.blocks.length === 1);
  const change = stage.applied(delivering(senderTo("orders", next.port), kept));
  await others.sent(2n, adt("O2"));
  await until("the other channel goes on", () => other.blocks.length === 2);
  assert.equal(next.blocks.length, 0);
  old.blocks[0]?.socket.write(ack("AA", "D1"));
  await change;
  await until("the rest goes to the next system", () => next.blocks.length === 1);
  assert.deepEqual([old.controlIds, next.controlIds], [["D1"], ["D2"]]);
  assert.equal(other.connections.length, 1);
  const accepted = () =>
    stage.running.senders.statuses.find(({ channel }) => channel === "orders")?.counters.accepted;
  await until("its counts go on", () => accepted() === 2);
});

test("[07 2.10] a channel that delivers is taken out: the receiver hears so, and what is here stays for its return", async () => {
  await using system = await HospitalSystem.open(() => undefined);
  await using stage = await RunningStage.open(delivering(senderTo("orders", system.port)), {
    graceMs: 100,
  });
  const orders = new Source(() => stage.outbox.inbox, "orders");
  await orders.opened();
  await orders.sent(1n, adt("D1"));
  await until("it is on its way", () => system.blocks.length === 1);
  await stage.applied(delivering());
  assert.deepEqual(stage.running.senders.statuses, []);
  assert.deepEqual(await orders.send(2n, adt("D2")), { kind: "staleEpoch" });
  assert.deepEqual(await orders.open(), { kind: "unknown" });
  system.answer = alwaysAA;
  await stage.applied(delivering(senderTo("orders", system.port)));
  await orders.opened();
  await orders.sent(2n, adt("D2"));
  await until("both were delivered", () => system.blocks.length === 3);
  assert.deepEqual(system.controlIds, ["D1", "D1", "D2"]);
});

test("[07 2.10] of a change that fails no sender is another one", async () => {
  await using system = await HospitalSystem.open();
  await using taken = await StubPort.open(silent);
  await using stage = await RunningStage.open(delivering(senderTo("orders", system.port)));
  const orders = new Source(() => stage.outbox.inbox, "orders");
  await orders.opened();
  await orders.sent(1n, adt("D1"));
  await until("it is delivered", () => system.blocks.length === 1);
  const tls = { serverCa: join(stage.folder, "none.pem") };
  for (const next of [
    delivering(senderTo("orders", await freePort(), { tls })),
    { ...delivering(senderTo("new", 9)), channels: [...CHANNELS, listenerOn("x", taken.port)] },
  ]) {
    const result = await stage.running.apply(next);
    assert.equal(result.kind, "wentBack");
  }
  await orders.sent(2n, adt("D2"));
  await until("it is delivered", () => system.blocks.length === 2);
  assert.equal(system.connections.length, 1);
  assert.deepEqual(stage.followed.at(-1)?.delivered, ["orders"]);
});

test("[04 P26] rows of files are kept for as long as the same content is recognised", () => {
  const at = mkdtempSync(join(tmpdir(), "holdfast-window-"));
  const { fileWindowMs } = storeChannel(dropIn("lab", at, { duplicateWindowHours: 72 }));
  rmSync(at, { recursive: true });
  assert.equal(fileWindowMs, 72 * 3_600_000);
});

test("[04 P17, P24] folders that files come from and go to change, and no file is taken twice", async () => {
  await using stage = await RunningStage.open(delivering());
  const at = join(stage.folder, "lab");
  const [first, second] = [join(stage.folder, "out-1"), join(stage.folder, "out-2")];
  for (const made of [first, second]) mkdirSync(made);
  const put = (name: string): void => writeFileSync(join(at, "in", name), adt(name));
  const taking = (more: Readonly<Record<string, unknown>>, target: string): ChannelSet => ({
    ...delivering(),
    drops: [dropIn("lab", at, more)],
    folderSenders: [folderTo("results", target)],
  });
  await stage.applied(taking({}, first));
  const results = new Source(() => stage.outbox.inbox, "results");
  await results.opened();
  put("A1.hl7");
  await results.sent(1n, adt("R1"));
  await until("it is here", async () => (await stage.stored("lab")).length === 1);
  await until("it lies there", () => readdirSync(first).length === 1);
  const [before] = stage.running.drops;
  // Only rules: the folder is not let go.
  await stage.applied(taking({ duplicatePolicy: "off" }, first));
  assert.equal(stage.running.drops[0]?.drop, before?.drop);
  put("A2.hl7");
  await stage.applied(taking({ archiveFolder: "done" }, second));
  put("A3.hl7");
  await results.sent(2n, adt("R2"));
  await until("all are here", async () => (await stage.stored("lab")).length === 3);
  await until("it lies there", () => readdirSync(second).length === 1);
  assert.deepEqual((await stage.stored("lab")).toSorted(), [
    adt("A1.hl7"),
    adt("A2.hl7"),
    adt("A3.hl7"),
  ]);
  await until("the drop folder is empty", () => readdirSync(join(at, "in")).length === 0);
  await stage.applied(delivering());
  put("A4.hl7");
  assert.deepEqual(stage.running.drops, []);
  assert.deepEqual(stage.conditionNames, []);
});
