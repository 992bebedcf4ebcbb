import assert from "node:assert/strict";
import { globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { CONDITIONS } from "#agent/health/catalogue.ts";
import type { ChannelHealth } from "#agent/running/channel-health.ts";
import type { ChannelSet } from "#agent/running/channel-set.ts";
import { OWN_CONDITIONS } from "#agent/running/own-conditions.ts";
import { freePort } from "#scripts/free-port.ts";
import { ack, HospitalSystem } from "#test/support/hospital-system.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import {
  dropIn,
  EMPTY_SET,
  folderTo,
  listenerOn,
  RunningStage,
  senderTo,
} from "#test/support/running-stage.ts";
import { Source } from "#test/support/test-inbox.ts";

const of = (stage: RunningStage, name: string): ChannelHealth => {
  const found = stage.running.health().find((one) => one.name === name);
  assert.ok(found !== undefined, `${name} does not run`);
  return found;
};

test("[07 2.11] negative acknowledgments, peers turned away and the backlog of a listener are counted, over a change of it", async () => {
  const port = await freePort();
  const set = (more = {}): ChannelSet => ({
    ...EMPTY_SET,
    channels: [listenerOn("adt", port, more)],
  });
  await using stage = await RunningStage.open(set());
  await using socket = await MllpSocket.open(port);
  await socket.send(framed(adt("M1")), framed("PID|no header"), framed("PID|again"));
  await socket.replies(3);
  const first = of(stage, "adt");
  assert.deepEqual([first.kind, first.isWorking], ["mllp-listener", true]);
  assert.deepEqual([first.negativeCount, first.errorCount], [2, 0]);
  assert.ok(first.backlogBytes > 100);
  await stage.applied(set({ allow: ["10.0.0.0/8"], malformedReply: "accept" }));
  assert.deepEqual(stage.conditionNames, ["malformedAccepted adt"]);
  await using turnedAway = await MllpSocket.open(port);
  await turnedAway.closed();
  const second = of(stage, "adt");
  assert.deepEqual([second.negativeCount, second.errorCount], [2, 1]);
  await stage.applied(set());
  assert.deepEqual(stage.conditionNames, []);
});

test("[07 2.11] a port that is closed because the store cannot store is no fault of a configuration", async () => {
  await using stage = await RunningStage.open({
    ...EMPTY_SET,
    channels: [listenerOn("adt", await freePort())],
  });
  stage.gate.close(new AgentError("STORE_BUSY", {}));
  assert.deepEqual(stage.running.listeners[0]?.listener.isListening, false);
  assert.equal(of(stage, "adt").isWorking, true);
  await until("it can store again", () => stage.gate.isOpen);
});

test("[07 2.11] folders that are not reached do not work; a hospital system that refuses counts", async () => {
  await using system = await HospitalSystem.open(({ controlId }) => ack("AE", controlId));
  await using stage = await RunningStage.open(EMPTY_SET);
  const [at, target] = [join(stage.folder, "lab"), join(stage.folder, "out")];
  mkdirSync(target);
  const drop = dropIn("lab", at);
  await stage.applied({
    ...{ channels: [listenerOn("adt", 0)], drops: [drop] },
    senders: [senderTo("orders", system.port, { retryMinSeconds: 1 })],
    folderSenders: [folderTo("results", target)],
  });
  await until(
    "the folder is watched",
    () => stage.running.drops[0]?.drop.status.state === "watching",
  );
  await until(
    "its target is reached",
    () => stage.running.senders.of("results")?.status.state === "idle",
  );
  const names = ["adt", "lab", "orders", "results"];
  assert.deepEqual(
    names.map((name) => of(stage, name).isWorking),
    [true, true, true, true],
  );
  assert.equal(stage.running.health().length, names.length);
  renameSync(target, join(stage.folder, "elsewhere"));
  renameSync(join(at, "in"), join(at, "away"));
  const results = new Source(() => stage.outbox.inbox, "results");
  const orders = new Source(() => stage.outbox.inbox, "orders");
  await results.opened();
  await orders.opened();
  await results.sent(1n, adt("R1"));
  await orders.sent(1n, adt("O1"));
  await until("the target is missed", () => !of(stage, "results").isWorking);
  await until("the folder is missed", () => !of(stage, "lab").isWorking);
  await until("a refusal is counted", () => of(stage, "orders").negativeCount > 0);
  assert.equal(of(stage, "orders").isWorking, true);
  assert.ok(of(stage, "results").errorCount > 0);
  // Elsewhere it works; what was wrong with the old place is nobody's concern any more.
  const place = join(stage.folder, "second");
  mkdirSync(place);
  const moved = dropIn("lab", join(stage.folder, "lab-2"));
  await stage.applied({
    ...{ channels: [listenerOn("adt", 0)], drops: [moved], senders: [] },
    folderSenders: [folderTo("results", place)],
  });
  assert.deepEqual(stage.conditionNames, []);
  writeFileSync(join(stage.folder, "lab-2/in/A1.hl7"), adt("A1"));
  await until("it is taken", async () => (await stage.stored("lab")).length === 1);
});

test("what may be wrong with a port, a folder or a far end is closed with its channel", () => {
  // What has happened ends by itself; a backlog goes on leaving.
  const others = [
    ...["quarantineFull", "messageTooLarge", "deliveryQuarantined", "applicationAckMissing"],
    ...["fileQuarantined", "fileVanished", "lateWrite", "channelFull"],
    // Of the store.
    ...["storeFailing", "diskLow"],
  ];
  const own: readonly string[] = Object.values(OWN_CONDITIONS).flat();
  const sources = globSync("agent/{ingest,deliver,running}/**/*.ts")
    .filter((file) => !file.endsWith("own-conditions.ts"))
    .map((file) => readFileSync(file, "utf8"));
  const opened = Object.keys(CONDITIONS).filter((name) =>
    sources.some((source) => source.includes(`"${name}"`) || source.includes(`${name}:`)),
  );
  assert.deepEqual(
    opened.filter((name) => !own.includes(name) && !others.includes(name)),
    [],
  );
  assert.ok(own.every((name) => !others.includes(name)));
});
