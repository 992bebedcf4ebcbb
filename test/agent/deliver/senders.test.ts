import assert from "node:assert/strict";
import { test } from "node:test";
import { openSenders, type SendersOptions } from "#agent/deliver/senders.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { systemClock } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { Tasks } from "#agent/host/tasks.ts";
import { FOLDER_SETTINGS } from "#test/support/folder-bench.ts";
import { HospitalSystem } from "#test/support/hospital-system.ts";
import { MemoryQueue } from "#test/support/memory-queue.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { SENDER_SETTINGS } from "#test/support/sender-bench.ts";
import { TargetFolder } from "#test/support/target-folder.ts";

/** Two channels, `ris` and `lis`, over the system's clock. */
function options(
  ports: Readonly<Record<string, number>>,
  queues: ReadonlyMap<string, MemoryQueue>,
  graceMs = 10_000,
): SendersOptions {
  const channels = Object.entries(ports).map(([name, port]) => ({
    name,
    settings: { ...SENDER_SETTINGS, port },
  }));
  return {
    ...{
      channels,
      folders: [],
      graceMs,
      clock: systemClock,
      log: silentLog,
      conditions: new Conditions(),
    },
    chance: { unit: () => 0, bytes: (count) => new Uint8Array(count) },
    tasks: new Tasks((_name, error) => assert.fail(String(error))),
    queueOf: (channel) => queues.get(channel) ?? assert.fail(channel),
  };
}

const newQueues = (): Map<string, MemoryQueue> =>
  new Map([
    ["ris", new MemoryQueue()],
    ["lis", new MemoryQueue()],
  ]);

test("[O2] each channel delivers by itself: one that hangs does not hold up another", async () => {
  await using deaf = await HospitalSystem.open(() => undefined);
  await using lis = await HospitalSystem.open();
  const queues = newQueues();
  const senders = await openSenders(options({ ris: deaf.port, lis: lis.port }, queues, 0));
  queues.get("ris")?.append(adt("R1"));
  for (const id of ["L1", "L2"]) queues.get("lis")?.append(adt(id));
  await until("lis delivered", () => queues.get("lis")?.standing.join() === "accepted,accepted");
  await until("ris is out", () => deaf.blocks.length === 1);
  await until("lis is idle", () => senders.of("lis")?.status.state === "idle");
  const shown = senders.statuses.map(({ channel, state }) => `${channel} ${state}`);
  assert.deepEqual(shown, ["ris awaitingReply", "lis idle"]);
  assert.equal(senders.of("ris")?.status.channel, "ris");
  assert.equal(senders.of("none"), undefined);
  await senders[Symbol.asyncDispose]();
  assert.deepEqual(queues.get("ris")?.standing, ["open"]);
});

test("[E8] stopping waits for the exchange in hand no longer than the grace", async () => {
  await using deaf = await HospitalSystem.open(() => undefined);
  const queues = newQueues();
  const senders = await openSenders(options({ ris: deaf.port }, queues, 200));
  queues.get("ris")?.append(adt("R1"));
  await until("it is out", () => senders.statuses[0]?.state === "awaitingReply");
  await senders[Symbol.asyncDispose]();
  assert.equal(senders.statuses[0]?.state, "closed");
  assert.deepEqual(queues.get("ris")?.calls, ["claim 1"]);
});

test("[P54] a folder and a hospital system are delivered to side by side, and released and stopped alike", async () => {
  await using deaf = await HospitalSystem.open(() => undefined);
  using target = new TargetFolder();
  const queues = newQueues();
  const whole = options({ ris: deaf.port }, queues, 100);
  const outlet = { ...FOLDER_SETTINGS.outlet, folder: target.folder };
  const folders = [{ name: "lis", settings: { ...FOLDER_SETTINGS, outlet } }];
  const senders = await openSenders({ ...whole, folders });
  queues.get("ris")?.append(adt("R1"));
  queues.get("lis")?.append(adt("L1"));
  await until("lis delivered", () => queues.get("lis")?.standing.join() === "accepted");
  await until("ris is out", () => deaf.blocks.length === 1);
  assert.equal(target.names.length, 1);
  const shown = senders.statuses.map(({ channel, kind }) => `${channel} ${kind}`);
  assert.deepEqual(shown, ["ris mllp-sender", "lis folder"]);
  assert.equal(senders.of("lis")?.release("retry"), false);
  await senders[Symbol.asyncDispose]();
  assert.deepEqual(
    senders.statuses.map(({ state }) => state),
    ["closed", "closed"],
  );
});

test("[C4] a channel that cannot be opened closes those before it", async () => {
  await using ris = await HospitalSystem.open();
  const queues = newQueues();
  const whole = options({ ris: ris.port, lis: ris.port }, queues);
  const tls = {
    ...{ serverCa: "/no/such/file", serverName: undefined, certificate: undefined, key: undefined },
    ...{ allowedSubjects: [], pinnedCertificates: [], handshakeTimeoutMs: 1_000 },
  };
  const channels = whole.channels.map(({ name, settings }) =>
    name === "lis" ? { name, settings: { ...settings, tls } } : { name, settings },
  );
  await assert.rejects(openSenders({ ...whole, channels }), { code: "SENDER_TLS_MATERIAL" });
  queues.get("ris")?.append(adt("R1"));
  await until("nothing happened for a while", async () => {
    for (let i = 0; i < 5; i++) await queues.get("ris")?.next();
    return true;
  });
  assert.deepEqual(queues.get("ris")?.calls, []);
});
