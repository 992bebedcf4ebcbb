import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CHAIN_START } from "#protocol/chain.ts";
import { OPENED_STATUS, SKIP_REASON } from "#protocol/frame.ts";
import { silentLog } from "#receiver/host/log.ts";
import { type OutgoingRecord, type OutletMessage, openReceiver } from "#receiver/library.ts";
import { Started, until } from "#test/support/processes.ts";
import { dataFrames, helloFrame, PlayedAgent, textOf } from "../support/played-agent.ts";
import { ReceiverFolder } from "../support/receiver-folder.ts";

const ROOT = join(import.meta.dirname, "../../..");

const textFrames = (first: bigint, ...bodies: readonly string[]) =>
  bodies.flatMap((body, index) => dataFrames(1, first + BigInt(index), textOf(body)));

test("[01] the example of docs/receiver-library.md keeps what agents send, also when it is killed", async () => {
  using folder = new ReceiverFolder();
  const agent = await folder.newAgent();
  const inbox = join(folder.path, "inbox");
  const example = join(ROOT, "docs/examples/embed-receiver.ts");
  const start = () => new Started([process.execPath, example, folder.config, inbox]);
  const portOf = (line: string) =>
    (JSON.parse(line) as { listening: { port: number } }).listening.port;
  const fileOf = (seq: number) => join(inbox, `${encodeURIComponent(agent.name)}_adt_1_${seq}.hl7`);
  {
    await using platform = start();
    const port = portOf(await platform.ready());
    await using source = await PlayedAgent.stream(port, agent.identity);
    source.send(...textFrames(1n, "a", "\xe4\x00\xff"));
    source.send({
      type: "skip",
      stream: 1,
      firstSeq: 3n,
      lastSeq: 4n,
      reason: SKIP_REASON.damaged,
      chain: null,
    });
    source.send(...textFrames(5n, "e"));
    await source.acked(5n);
    await platform.end("SIGKILL");
  }
  await using platform = start();
  await platform.ready();
  await until("the last file is there", () => existsSync(fileOf(5)));
  assert.deepEqual(
    [1, 2, 5].map((seq) => readFileSync(fileOf(seq), "latin1")),
    ["a", "\xe4\x00\xff", "e"],
  );
  assert.equal(readdirSync(inbox).length, 4, "three messages, and what is missing");
  const missing = readFileSync(join(inbox, "missing.jsonl"), "utf8").split("\n")[0] ?? "";
  assert.deepEqual(JSON.parse(missing), {
    agent: agent.name,
    channel: "adt",
    epoch: "1",
    firstSeq: "3",
    lastSeq: "4",
    reason: "damaged",
  });
  assert.equal((await platform.end("SIGTERM")).code, 0);
});

test("[01] a handler that throws gets the same message again; the agent has its ack long before", async () => {
  using folder = new ReceiverFolder();
  const agent = await folder.newAgent();
  const seen: string[] = [];
  const onMessage = async (message: OutletMessage): Promise<void> => {
    const body = Buffer.from(await message.body()).toString("latin1");
    seen.push(body);
    if (seen.length < 3) throw new Error("not yet");
  };
  const onGap = async (): Promise<void> => {};
  const open = () => openReceiver({ config: folder.config, onMessage, onGap, log: silentLog });
  {
    await using receiver = await open();
    await using source = await PlayedAgent.stream(receiver.address.port, agent.identity);
    source.send(...textFrames(1n, "a", "b"));
    await source.acked(2n);
    await until("both are taken", () => seen.length === 4, 20_000);
  }
  assert.deepEqual(seen, ["a", "a", "a", "b"]);
  await using receiver = await open();
  await using source = await PlayedAgent.stream(receiver.address.port, agent.identity);
  source.send(...textFrames(3n, "c"));
  await until("the new one is taken", () => seen.length > 4);
  assert.deepEqual(seen.slice(4), ["c"], "what was taken does not come again");
});

