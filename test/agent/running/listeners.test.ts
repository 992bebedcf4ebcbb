import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { freePort } from "#scripts/free-port.ts";
import { ack, HospitalSystem } from "#test/support/hospital-system.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import { EMPTY_SET, listenerOn, RunningStage, senderTo } from "#test/support/running-stage.ts";
import { StubPort, silent } from "#test/support/stub-port.ts";
import { Source } from "#test/support/test-inbox.ts";

const setOf = (...channels: ReturnType<typeof listenerOn>[]) => ({ ...EMPTY_SET, channels });

/** 03 A3: a connection owes its reply for a second. */
const ANSWERS_LATE = {
  ...{ ackMode: "deferred", deferredTimeoutSeconds: 1, deferredFallback: "storeAA" },
};

/** Whether a port takes a connection; it is ended at once. */
const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });

async function exchanged(socket: MllpSocket, controlId: string, count: number): Promise<void> {
  await socket.send(framed(adt(controlId)));
  assert.equal((await socket.acknowledged(count)).at(-1), `AA ${controlId}`);
}

test("[07 2.10] a channel whose configuration is the same keeps its connection over a change of all others", async () => {
  const [kept, gone, other] = [await freePort(), await freePort(), await freePort()];
  const adtChannel = listenerOn("adt", kept);
  await using stage = await RunningStage.open(
    setOf(adtChannel, listenerOn("gone", gone), listenerOn("moved", 0)),
  );
  await using socket = await MllpSocket.open(kept);
  await exchanged(socket, "M1", 1);
  const next = setOf(structuredClone(adtChannel), listenerOn("moved", other), listenerOn("new", 0));
  const result = await stage.applied(next);
  assert.deepEqual([result.added, result.changed, result.removed], [["new"], ["moved"], ["gone"]]);
  await exchanged(socket, "M2", 2);
  assert.equal(stage.portOf("moved"), other);
  await using fresh = await MllpSocket.open(stage.portOf("new"));
  await exchanged(fresh, "N1", 1);
  await assert.rejects(MllpSocket.open(gone), { code: "ECONNREFUSED" });
  assert.deepEqual(await stage.stored("adt"), [adt("M1"), adt("M2")]);
  assert.deepEqual(await stage.stored("new"), [adt("N1")]);
});

test("[07 2.10] rules for messages change between two messages of one connection", async () => {
  const port = await freePort();
  await using stage = await RunningStage.open(setOf(listenerOn("adt", port)));
  await using socket = await MllpSocket.open(port);
  await exchanged(socket, "M1", 1);
  const more = { ackMode: "commitOnly", quarantineMaxBytes: 2_000_000, priority: "urgent" };
  assert.deepEqual((await stage.applied(setOf(listenerOn("adt", port, more)))).changed, ["adt"]);
  await socket.send(framed(adt("M2")));
  assert.deepEqual(await socket.acknowledged(2), ["AA M1", "CA M2"]);
  assert.equal(stage.followed.at(-1)?.rules.get("adt")?.priority, "urgent");
});

test("[07 2.10] limits of a listener change: what was read is answered, the port is never closed", async () => {
  const port = await freePort();
  await using stage = await RunningStage.open(setOf(listenerOn("adt", port, ANSWERS_LATE)));
  await using socket = await MllpSocket.open(port);
  let [refusedCount, openedCount, isOver] = [0, 0, false];
  const knocking = (async () => {
    while (!isOver) {
      if (await isOpen(port)) openedCount += 1;
      else refusedCount += 1;
    }
  })();
  await socket.send(framed(adt("M1")));
  await until("it is stored", () => stage.outbox.backlogBytes(1) > 0);
  const more = { ...ANSWERS_LATE, maxBlockBytes: 2_000_000 };
  await stage.applied(setOf(listenerOn("adt", port, more)));
  const before = openedCount;
  await until("somebody knocks", () => openedCount > before + 3);
  isOver = true;
  await knocking;
  assert.equal(refusedCount, 0);
  assert.deepEqual(await socket.acknowledged(1), ["AA M1"]);
  await socket.closed();
  await stage.applied(setOf(listenerOn("adt", port)));
  await using again = await MllpSocket.open(port);
  await exchanged(again, "M2", 1);
  assert.deepEqual(await stage.stored("adt"), [adt("M1"), adt("M2")]);
});

