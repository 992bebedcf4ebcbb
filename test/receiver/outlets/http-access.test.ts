import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { ReceiverError } from "#receiver/errors.ts";
import { POLL_CONNECTIONS_MAX_COUNT } from "#receiver/limits.ts";
import { tokensFrom } from "#receiver/outlets/http-access.ts";
import type { Store } from "#receiver/store/store.ts";
import { until } from "#test/support/processes.ts";
import { ADT, polled, serve } from "../support/http-outlet.ts";
import { AGENT_CA_PEM, issueAgent, issueForeign, RECEIVER_CA_PEM } from "../support/identities.ts";
import { OutletStage } from "../support/outlet-stage.ts";
import { textOf } from "../support/played-agent.ts";
import { Poller, TOKEN } from "../support/poller.ts";

test("[07 1.8] without the right token there is no answer, whoever asks for what", () =>
  polled(async (poller, stage) => {
    await stage.caller.ingest(1n, 1n, "a");
    const wrong = [
      "",
      "Bearer",
      "Bearer ",
      `Basic ${TOKEN}`,
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(1)}`,
    ];
    for (const Authorization of wrong) {
      const { status, json, headers } = await poller.get(ADT, { Authorization });
      assert.deepEqual([status, json["error"]], [401, "unauthorized"], Authorization);
      assert.equal(headers["www-authenticate"], "Bearer");
    }
    assert.equal((await poller.get("/nothing", { Authorization: "x" })).status, 401);
    const second = { Authorization: `bearer ${"b".repeat(40)}` };
    assert.equal((await poller.get(ADT, second)).status, 200);
    const refused = stage.logged.filter(({ event }) => event === "outletRefused");
    assert.equal(refused.length, wrong.length + 1);
    assert.deepEqual(refused[0]?.facts, { outlet: "poll", reason: "unauthorized" });
  }));

test("[I-8] a question that breaks off, or is none, costs its connection and nothing else", () =>
  polled(async (poller, stage) => {
    const raw = async (text: string): Promise<void> => {
      const socket = connectTls({ host: "127.0.0.1", port: poller.port, ca: RECEIVER_CA_PEM });
      socket.on("error", () => {});
      await once(socket, "secureConnect");
      socket.write(text);
      if (text.startsWith("POST")) socket.destroySoon();
      await once(socket, "close");
    };
    const head = `Host: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: 500\r\n\r\n{`;
    await raw(`POST /v1/outlets/warehouse/position HTTP/1.1\r\n${head}`);
    await raw("\0\0\0\r\n\r\n");
    await raw(`GET ${"/".repeat(20_000)} HTTP/1.1\r\n\r\n`);
    await stage.caller.ingest(1n, 1n, "a");
    assert.deepEqual(await poller.events(""), ["1.1:a"]);
  }));

test("[01] a damaged body is said to be so, and never looks whole", async () => {
  await using stage = await OutletStage.open();
  await stage.caller.ingest(1n, 1n, "abc", "d");
  const { store } = stage;
  const readMessages: Store["readMessages"] = async (call) => {
    const page = await store.readMessages(call);
    return page.map((record) => (record.seq === 1n ? { ...record, body: textOf("abx") } : record));
  };
  const damaged = new Proxy(store, {
    get: (target, key) => (key === "readMessages" ? readMessages : Reflect.get(target, key)),
  });
  await using outlet = await serve(stage, {}, { store: damaged });
  const poller = new Poller(outlet.address.port);
  const { json } = await poller.get(ADT);
  const said = json.events.map((event) => [event["body"], event["bodyDamaged"]]);
  assert.deepEqual(said, [
    [undefined, true],
    ["ZA==", undefined],
  ]);
  await assert.rejects(poller.get("/v1/messages/north/ward-1/adt/1.1/body"));
  await until("it is logged", () => stage.logged.some(({ event }) => event === "outletFailed"));
});

test("[07 1.8] a page of a browser is refused, token or not", () =>
  polled(async (poller) => {
    const { status, headers } = await poller.get(ADT, { Origin: "https://poll" });
    assert.equal(status, 403);
    assert.equal(headers["access-control-allow-origin"], undefined);
  }));

test("[07 1.8] with clientCa only a certificate of that issuer gets in", async () => {
  await using stage = await OutletStage.open();
  await using outlet = await serve(stage, { clientCa: AGENT_CA_PEM, tokens: null });
  const { port } = outlet.address;
  const as = (identity: { certificatePem: string; privateKeyPem: string }) =>
    new Poller(port, { cert: identity.certificatePem, key: identity.privateKeyPem });
  const known = await as(await issueAgent("north/ward-1")).get(ADT);
  assert.equal(known.status, 200);
  await assert.rejects(as(await issueForeign("north/ward-1")).get(ADT));
  await assert.rejects(new Poller(port).get(ADT));
});

test("[07 1.8] files of tokens: each at least 32 characters of RFC 6750, or none counts", () => {
  for (const text of ["", "\n \n", "short", `${TOKEN}\nshort`, `${TOKEN} ${TOKEN}`]) {
    assert.equal(tokensFrom(text), undefined, text);
  }
  assert.equal(tokensFrom(`\r\n${TOKEN}\r\n`)?.length, 1);
});

test("[I-8] a stop answers those who wait, and does not wait for those who do not read", async () => {
  await using stage = await OutletStage.open();
  const bodies = Array.from({ length: 8 }, () => "x".repeat(900_000));
  await stage.caller.ingest(1n, 1n, ...bodies);
  let slow: TLSSocket;
  let waiting: Promise<string[]>;
  {
    await using outlet = await serve(stage);
    const { port } = outlet.address;
    slow = connectTls({ host: "127.0.0.1", port, ca: RECEIVER_CA_PEM });
    slow.on("error", () => {});
    await once(slow, "secureConnect");
    slow.pause();
    slow.write(`GET ${ADT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
    waiting = new Poller(port).events("&after=1.8&wait=55");
    const later = new Poller(port).events("&after=1.7");
    assert.equal((await later).length, 1);
  }
  assert.deepEqual(await waiting, []);
  slow.destroy();
});

test("[I-8] consumers beyond the limit are told to come later, and those that are in go on", async () => {
  await using stage = await OutletStage.open();
  await stage.caller.ingest(1n, 1n, "a");
  await using outlet = await serve(stage);
  const { port } = outlet.address;
  const waiting = Array.from({ length: POLL_CONNECTIONS_MAX_COUNT }, () =>
    new Poller(port).events("&after=1.1&wait=55"),
  );
  // All are in before one more comes.
  let one = await new Poller(port).get(ADT);
  await until("the door is full", async () => {
    one = await new Poller(port).get(ADT);
    return one.status !== 200;
  });
  assert.deepEqual([one.status, one.json["error"]], [503, "unavailable"]);
  assert.equal(one.headers["retry-after"], "5");
  await stage.caller.ingest(1n, 2n, "b");
  for (const events of await Promise.all(waiting)) assert.deepEqual(events, ["1.2:b"]);
  assert.equal((await new Poller(port).get(ADT)).status, 200);
});

test("[I-8] who says nothing keeps no consumer out; who is dropped leaves a line in the log", async () => {
  await using stage = await OutletStage.open();
  await stage.caller.ingest(1n, 1n, "a");
  await using outlet = await serve(stage, { spareConnections: 2 });
  const { port } = outlet.address;
  using silent = new DisposableStack();
  const knock = async (): Promise<Socket> => {
    const socket = silent.adopt(connect({ host: "127.0.0.1", port }), (open) => open.destroy());
    socket.on("error", () => {});
    await once(socket, "connect");
    return socket;
  };
  for (let count = 0; count < POLL_CONNECTIONS_MAX_COUNT + 1; count++) await knock();
  assert.deepEqual(await new Poller(port).events(""), ["1.1:a"]);
  const dropped = () => stage.logged.filter(({ event }) => event === "outletRefused");
  await until("one is dropped", async () => {
    await knock();
    return dropped().length > 0;
  });
  assert.deepEqual(dropped()[0]?.facts, { outlet: "poll", reason: "connections" });
});

test("[06 12] while the database is away a consumer is told to ask later, and can then", async () => {
  await using stage = await OutletStage.open();
  await stage.caller.ingest(1n, 1n, "a");
  let isAway = true;
  const fail = async (): Promise<never> => {
    throw new ReceiverError("STORE_UNREACHABLE");
  };
  const store = new Proxy(stage.store, {
    get: (target, key) => (key === "readMessages" && isAway ? fail : Reflect.get(target, key)),
  });
  await using outlet = await serve(stage, {}, { store });
  const poller = new Poller(outlet.address.port);
  for (const path of [ADT, "/v1/messages/north/ward-1/adt/1.1/body"]) {
    const { status, json, headers } = await poller.get(path);
    assert.deepEqual([status, json["error"]], [503, "unavailable"], path);
    assert.equal(headers["retry-after"], "5");
  }
  isAway = false;
  assert.deepEqual(await poller.events(""), ["1.1:a"]);
});
