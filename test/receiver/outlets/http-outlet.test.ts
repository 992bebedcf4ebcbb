import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#receiver/host/clock.ts";
import type { Store } from "#receiver/store/store.ts";
import { until } from "#test/support/processes.ts";
import { ADT, polled, serve } from "../support/http-outlet.ts";
import { OutletStage } from "../support/outlet-stage.ts";
import { LargeMessage } from "../support/partial-suite.ts";
import { Poller } from "../support/poller.ts";
import { Caller } from "../support/store-suite.ts";

/** @returns what waits until one more consumer waits for a message */
function waitsOf({ arrivals, store }: OutletStage): () => Promise<void> {
  let count = 0;
  let seen = 0;
  const listen = arrivals.listen.bind(arrivals);
  arrivals.listen = (listener) => {
    count += 1;
    return listen(listener);
  };
  return async () => {
    await until("a consumer waits", () => count > seen);
    seen = count;
    // Answered in order: by then it has looked, and found nothing.
    await store.listAgents(null);
    await store.listAgents(null);
  };
}

test("[06 12] a consumer reads a channel from its cursor on, gaps in their place", () =>
  polled(async (poller, { caller }) => {
    await caller.ingest(1n, 1n, "a", "b\r\xff\x00");
    await caller.skip(1n, 3n, 4n);
    await caller.open(2n, { epoch: 1n, finalSeq: 4n });
    await caller.ingest(2n, 1n, "x");
    const all = ["1.1:a", "1.2:b\r\xff\x00", "1.4 quarantined", "2.1:x"];
    assert.deepEqual(await poller.events(""), all.slice(0, 3), "a page ends behind a gap");
    assert.deepEqual(await poller.events("&after=0.0&limit=2"), all.slice(0, 2));
    assert.deepEqual(await poller.events("&after=1.1&limit=2"), all.slice(1, 3));
    assert.deepEqual(await poller.events("&after=1.4"), all.slice(3));
    assert.deepEqual(await poller.events("&after=2.1"), []);
    const { json } = await poller.get(`${ADT}&after=2.1`);
    assert.equal(json.cursor, "2.1");
    assert.equal((await poller.get(ADT)).json.cursor, "1.4");
  }));

test("[06 12] an event says everything about its message", () =>
  polled(async (poller, { caller }) => {
    await caller.ingest(1n, 1n, "a");
    const { json, headers } = await poller.get(ADT);
    assert.deepEqual(json.events, [
      {
        kind: "message",
        agent: "north/ward-1",
        channel: "adt",
        epoch: 1,
        seq: 1,
        cursor: "1.1",
        receivedAt: "2017-07-14T02:40:00.000Z",
        storedAt: "2023-11-14T22:13:20.000Z",
        sha256: "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
        bytes: 1,
        mediaType: null,
        source: null,
        attributes: {},
        possibleRepeat: false,
        body: "YQ==",
      },
    ]);
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(headers["access-control-allow-origin"], undefined);
  }));

test("[06 12] before anything there is a cursor, too, and an answer at once", () =>
  polled(async (poller) => {
    const { json, status } = await poller.get(ADT);
    assert.deepEqual([status, json.events, json.cursor], [200, [], "0.0"]);
  }));

test("[06 12] a consumer that waits hears of a message when it comes, and of nothing in the end", () =>
  polled(async (poller, stage) => {
    const { caller } = stage;
    const waits = waitsOf(stage);
    const waiting = poller.events("&after=0.0&wait=50");
    await waits();
    await caller.ingest(1n, 1n, "a");
    assert.deepEqual(await waiting, ["1.1:a"]);
    const gap = poller.events("&after=1.1&wait=50");
    await waits();
    await caller.skip(1n, 2n, 2n);
    assert.deepEqual(await gap, ["1.2 quarantined"]);
    assert.deepEqual(await poller.events("&after=1.2&wait=1"), []);
  }));

test("[06 12] a message that comes between the look and the wait is heard of", async () => {
  await using stage = await OutletStage.open();
  const { caller } = stage;
  let lookCount = 0;
  const readMessages: Store["readMessages"] = async (call) => {
    const page = await stage.store.readMessages(call);
    lookCount += 1;
    if (lookCount === 1) await caller.ingest(1n, 1n, "a");
    return page;
  };
  const store = new Proxy(stage.store, {
    get: (target, key) => (key === "readMessages" ? readMessages : Reflect.get(target, key)),
  });
  // Nobody looks a second time because of the time.
  const clock = { ...systemClock, after: () => ({ [Symbol.dispose]: () => {} }) };
  await using outlet = await serve(stage, {}, { store, clock });
  const poller = new Poller(outlet.address.port);
  assert.deepEqual(await poller.events("&after=0.0&wait=55"), ["1.1:a"]);
});