test("[C3] where only who may connect changes, those stay that still may", async () => {
  const port = await freePort();
  const allowing = (...allow: string[]) =>
    setOf(listenerOn("adt", port, { host: "0.0.0.0", allow }));
  await using stage = await RunningStage.open(allowing("127.0.0.1", "127.0.0.2"));
  await using stays = await MllpSocket.open(port);
  await using goes = await MllpSocket.open(port, "127.0.0.1", "127.0.0.2");
  await exchanged(stays, "M1", 1);
  await exchanged(goes, "M2", 1);
  await stage.applied(allowing("127.0.0.1"));
  await goes.closed();
  await exchanged(stays, "M3", 2);
  await stage.applied(allowing("10.0.0.0/8"));
  await stays.closed();
});

test("[07 2.10] a port moves from a channel to another", async () => {
  const [first, second] = [await freePort(), await freePort()];
  await using stage = await RunningStage.open(
    setOf(listenerOn("adt", first), listenerOn("oru", second)),
  );
  const records = stage.running.listeners.map(({ record }) => record);
  const swapped = setOf(listenerOn("adt", second), listenerOn("oru", first));
  await stage.applied(swapped);
  assert.deepEqual([stage.portOf("adt"), stage.portOf("oru")], [second, first]);
  assert.deepEqual(new Set(stage.running.listeners.map(({ record }) => record)), new Set(records));
  await stage.applied(setOf(listenerOn("renamed", first), listenerOn("adt", second)));
  await using socket = await MllpSocket.open(first);
  await exchanged(socket, "M1", 1);
  assert.deepEqual(await stage.stored("renamed"), [adt("M1")]);
});

test("[07 2.10] one port is taken: everything is again what it was, and messages flow on", async () => {
  const [kept, moves, leaves] = [await freePort(), await freePort(), await freePort()];
  await using taken = await StubPort.open(silent);
  const before = setOf(
    listenerOn("adt", kept),
    listenerOn("moves", moves),
    listenerOn("leaves", leaves, { malformedReply: "accept" }),
  );
  await using stage = await RunningStage.open(before);
  await using socket = await MllpSocket.open(kept);
  await exchanged(socket, "M1", 1);
  const conditions = stage.conditionNames;
  // "moves" takes the port that "leaves" has: by then that is closed; "late" comes behind it, and fails.
  const next = setOf(
    listenerOn("fresh", 0),
    listenerOn("adt", kept, { ackMode: "commitOnly" }),
    listenerOn("moves", leaves),
    listenerOn("late", taken.port),
  );
  for (const set of [next, setOf(...next.channels.toReversed())]) {
    const result = await stage.running.apply(set);
    assert.ok(result.kind === "wentBack");
    assert.equal(result.why.code, "LISTEN_PORT_IN_USE");
    assert.deepEqual(result.missing, []);
    assert.equal(stage.running.set, before);
    const names = stage.running.listeners.map(({ config: { name } }) => name);
    assert.deepEqual(names.toSorted(), ["adt", "leaves", "moves"]);
  }
  await exchanged(socket, "M2", 2);
  for (const [name, port] of [
    ["moves", moves],
    ["leaves", leaves],
  ] as const) {
    assert.equal(stage.portOf(name), port);
    await using again = await MllpSocket.open(port);
    await exchanged(again, `${name}-1`, 1);
  }
  assert.deepEqual(stage.conditionNames, conditions);
});

test("[07 2.10] a change that fails after ports were given away takes them back", async () => {
  const [first, second] = [await freePort(), await freePort()];
  const before = setOf(listenerOn("adt", first), listenerOn("oru", second));
  await using stage = await RunningStage.open(before);
  // Both are late: the first takes the place of the second, which is then to have one that is taken.
  const next = setOf(
    listenerOn("adt", second),
    listenerOn("oru", first, { host: "192.0.2.1", allow: ["10.0.0.0/8"] }),
  );
  const result = await stage.running.apply(next);
  assert.ok(result.kind === "wentBack");
  assert.equal(result.why.code, "LISTEN_ADDRESS_UNKNOWN");
  assert.deepEqual([stage.portOf("adt"), stage.portOf("oru")], [first, second]);
  await using socket = await MllpSocket.open(first);
  await exchanged(socket, "M1", 1);
  assert.deepEqual(await stage.stored("adt"), [adt("M1")]);
});