test("[01] handlers have a name of their own, for two with one name would share a position", async () => {
  const listen = "listen: { host: 127.0.0.1, port: 0 }";
  const tls = "tls: { certificate: server.pem, key: server.key }";
  const outlets = [
    "{ kind: webhook, name: lab, url: 'https://localhost/', secretFile: x }",
    `{ kind: http, name: poll, ${listen}, ${tls}, tokensFile: x, positions: [warehouse] }`,
  ];
  const more = ["outlets:", ...outlets.map((outlet) => `  - ${outlet}`)].join("\n");
  using folder = new ReceiverFolder({ more });
  const handlers = { onMessage: async () => {}, onGap: async () => {} };
  const open = (name: string) =>
    openReceiver({ config: folder.config, ...handlers, name, log: silentLog });
  for (const name of ["lab", "poll", "warehouse"]) {
    await assert.rejects(open(name), /the name of a configured outlet or position/, name);
  }
  await assert.rejects(open("$outcomes"), /a name that begins with \$/);
  await assert.rejects(open("other"), { code: "OUTLET_FILE" });
});

test("[01] a platform may have everything again", async () => {
  using folder = new ReceiverFolder();
  const agent = await folder.newAgent();
  const seen: bigint[] = [];
  const onMessage = async ({ seq }: OutletMessage): Promise<void> => void seen.push(seq);
  const onGap = async (): Promise<void> => {};
  await using receiver = await openReceiver({
    config: folder.config,
    onMessage,
    onGap,
    log: silentLog,
  });
  await using source = await PlayedAgent.stream(receiver.address.port, agent.identity);
  source.send(...textFrames(1n, "a", "b"));
  await until("both are taken", () => seen.length === 2);
  const [tenant = "", name = ""] = agent.name.split("/");
  const channel = { tenant, name, channel: "adt" };
  const start = { epoch: 0n, seq: 0n };
  assert.equal(await receiver.outlets.rewind("library", channel, start), true);
  await until("both are taken again", () => seen.length === 4);
  assert.deepEqual(seen, [1n, 2n, 1n, 2n]);
  assert.equal(await receiver.outlets.rewind("other", channel, start), false);
});

test("[TP34] a platform sends: durable when it resolves, once for each key, and hears what became of it", async () => {
  using folder = new ReceiverFolder();
  const agent = await folder.newAgent();
  const [tenant = "", name = ""] = agent.name.split("/");
  const channel = { tenant, name, channel: "orders" };
  const handlers = { onMessage: async () => {}, onGap: async () => {} };
  const open = () => openReceiver({ config: folder.config, ...handlers, log: silentLog });
  const order = { ...channel, body: textOf("an order"), key: "order-1" };
  {
    await using receiver = await open();
    assert.partialDeepStrictEqual(await receiver.send(order), { seq: 1n, known: false });
    const other = receiver.send({ ...order, body: textOf("another") });
    await assert.rejects(other, { code: "SEND_KEY_CONFLICT" });
    await assert.rejects(receiver.send({ ...order, name: "nobody" }), { code: "AGENT_UNKNOWN" });
  }
  await using receiver = await open();
  assert.partialDeepStrictEqual(await receiver.send(order), { seq: 1n, known: true });
  await using connected = await PlayedAgent.connect(receiver.address.port, agent.identity);
  connected.send(helloFrame({ capabilities: ["downstream"], downstreamCredit: 1_000_000 }));
  const { stream, epoch } = await connected.next("open");
  const credit = { streamLimit: 1_000_000, connectionLimit: 1_000_000, bytesReceived: 0 };
  const at = { stream, status: OPENED_STATUS.ok, epoch, lastSeq: 0n, chain: CHAIN_START, credit };
  connected.send({ type: "opened", ...at });
  const { payload } = await connected.next("data");
  assert.equal(Buffer.from(payload).toString("latin1"), "an order");
  connected.send({ type: "ack", stream, epoch, lastSeq: 1n, credit });
  const told = async (): Promise<OutgoingRecord[]> => {
    const records: OutgoingRecord[] = [];
    for await (const record of receiver.sent(channel)) records.push(record);
    return records;
  };
  await until("the agent has it", async () => (await told())[0]?.settledAtMs !== null);
  assert.partialDeepStrictEqual(await told(), [{ key: "order-1", seq: 1n, outcome: null }]);
});