test("[06 12] what another node stored is found by looking", () =>
  polled(async (poller, stage) => {
    const waits = waitsOf(stage);
    const waiting = poller.events("&after=0.0&wait=50");
    await waits();
    // Nobody is told of it.
    stage.arrivals.note = () => {};
    await stage.caller.ingest(1n, 1n, "a");
    assert.deepEqual(await waiting, ["1.1:a"]);
  }));

test("[06 12] channels are listed with the cursor behind everything they hold", () =>
  polled(async (poller, { caller, store }) => {
    const other = await Caller.greet(store, "ward-2");
    await other.open(3n);
    await caller.open(1n, null, "Ärzte");
    await caller.ingest(1n, 1n, "a", "b");
    const all = [
      { agent: "north/ward-1", channel: "adt", cursor: "1.2" },
      { agent: "north/ward-1", channel: "Ärzte", cursor: "1.0" },
      { agent: "north/ward-2", channel: "adt", cursor: "3.0" },
    ];
    const list = async (query: string) => (await poller.get(`/v1/channels${query}`)).json;
    assert.deepEqual(await list(""), { channels: all, more: false });
    const rest = await list("?afterAgent=north/ward-1&afterChannel=adt");
    assert.deepEqual(rest.channels, all.slice(1));
    const last = await list(`?afterAgent=north/ward-1&afterChannel=${encodeURIComponent("Ärzte")}`);
    assert.deepEqual(last.channels, all.slice(2));
    assert.deepEqual((await list("?afterAgent=north/ward-2&afterChannel=adt")).channels, []);
  }));

test("[06 12] more channels than a page are listed page by page", () =>
  polled(async (poller, { caller }) => {
    const names = Array.from({ length: 1_010 }, (_, i) => `c${String(i).padStart(4, "0")}`);
    await Promise.all(names.map((name) => caller.open(1n, null, name)));
    const found: string[] = [];
    let query = "";
    while (true) {
      const { json } = await poller.get(`/v1/channels${query}`);
      found.push(...json.channels.map(({ channel }) => String(channel)));
      if (json["more"] === false) break;
      query = `?afterAgent=north/ward-1&afterChannel=${found.at(-1)}`;
    }
    assert.deepEqual(found, ["adt", ...names]);
  }));

test("[TP38] a consumer may keep where it stands under a name, never behind nor ahead by mistake", () =>
  polled(async (poller, stage) => {
    await stage.caller.ingest(1n, 1n, "a", "b", "c");
    const move = (cursor: string, more = {}) =>
      poller.post("/v1/outlets/warehouse/position", {
        agent: "north/ward-1",
        channel: "adt",
        cursor,
        ...more,
      });
    assert.deepEqual((await poller.events("&outlet=warehouse")).length, 3);
    assert.deepEqual((await move("1.2")).json, { cursor: "1.2" });
    assert.equal(await stage.position("warehouse"), "1.2");
    assert.deepEqual(await poller.events("&outlet=warehouse"), ["1.3:c"]);
    assert.deepEqual(await poller.events("&outlet=warehouse&after=1.1"), ["1.2:b", "1.3:c"]);
    assert.deepEqual((await move("1.1")).json, { cursor: "1.2" }, "never backwards");
    const ahead = await move("1.4");
    assert.deepEqual([ahead.status, ahead.json["error"]], [409, "ahead"]);
    assert.deepEqual((await move("1.0", { rewind: true })).json, { cursor: "1.0" });
    assert.equal((await poller.events("&outlet=warehouse")).length, 3);
    assert.equal((await poller.get(`${ADT}&outlet=stranger`)).status, 404);
  }));

test("[TP25] a large body has an address: all of it, verified, or a part of it", () =>
  polled(async (poller, { caller }) => {
    const large = new LargeMessage(3_000_001);
    await caller.ingest(1n, 1n, "a");
    await caller.save(2n, large, 0, large.totalBytes);
    await caller.end(2n, large);
    const { json } = await poller.get(`${ADT}&after=1.1`);
    const [event] = json.events;
    assert.ok(event);
    assert.equal(event["body"], undefined);
    const url = String(event["bodyUrl"]);
    assert.equal(url, "/v1/messages/north/ward-1/adt/1.2/body");
    const whole = await poller.get(url);
    assert.deepEqual([whole.status, whole.body], [200, large.bytes]);
    const digest = Buffer.from(large.sha256).toString("base64");
    assert.equal(whole.headers["repr-digest"], `sha-256=:${digest}:`);
    const ranges: [string, number, number][] = [
      ["bytes=0-0", 0, 1],
      ["bytes=1000000-2500000", 1_000_000, 2_500_001],
      ["bytes=3000000-", 3_000_000, 3_000_001],
      ["bytes=-10", 2_999_991, 3_000_001],
      ["bytes=2999999-9999999", 2_999_999, 3_000_001],
    ];
    for (const [range, from, to] of ranges) {
      const part = await poller.get(url, { Range: range });
      assert.deepEqual([part.status, part.body], [206, large.bytes.slice(from, to)], range);
      assert.equal(part.headers["content-range"], `bytes ${from}-${to - 1}/3000001`);
    }
    const behind = await poller.get(url, { Range: "bytes=3000001-" });
    assert.deepEqual([behind.status, behind.headers["content-range"]], [416, "bytes */3000001"]);
    for (const range of ["bytes=5-4", "bytes=0-1,3-4", "lines=1-2", "bytes=-"]) {
      assert.equal((await poller.get(url, { Range: range })).status, 200, range);
    }
    const small = await poller.get("/v1/messages/north/ward-1/adt/1.1/body");
    assert.equal(Buffer.from(small.body).toString(), "a");
  }));