test("[07 2.10] two changes at once are made one after the other", async () => {
  const [first, second] = [await freePort(), await freePort()];
  await using stage = await RunningStage.open(setOf(listenerOn("adt", 0)));
  const results = await Promise.all([
    stage.running.apply(setOf(listenerOn("adt", first), listenerOn("oru", 0))),
    stage.running.apply(setOf(listenerOn("adt", second))),
    stage.running.apply(setOf(listenerOn("adt", second))),
  ]);
  assert.deepEqual(
    results.map((one) => one.kind === "applied" && [one.added, one.changed, one.removed]),
    [
      [["oru"], ["adt"], []],
      [[], ["adt"], ["oru"]],
      [[], [], []],
    ],
  );
  assert.equal(stage.portOf("adt"), second);
});

test("[E8] a removed channel's sender hears of what it had sent; its messages stay", async () => {
  const port = await freePort();
  await using stage = await RunningStage.open(setOf(listenerOn("adt", port), listenerOn("oru", 0)));
  await using socket = await MllpSocket.open(port);
  await socket.send(...Array.from({ length: 20 }, (_, index) => framed(adt(`M${index}`))));
  await until("some are here", () => stage.outbox.backlogBytes(1) > 0);
  await stage.applied(setOf(...stage.running.set.channels.slice(1)));
  await socket.closed();
  const heard = socket.received.split("\x1c\r").length - 1;
  const stored = await stage.stored("adt");
  assert.ok(heard > 0);
  assert.equal(stored.length, heard);
  // It comes again, with all that it held.
  await stage.applied(setOf(listenerOn("adt", port), ...stage.running.set.channels));
  await using again = await MllpSocket.open(port);
  await exchanged(again, "AGAIN", 1);
  assert.deepEqual(await stage.stored("adt"), [...stored, adt("AGAIN")]);
});

test("[E8] a stop in the middle of a change waits for what is being answered, and opens nothing more", async () => {
  const port = await freePort();
  await using system = await HospitalSystem.open(() => undefined);
  await using next = await HospitalSystem.open();
  const other = listenerOn("oru", 0);
  await using stage = await RunningStage.open({
    ...setOf(listenerOn("adt", port, ANSWERS_LATE), other),
    senders: [senderTo("orders", system.port)],
  });
  const orders = new Source(() => stage.outbox.inbox, "orders");
  await orders.opened();
  await orders.sent(1n, adt("D1"));
  await until("it is on its way", () => system.blocks.length === 1);
  await using socket = await MllpSocket.open(port);
  await socket.send(framed(adt("M1")));
  await until("it is stored", () => stage.outbox.backlogBytes(1) > 0);
  const record = stage.running.recordOf("adt");
  const change = stage.running.apply({ ...setOf(other), senders: [senderTo("orders", next.port)] });
  const later = stage.running.apply(setOf(listenerOn("later", 0)));
  await until("its port is closed", async () => !(await isOpen(port)));
  const stopped = stage.running[Symbol.asyncDispose]();
  system.blocks[0]?.socket.write(ack("AA", "D1"));
  for (const one of [change, later]) await assert.rejects(one, { code: "AGENT_NOT_RUNNING" });
  await stopped;
  assert.equal(record?.counters.value("repliesPositive"), 1);
  assert.deepEqual(await socket.acknowledged(1), ["AA M1"]);
  assert.deepEqual([next.connections, stage.running.listeners.length], [[], 1]);
  assert.deepEqual(await stage.stored("adt"), [adt("M1")]);
});

test("[E1] a set that comes while the store cannot store listens once it can", async () => {
  const [first, second] = [await freePort(), await freePort()];
  await using stage = await RunningStage.open(setOf(listenerOn("adt", first)));
  stage.gate.close(new AgentError("STORE_BUSY", {}));
  const next = setOf(
    listenerOn("adt", first, { cannotStoreReply: "error" }),
    listenerOn("oru", second),
    listenerOn("more", 0, { cannotStoreReply: "reject" }),
  );
  await stage.applied(next);
  await until("all listen", () =>
    stage.running.listeners.every(({ listener }) => listener.isListening),
  );
  await using socket = await MllpSocket.open(second);
  await exchanged(socket, "M1", 1);
});
