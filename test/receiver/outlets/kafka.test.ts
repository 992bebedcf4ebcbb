import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type Clock, systemClock } from "#receiver/host/clock.ts";
import { START } from "#receiver/outlets/event.ts";
import { readEvents } from "#receiver/outlets/feed.ts";
import { Kafka } from "#receiver/outlets/kafka.ts";
import { BrokerClient } from "#receiver/outlets/kafka-client.ts";
import { until } from "#test/support/processes.ts";
import { connect, first, saidStuck, taken } from "../support/kafka-outlet.ts";
import { OutletStage } from "../support/outlet-stage.ts";
import { LargeMessage } from "../support/partial-suite.ts";
import { type Fate, KAFKA_ERROR, PlayedKafka } from "../support/played-kafka.ts";
import { itemOf } from "../support/store-suite.ts";

const idsOf = (kafka: PlayedKafka): string[] =>
  kafka.published.map(({ headers }) => headers["Holdfast-Id"] ?? "");

test("[TP38] a message is published as its bytes, its identity in headers, its channel as the key", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open();
  await using _outlet = await connect(stage, kafka.ports);
  const body = "MSH|^~\\&|A\rPID|1||\xe4\x00\xff\r";
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  const meta = JSON.stringify({ mediaType: "application/hl7-v2", traceparent });
  await stage.caller.ingest(1n, 1n, { ...itemOf(body), meta, receivedAtMs: 1_500_000_000_001 });
  await taken(stage, "1.1");
  const [record] = kafka.published;
  assert.ok(record);
  assert.deepEqual(record.value, new Uint8Array(Buffer.from(body, "latin1")));
  assert.equal(record.key, "north/ward-1/adt");
  const identity = createHash("sha256").update("message\nnorth/ward-1\nadt\n1.1\n").digest("hex");
  assert.deepEqual(record.headers, {
    "Holdfast-Id": `msg_${identity}`,
    "Holdfast-Kind": "message",
    "Holdfast-Agent": "north/ward-1",
    "Holdfast-Channel": "adt",
    "Holdfast-Epoch": "1",
    "Holdfast-Seq": "1",
    "Holdfast-Sha256": createHash("sha256").update(record.value).digest("hex"),
    "Holdfast-Received-At": "2017-07-14T02:40:00.001Z",
    "Holdfast-Stored-At": "2023-11-14T22:13:20.000Z",
    "Content-Type": "application/hl7-v2",
    traceparent,
  });
});

test("[RI8] a gap is published as JSON, in its place, under the same key", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open({ partitionCount: 7 });
  await stage.caller.ingest(1n, 1n, "a");
  await stage.caller.skip(1n, 2n, 2n ** 62n);
  await stage.caller.ingest(1n, 2n ** 62n + 1n, "b");
  await using _outlet = await connect(stage, kafka.ports);
  await taken(stage, `1.${2n ** 62n + 1n}`);
  const gap =
    '{"kind":"gap","agent":"north/ward-1","channel":"adt","epoch":1,"firstSeq":2,' +
    '"lastSeq":4611686018427387904,"cursor":"1.4611686018427387904","reason":"quarantined",' +
    '"recordedAt":"2023-11-14T22:13:20.000Z"}';
  assert.deepEqual(kafka.bodies(), ["a", gap, "b"]);
  assert.equal(kafka.published[1]?.headers["Holdfast-Kind"], "gap");
  assert.equal(kafka.published[1]?.headers["Content-Type"], "application/json");
  assert.equal(new Set(kafka.published.map(({ key }) => key)).size, 1);
  // As the clients of Apache Kafka would: murmur2 of the key, its sign cut off, modulo 7.
  assert.deepEqual(new Set(kafka.published.map(({ partition }) => partition)), new Set([4]));
});

test("[TP38] an empty body is a value without bytes, and no tombstone", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open();
  await stage.caller.ingest(1n, 1n, "", "b");
  await using _outlet = await connect(stage, kafka.ports);
  await taken(stage, "1.2");
  assert.deepEqual(kafka.published[0]?.value, new Uint8Array(0));
});

test("[TP38] messages that lie there go together, in order, and few enough for any broker", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open();
  const bodies = Array.from({ length: 400 }, (_, index) => `${index}:${"x".repeat(index * 7)}`);
  await stage.caller.ingest(1n, 1n, ...bodies);
  await using _outlet = await connect(stage, kafka.ports);
  await taken(stage, "1.400");
  assert.deepEqual(kafka.bodies(), bodies);
  assert.ok(kafka.batches.length < 30, `${kafka.batches.length} requests`);
  assert.ok(Math.max(...kafka.batches) <= 256, `${kafka.batches}`);
});