test("[06 12] names of any script find their way through a URL", () =>
  polled(async (poller, { caller }) => {
    const name = "Ärzte/ b%2F?#";
    await caller.open(5n, { epoch: 4n, finalSeq: 1n }, name);
    const { json } = await poller.get(
      `/v1/messages?agent=north/ward-1&channel=${encodeURIComponent(name)}`,
    );
    assert.equal(json.events[0]?.["channel"], name);
  }));

const WRONG: readonly [method: string, path: string, status: number][] = [
  ["GET", "/", 404],
  ["GET", "/v1", 404],
  ["GET", "/v2/channels", 404],
  ["GET", "/v1/channels/", 404],
  ["GET", "/v1/channels?x=1", 400],
  ["GET", "/v1/channels?afterAgent=ward-1", 400],
  ["GET", "/v1/messages", 400],
  ["GET", `${ADT}&limit=0`, 400],
  ["GET", `${ADT}&limit=501`, 400],
  ["GET", `${ADT}&limit=1&limit=2`, 400],
  ["GET", `${ADT}&wait=56`, 400],
  ["GET", `${ADT}&after=1`, 400],
  ["GET", `${ADT}&after=1.-1`, 400],
  ["GET", `${ADT}&after=01.1`, 400],
  ["GET", `${ADT}&after=9223372036854775808.1`, 400],
  ["GET", "/v1/messages?agent=north/ward-9&channel=adt", 404],
  ["GET", "/v1/messages?agent=north/ward-1&channel=oru", 404],
  ["GET", "/v1/messages/north/ward-1/adt/1.9/body", 404],
  ["GET", "/v1/messages/north/ward-1/oru/1.1/body", 404],
  ["GET", "/v1/messages/north/ward-1/adt/one/body", 400],
  ["GET", "/v1/messages/north/ward-1/%ZZ/1.1/body", 404],
  ["GET", "/v1/messages/%00/ward-1/adt/1.1/body", 400],
  ["GET", "/v1/messages/north/WARD/adt/1.1/body", 400],
  ["GET", "/v1/messages/north/ward-1%2Fx/adt/1.1/body", 400],
  ["GET", "/v1/messages/north/ward-1/a%00t/1.1/body", 400],
  ["GET", "/v1/messages?agent=north/ward%00&channel=adt", 400],
  ["GET", "/v1/messages?agent=north/ward-1&channel=%00", 400],
  ["GET", "/v1/messages?agent=north/ward-1&channel=$gaps", 400],
  ["GET", "/v1/messages?agent=north/ward-1&channel=$outcomes", 404],
  ["GET", "/v1/channels?afterAgent=north/%00", 400],
  ["GET", "/v1/messages/../../etc/passwd", 404],
  ["POST", "/v1/channels", 405],
  ["DELETE", ADT, 405],
  ["OPTIONS", ADT, 405],
  ["GET", "/v1/outlets/warehouse/position", 405],
  ["POST", "/v1/outlets/stranger/position", 404],
  ["POST", "/v1/outlets/warehouse/position", 400],
];
test("[06 12] what cannot be answered is refused with a status and a word, and nothing is listed", () =>
  polled(async (poller, { caller }) => {
    await caller.ingest(1n, 1n, "a");
    for (const [method, path, status] of WRONG) {
      const answer = await poller.ask(method, path);
      assert.equal(answer.status, status, `${method} ${path}`);
      assert.equal(typeof answer.json["error"], "string");
    }
    const key = await poller.get(`${ADT}&limit=x`);
    assert.deepEqual(key.json, { error: "badRequest", key: "limit", problem: "is no number" });
    const nul = { agent: "north/ward-1\0", channel: "adt", cursor: "1.1" };
    assert.equal((await poller.post("/v1/outlets/warehouse/position", nul)).status, 400);
    const long = await poller.post("/v1/outlets/warehouse/position", "x".repeat(20_000));
    assert.equal(long.status, 413);
  }));
