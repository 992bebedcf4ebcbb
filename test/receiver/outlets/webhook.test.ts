import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { systemClock } from "#receiver/host/clock.ts";
import { Webhook, type WebhookOptions } from "#receiver/outlets/webhook.ts";
import { until } from "#test/support/processes.ts";
import { RECEIVER_CA_PEM } from "../support/identities.ts";
import { OutletStage } from "../support/outlet-stage.ts";
import { LargeMessage } from "../support/partial-suite.ts";
import { itemOf } from "../support/store-suite.ts";
import { WebhookEndpoint } from "../support/webhook-endpoint.ts";

const SECRET = Buffer.alloc(32, 9);

/** A stage whose messages go to `url` by webhook. */
async function connect(stage: OutletStage, url: URL, options: Partial<WebhookOptions> = {}) {
  const stack = new AsyncDisposableStack();
  const rest = {
    name: "lab",
    secrets: [SECRET],
    timeoutMs: 5_000,
    ca: RECEIVER_CA_PEM,
    connections: 4,
  };
  const webhook = stack.use(new Webhook({ ...rest, url, ...options }, systemClock));
  stack.use(await stage.pump(webhook));
  return stack;
}

/** What was said of failures, from the fifth on. */
async function saidStuck(stage: OutletStage): Promise<Readonly<Record<string, unknown>>> {
  await until("it is said", () => stage.logged.some(({ event }) => event === "outletStuck"));
  return stage.logged.find(({ event }) => event === "outletStuck")?.facts ?? {};
}

test("[06 12] a message is posted over TLS as its bytes, its identity in headers, signed", async () => {
  await using stage = await OutletStage.open();
  await using endpoint = await WebhookEndpoint.open();
  await using _webhook = await connect(stage, endpoint.url);
  const body = "MSH|^~\\&|A\rPID|1||\xe4\x00\xff\r";
  const meta = { mediaType: "application/hl7-v2", attributes: { "hl7.controlId": "M1" } };
  const item = { ...itemOf(body), meta: JSON.stringify(meta), receivedAtMs: 1_500_000_000_001 };
  await stage.caller.ingest(1n, 1n, item);
  await until("the position is written", async () => (await stage.position("lab")) === "1.1");
  const [posted] = endpoint.posted;
  assert.ok(posted);
  assert.deepEqual(posted.body, new Uint8Array(Buffer.from(body, "latin1")));
  const { headers } = posted;
  const picked = Object.entries(headers).filter(([name]) => /^(holdfast|content)/.test(name));
  assert.deepEqual(Object.fromEntries(picked), {
    "content-type": "application/hl7-v2",
    "content-length": `${body.length}`,
    "holdfast-kind": "message",
    "holdfast-agent": "north/ward-1",
    "holdfast-channel": "adt",
    "holdfast-epoch": "1",
    "holdfast-seq": "1",
    "holdfast-sha256": createHash("sha256").update(posted.body).digest("hex"),
    "holdfast-received-at": "2017-07-14T02:40:00.001Z",
    "holdfast-stored-at": "2023-11-14T22:13:20.000Z",
  });
  const identity = createHash("sha256").update("message\nnorth/ward-1\nadt\n1.1\n").digest("hex");
  assert.equal(headers["webhook-id"], `msg_${identity}`);
  const timestamp = Number(headers["webhook-timestamp"]);
  assert.ok(Math.abs(timestamp - Date.now() / 1_000) < 60);
  const signed = `${headers["webhook-id"]}.${timestamp}.`;
  const expected = createHmac("sha256", SECRET).update(signed).update(posted.body).digest("base64");
  assert.equal(headers["webhook-signature"], `v1,${expected}`);
});