for (const fate of ["cut", "lost"] as const) {
  test(`[TP38] a connection that is ${fate} before the answer: the same comes again, and nothing is missing`, async () => {
    await using stage = await OutletStage.open();
    await using kafka = await PlayedKafka.open();
    kafka.fate = first("ok", fate);
    await using _outlet = await connect(stage, kafka.ports);
    await stage.caller.ingest(1n, 1n, "a");
    await taken(stage, "1.1");
    await stage.caller.ingest(1n, 2n, "b", "c");
    await taken(stage, "1.3");
    const repeated = fate === "cut" ? ["b", "c"] : [];
    assert.deepEqual(kafka.bodies(), ["a", ...repeated, "b", "c"]);
    assert.equal(new Set(idsOf(kafka)).size, 3, "a repeat has the same identity");
    // What docs/receiver-library.md tells consumers to do.
    let last = 0;
    const kept = kafka.published.filter(({ headers }) => {
      const isNew = Number(headers["Holdfast-Seq"]) > last;
      if (isNew) last = Number(headers["Holdfast-Seq"]);
      return isNew;
    });
    assert.deepEqual(
      kept.map(({ value }) => `${Buffer.from(value ?? [])}`),
      ["a", "b", "c"],
    );
  });
}

test("[TP38] brokers that are away, and come, get everything in order", async () => {
  await using stage = await OutletStage.open();
  const ports = await PlayedKafka.open().then(async (kafka) => {
    const found = kafka.ports;
    await kafka[Symbol.asyncDispose]();
    return found;
  });
  await stage.caller.ingest(1n, 1n, "a", "b", "c");
  await using _outlet = await connect(stage, ports);
  const { error, code } = await saidStuck(stage);
  assert.deepEqual([error, code], ["ECONNREFUSED", "OUTLET_REFUSED"]);
  await using kafka = await PlayedKafka.open({ ports });
  await taken(stage, "1.3");
  assert.deepEqual(kafka.bodies(), ["a", "b", "c"]);
});

test("[TP38] a partition whose leader changes is followed; a broker that is gone is not needed", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open({ nodeCount: 2 });
  const gone = await PlayedKafka.open();
  const [away = 0] = gone.ports;
  await gone[Symbol.asyncDispose]();
  await using _outlet = await connect(stage, [away, ...kafka.ports]);
  await stage.caller.ingest(1n, 1n, "a");
  await taken(stage, "1.1");
  kafka.leader = 1;
  await stage.caller.ingest(1n, 2n, "b");
  await taken(stage, "1.2");
  kafka.leader = 0;
  await stage.caller.ingest(1n, 3n, "c");
  await taken(stage, "1.3");
  assert.deepEqual(kafka.bodies(), ["a", "b", "c"]);
});

const REFUSALS: readonly [what: string, code: number, error: string][] = [
  ["too few replicas", KAFKA_ERROR.notEnoughReplicas, "NOT_ENOUGH_REPLICAS"],
  ["replicas too slow", KAFKA_ERROR.requestTimedOut, "REQUEST_TIMED_OUT"],
  ["not allowed to write", KAFKA_ERROR.topicAuthorization, "TOPIC_AUTHORIZATION_FAILED"],
];
for (const [what, code, error] of REFUSALS) {
  test(`[TP38] ${what}: the message waits, the log says ${error}, and then it is published once`, async () => {
    await using stage = await OutletStage.open();
    await using kafka = await PlayedKafka.open();
    kafka.fate = first(...Array<Fate>(6).fill(code));
    await using _outlet = await connect(stage, kafka.ports);
    await stage.caller.ingest(1n, 1n, "a", "b");
    await taken(stage, "1.2");
    assert.deepEqual(kafka.bodies(), ["a", "b"]);
    const { error: said, seq, channel } = await saidStuck(stage);
    assert.deepEqual([said, seq, channel], [error, 1n, "adt"]);
    assert.ok(stage.logged.some(({ event }) => event === "outletRecovered"));
  });
}

for (const [what, code, error] of [
  ["that is not there", KAFKA_ERROR.unknownTopic, "UNKNOWN_TOPIC_OR_PARTITION"],
  ["that it may not see", KAFKA_ERROR.topicAuthorization, "TOPIC_AUTHORIZATION_FAILED"],
  ["without partitions", 0, "ODD_PARTITIONS"],
] as const) {
  test(`[TP38] a topic ${what} is waited for, and not created`, async () => {
    await using stage = await OutletStage.open();
    await using kafka = await PlayedKafka.open(code === 0 ? { partitionCount: 0 } : {});
    kafka.topicError = code;
    await stage.caller.ingest(1n, 1n, "a");
    await using _outlet = await connect(stage, kafka.ports);
    assert.equal((await saidStuck(stage))["error"], error);
    assert.deepEqual(kafka.batches, []);
    if (code === 0) return;
    kafka.topicError = 0;
    await taken(stage, "1.1");
    assert.deepEqual(kafka.bodies(), ["a"]);
  });
}