test("[RI8] a gap is posted as JSON, in its place", async () => {
  await using stage = await OutletStage.open();
  await using endpoint = await WebhookEndpoint.open("http");
  await stage.caller.skip(1n, 1n, 2n ** 62n);
  await using _webhook = await connect(stage, endpoint.url);
  await until("it is posted", () => endpoint.posted.length === 1);
  assert.equal(endpoint.posted[0]?.headers["content-type"], "application/json");
  assert.equal(endpoint.posted[0]?.headers["holdfast-kind"], "gap");
  assert.equal(
    endpoint.bodies()[0],
    '{"kind":"gap","agent":"north/ward-1","channel":"adt","epoch":1,"firstSeq":1,' +
      '"lastSeq":4611686018427387904,"cursor":"1.4611686018427387904","reason":"quarantined",' +
      '"recordedAt":"2023-11-14T22:13:20.000Z"}',
  );
});

test("[06 12] what an agent calls a media type is no way into the headers", async () => {
  await using stage = await OutletStage.open();
  await using endpoint = await WebhookEndpoint.open("http");
  const meta = { mediaType: "text/plain\r\nX-Evil: 1", traceparent: "\r\nX: 1" };
  await stage.caller.ingest(1n, 1n, { ...itemOf("a"), meta: JSON.stringify(meta) });
  await using _webhook = await connect(stage, endpoint.url);
  await until("it is posted", () => endpoint.posted.length === 1);
  const { headers } = endpoint.posted[0] ?? assert.fail();
  assert.equal(headers["content-type"], "application/octet-stream");
  assert.equal(headers["x-evil"], undefined);
  assert.equal(headers["traceparent"], undefined);
});

test("[TP25] a large body is posted in slices, signed as a whole", async () => {
  await using stage = await OutletStage.open();
  await using endpoint = await WebhookEndpoint.open();
  const large = new LargeMessage(5_000_001);
  await stage.caller.save(1n, large, 0, large.totalBytes);
  await stage.caller.end(1n, large);
  await using _webhook = await connect(stage, endpoint.url);
  await until("it is posted", () => endpoint.posted.length === 1);
  const { headers, body } = endpoint.posted[0] ?? assert.fail();
  assert.deepEqual(body, large.bytes);
  const hmac = createHmac("sha256", SECRET);
  hmac.update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`).update(body);
  assert.equal(headers["webhook-signature"], `v1,${hmac.digest("base64")}`);
});

for (const status of [301, 400, 410, 500, 503]) {
  test(`[TP38] after ${status} the same message is posted again, with the same id, until it is 2xx`, async () => {
    await using stage = await OutletStage.open();
    await using endpoint = await WebhookEndpoint.open("http");
    endpoint.answer = (_posted, response) => {
      const isRefused = endpoint.posted.length <= 6;
      response.writeHead(isRefused ? status : 200, { Location: "/elsewhere" }).end("x");
    };
    await using _webhook = await connect(stage, endpoint.url);
    await stage.caller.ingest(1n, 1n, "a", "b");
    await until("both are posted", () => endpoint.posted.length === 8);
    assert.deepEqual(endpoint.bodies(), ["a", "a", "a", "a", "a", "a", "a", "b"]);
    const ids = endpoint.posted.map(({ headers }) => headers["webhook-id"]);
    assert.equal(new Set(ids.slice(0, 7)).size, 1);
    assert.equal((await saidStuck(stage))["status"], status);
  });
}

test("[TP38] an endpoint that is away, and comes, gets everything in order", async () => {
  await using stage = await OutletStage.open();
  const port = await WebhookEndpoint.open("http").then(async (endpoint) => {
    await endpoint[Symbol.asyncDispose]();
    return endpoint.port;
  });
  await stage.caller.ingest(1n, 1n, "a", "b", "c");
  await using _webhook = await connect(stage, new URL(`http://127.0.0.1:${port}/`));
  assert.equal((await saidStuck(stage))["error"], "ECONNREFUSED");
  await using endpoint = await WebhookEndpoint.open("http", { port });
  await until("all are posted", () => endpoint.posted.length === 3);
  assert.deepEqual(endpoint.bodies(), ["a", "b", "c"]);
});