test("[TP38] what is larger than the broker takes holds its channel and no other, and says what to raise", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open();
  kafka.fate = (records) => {
    const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    return bytes > 1_000 ? KAFKA_ERROR.tooLarge : "ok";
  };
  const { caller } = stage;
  await caller.ingest(1n, 1n, "a", "b".repeat(1_001), "c");
  await caller.open(1n, null, "oru");
  await using _outlet = await connect(stage, kafka.ports);
  const { seq, bytes, code, raise, error } = await saidStuck(stage);
  assert.deepEqual([seq, bytes, code], [2n, 1_001, "OUTLET_TOO_LARGE"]);
  assert.deepEqual([raise, error], ["max.message.bytes", "MESSAGE_TOO_LARGE"]);
  const { agent, session, atMs } = caller;
  const call = { agent, session, atMs, channel: "oru", epoch: 1n };
  await stage.store.ingest({ ...call, first: 1n, items: [itemOf("d")] });
  await until("the other channel goes on", () => kafka.bodies().includes("d"));
  assert.equal(await stage.position("lab"), "1.1");
  assert.deepEqual(kafka.bodies(), ["a", "d"]);
  kafka.fate = () => "ok";
  await taken(stage, "1.3");
});

test("[TP38] what is larger than maxMessageBytes holds its channel, and goes out whole where that is raised", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open();
  const large = new LargeMessage(5_000_001);
  await stage.caller.ingest(1n, 1n, "a");
  await stage.caller.save(2n, large, 0, large.totalBytes);
  await stage.caller.end(2n, large);
  await stage.caller.ingest(1n, 3n, "c");
  {
    await using _outlet = await connect(stage, kafka.ports);
    const { seq, bytes, code, raise } = await saidStuck(stage);
    assert.deepEqual([seq, bytes, code], [2n, 5_000_001, "OUTLET_TOO_LARGE"]);
    assert.equal(raise, "maxMessageBytes");
    assert.deepEqual(kafka.bodies(), ["a"]);
  }
  await using _outlet = await connect(stage, kafka.ports, { maxMessageBytes: 6_000_000 });
  await taken(stage, "1.3");
  assert.deepEqual(kafka.published[1]?.value, large.bytes);
  assert.equal(kafka.published.length, 3);
});

test("[I-8] a broker that never answers is given up after its time, and tried again", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open();
  kafka.fate = first(...Array<Fate>(5).fill("silent"));
  await using _outlet = await connect(stage, kafka.ports, { timeoutMs: 200 });
  await stage.caller.ingest(1n, 1n, "a");
  await taken(stage, "1.1");
  assert.equal((await saidStuck(stage))["error"], "TIMEOUT");
});

test("[TP38] what is no answer ends its connection, and not the receiver", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open();
  kafka.fate = first("ok", ...Array<Fate>(5).fill("garbled"));
  await using _outlet = await connect(stage, kafka.ports);
  await stage.caller.ingest(1n, 1n, "a");
  await taken(stage, "1.1");
  await stage.caller.ingest(1n, 2n, "b");
  await taken(stage, "1.2");
  assert.deepEqual(kafka.bodies(), ["a", ...Array<string>(6).fill("b")]);
  assert.equal((await saidStuck(stage))["error"], "BROKEN_ANSWER");
});

test("[I-8] what the library never brings to an end is ended, and begun anew", async () => {
  await using kafka = await PlayedKafka.open();
  kafka.fate = first("silent");
  const [port = 0] = kafka.ports;
  const brokers = [{ host: "127.0.0.1", port }];
  const rest = { topic: "hl7", tls: null, login: null, timeoutMs: 600_000, requestsAtOnce: 1 };
  // An hour of patience in a few seconds.
  const after: Clock["after"] = (delayMs, act) => systemClock.after(delayMs / 10_000, act);
  await using client = await BrokerClient.open({ brokers, ...rest }, { ...systemClock, after });
  const record = { key: "k", headers: {}, value: Buffer.from("a") };
  await assert.rejects(client.publish([record]), { facts: { error: "HANGS" } });
  await client.publish([record]);
  assert.deepEqual(kafka.bodies(), ["a", "a"]);
});

test("[TP38] a stop gives up what hangs, at once, and it is published again after a start", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open();
  kafka.fate = first("silent");
  await stage.caller.ingest(1n, 1n, "a");
  const open = { name: "lab", maxMessageBytes: 10 };
  const [port = 0] = kafka.ports;
  const brokers = [{ host: "127.0.0.1", port }];
  const rest = { topic: "hl7", tls: null, login: null, timeoutMs: 600_000, requestsAtOnce: 1 };
  {
    await using outlet = await Kafka.open({ ...open, client: { brokers, ...rest } }, systemClock);
    const [event] = await readEvents(stage.store, stage.channel, START);
    assert.ok(event);
    const pending = assert.rejects(outlet.take(event), { code: "OUTLET_REFUSED" });
    await until("it is published", () => kafka.batches.length === 1);
    await outlet[Symbol.asyncDispose]();
    await pending;
    await until("no connection is left", () => kafka.connections === 0);
  }
  await using _outlet = await connect(stage, kafka.ports);
  await taken(stage, "1.1");
});