test("[I-8] an endpoint that never answers is given up after its time, and tried again", async () => {
  await using stage = await OutletStage.open();
  await using endpoint = await WebhookEndpoint.open("http");
  endpoint.answer = (_posted, response) => {
    if (endpoint.posted.length > 5) response.writeHead(200).end();
  };
  await using _webhook = await connect(stage, endpoint.url, { timeoutMs: 200 });
  await stage.caller.ingest(1n, 1n, "a");
  await until("it is taken", async () => (await stage.position("lab")) === "1.1");
  assert.equal((await saidStuck(stage))["error"], "TIMEOUT");
});

test("[I-8] an endpoint that reads nothing of a large body is given up after its time", async () => {
  await using stage = await OutletStage.open();
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.pause()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const large = new LargeMessage(30_000_000);
  await stage.caller.save(1n, large, 0, large.totalBytes);
  await stage.caller.end(1n, large);
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  {
    await using _webhook = await connect(stage, url, { timeoutMs: 300 });
    assert.equal((await saidStuck(stage))["error"], "TIMEOUT");
  }
  for (const socket of sockets) socket.destroy();
  server.close();
});

test("[I-8] an endless answer is cut off; its status counts", async () => {
  await using stage = await OutletStage.open();
  await using endpoint = await WebhookEndpoint.open("http");
  endpoint.answer = (_posted, response) => {
    response.writeHead(200);
    const more = (): void => {
      while (response.write(Buffer.alloc(65_536)));
      response.once("drain", more);
    };
    response.on("error", () => {});
    more();
  };
  await using _webhook = await connect(stage, endpoint.url);
  await stage.caller.ingest(1n, 1n, "a", "b");
  await until("both are taken", async () => (await stage.position("lab")) === "1.2");
  assert.deepEqual(endpoint.bodies(), ["a", "b"]);
});

test("[TP38] 200 before the body was read is no 200", async () => {
  await using stage = await OutletStage.open();
  await using endpoint = await WebhookEndpoint.open("http");
  let count = 0;
  endpoint.early = (_request, response) => {
    count += 1;
    if (count > 5) return false;
    response.writeHead(200).end();
    return true;
  };
  const large = new LargeMessage(30_000_000);
  await stage.caller.save(1n, large, 0, large.totalBytes);
  await stage.caller.end(1n, large);
  await using _webhook = await connect(stage, endpoint.url);
  await until("it is posted", () => endpoint.posted.length === 1);
  assert.equal(count, 6);
});

test("[07 1.9] an endpoint whose certificate nobody vouches for, or of another name, gets nothing", async () => {
  await using stage = await OutletStage.open();
  await using unknown = await WebhookEndpoint.open();
  await using misnamed = await WebhookEndpoint.open("https", { host: "127.0.0.2" });
  await stage.caller.ingest(1n, 1n, "a");
  {
    await using _webhook = await connect(stage, unknown.url, { ca: null });
    assert.match(String((await saidStuck(stage))["error"]), /SIGNATURE|ISSUER|SELF_SIGNED/);
  }
  stage.logged.length = 0;
  await using _webhook = await connect(stage, misnamed.url);
  assert.equal((await saidStuck(stage))["error"], "ERR_TLS_CERT_ALTNAME_INVALID");
  assert.deepEqual([...unknown.posted, ...misnamed.posted], []);
});

test("[TP38] a stop gives up what hangs, and it is posted again after a start", async () => {
  await using stage = await OutletStage.open();
  await using endpoint = await WebhookEndpoint.open("http");
  endpoint.answer = (_posted, response) => {
    if (endpoint.posted.length > 1) response.writeHead(200).end();
  };
  await stage.caller.ingest(1n, 1n, "a");
  {
    await using _webhook = await connect(stage, endpoint.url, { timeoutMs: 1_000 });
    await until("it is posted", () => endpoint.posted.length === 1);
  }
  assert.equal(await stage.position("lab"), null);
  await using _webhook = await connect(stage, endpoint.url);
  await until("it is taken", async () => (await stage.position("lab")) === "1.1");
});
