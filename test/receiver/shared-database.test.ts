import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { issueAgent } from "./support/identities.ts";
import { helloFrame, PlayedAgent } from "./support/played-agent.ts";
import { PostgresServer, withoutPostgres } from "./support/postgres.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const skip = withoutPostgres();

/** `agent.seq body` of everything that `export` says. */
async function exported(folder: ReceiverFolder): Promise<string[]> {
  const { code, out, err } = await folder.run("export", "--config", folder.config, "--body");
  assert.deepEqual([code, err], [0, ""]);
  const lines = out.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const { seq, body } = JSON.parse(line) as { seq: number; body: string };
    return `${seq} ${Buffer.from(body, "base64").toString("latin1")}`;
  });
}

describe("receivers that share a database", { skip }, async () => {
  if (skip !== false) return;
  const server = await PostgresServer.start();
  after(() => server[Symbol.asyncDispose]());
  const identity = await issueAgent("north/ward-1");

  const folderFor = (database: string): ReceiverFolder => {
    const place = `host: ${server.path}, database: ${database}, user: holdfast`;
    return new ReceiverFolder({ more: `store: { kind: postgres, ${place} }` });
  };
  const add = async (folder: ReceiverFolder): Promise<void> => {
    const certificate = folder.write("agent.pem", identity.certificatePem);
    const more = ["--certificate", certificate, "--config", folder.config];
    const { code, err } = await folder.run("agent", "add", "north/ward-1", ...more);
    assert.deepEqual([code, err], [0, ""]);
  };

  test("[T-C03] [TP4] an agent goes from one node to another: fenced here, acknowledged there", async () => {
    const database = await server.newDatabase();
    using one = folderFor(database);
    using two = folderFor(database);
    await add(one);
    await using first = await one.serve();
    await using second = await two.serve();
    await using before = await PlayedAgent.stream(first.port, identity);
    before.sendMessages(1n, "a", "b");
    await before.acked(2n);
    await using now = await PlayedAgent.stream(second.port, identity);
    before.sendMessages(3n, "zombie");
    await before.next("goaway");
    now.sendMessages(3n, "c");
    await now.acked(3n);
    assert.deepEqual(await exported(one), ["1 a", "2 b", "3 c"]);
    assert.deepEqual(await exported(two), ["1 a", "2 b", "3 c"]);
    assert.equal(await first.end("SIGTERM"), 0);
    assert.equal(await second.end("SIGTERM"), 0);
    assert.deepEqual(await exported(two), ["1 a", "2 b", "3 c"], "nobody runs");
  });

  test("[TP34] [TP4] what a command takes while nobody runs is in the database, and any node sends it; so is what another node takes", async () => {
    const database = await server.newDatabase();
    using one = folderFor(database);
    using two = folderFor(database);
    await add(one);
    const send = async (folder: ReceiverFolder, text: string): Promise<void> => {
      const file = folder.write("message.hl7", text);
      const to = ["send", "north/ward-1", "orders", file, "--config", folder.config];
      assert.deepEqual((await folder.run(...to)).code, 0);
    };
    await send(one, "while nobody ran");
    await using first = await one.serve();
    await using second = await two.serve();
    await using agent = await PlayedAgent.connect(second.port, identity);
    const credit = { streamLimit: 100_000, connectionLimit: 100_000 };
    agent.send(helloFrame({ capabilities: ["downstream"], downstreamCredit: 100_000 }));
    await agent.next("welcome");
    const open = await agent.next("open");
    assert.deepEqual([open.channel, open.stream % 2, open.epoch], ["orders", 0, 1n]);
    const { stream, epoch } = open;
    const chain = new Uint8Array(32);
    agent.send({ type: "opened", stream, status: 0, epoch, credit, lastSeq: 0n, chain });
    const waited = await agent.next("data");
    assert.equal(Buffer.from(waited.payload).toString(), "while nobody ran");
    agent.send({
      type: "ack",
      stream,
      epoch,
      lastSeq: 1n,
      credit: { ...credit, bytesReceived: 1 },
    });
    await send(one, "at the other node");
    const told = await agent.next("data");
    assert.equal(Buffer.from(told.payload).toString(), "at the other node");
    assert.equal(told.seq, 2n);
    const { out } = await two.run(
      ...["sent", "north/ward-1", "orders", "--config", two.config, "--json"],
    );
    const [settled, waiting] = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).agentHasItAt);
    assert.ok(settled !== null);
    assert.equal(waiting, null);
    await first.end("SIGTERM");
    await second.end("SIGTERM");
  });

  test("[T-C03] a node is stopped with a message in its hands and goes on later: FENCED, writes nothing", async () => {
    const database = await server.newDatabase();
    using one = folderFor(database);
    using two = folderFor(database);
    await add(one);
    await using first = await one.serve();
    await using second = await two.serve();
    await using before = await PlayedAgent.stream(first.port, identity);
    before.sendMessages(1n, "a");
    await before.acked(1n);
    first.child.kill("SIGSTOP");
    before.sendMessages(2n, "zombie");
    await using now = await PlayedAgent.greet(second.port, identity);
    assert.equal((await now.open()).lastSeq, 1n);
    first.child.kill("SIGCONT");
    await before.next("goaway");
    now.sendMessages(2n, "b");
    await now.acked(2n);
    assert.deepEqual(await exported(two), ["1 a", "2 b"]);
  });

  test("[T-C01] a node is killed right after ACK: the other one has the message", async () => {
    const database = await server.newDatabase();
    using one = folderFor(database);
    using two = folderFor(database);
    await add(one);
    await using first = await one.serve();
    await using second = await two.serve();
    await using before = await PlayedAgent.stream(first.port, identity);
    before.sendMessages(1n, "a");
    await before.acked(1n);
    await first.end("SIGKILL");
    await using now = await PlayedAgent.greet(second.port, identity);
    assert.equal((await now.open()).lastSeq, 1n);
    assert.deepEqual(await exported(two), ["1 a"]);
  });

  test("[T-C07] [06 12] the database goes away and comes back: the message is acknowledged late", async () => {
    const database = await server.newDatabase();
    using folder = folderFor(database);
    await add(folder);
    await using receiver = await folder.open();
    await using agent = await PlayedAgent.stream(receiver.address.port, identity);
    agent.sendMessages(1n, "a");
    await agent.acked(1n);
    await server.stop("SIGQUIT");
    agent.sendMessages(2n, "b");
    while (!folder.logged.some(({ event }) => event === "storeUnavailable")) await wait(20);
    await server.restart();
    await agent.acked(2n);
    assert.deepEqual(await exported(folder), ["1 a", "2 b"]);
  });

  test("[S1] two receivers in one state folder: the second is refused, exit 78", async () => {
    using folder = folderFor(await server.newDatabase());
    await using _served = await folder.serve();
    const { code, err } = await folder.run("serve", "--config", folder.config);
    assert.equal(code, 78);
    assert.match(err, /DOOR_TAKEN/);
    const list = await folder.run("agent", "list", "--config", folder.config);
    assert.deepEqual([list.code, list.err], [0, ""]);
  });

  test("[01] the database is away: serve and commands end with 69 and one clear error", async () => {
    using folder = folderFor("unused");
    await server.stop("SIGINT");
    for (const command of [["serve"], ["agent", "list"], ["export"]]) {
      const { code, err } = await folder.run(...command, "--config", folder.config);
      assert.equal(code, 69);
      assert.match(err, /STORE_UNREACHABLE error=ENOENT/);
      assert.equal(err.trimEnd().split("\n").length, 2);
    }
    await server.restart();
  });
});

const REFUSED = [
  {
    store: "{ kind: postgres, host: db.example.org, database: holdfast, user: holdfast }",
    says: /receiver\.yaml:4:1: 'store\.tls' must be given: messages would cross the network in the clear/,
  },
  { store: "{ kind: oracle }", says: /:4:10: 'store\.kind' must say which store it is/ },
  { store: "postgres", says: /:4:1: 'store' must say which store it is/ },
  {
    store: "{ kind: postgres, host: /run, databse: h, user: h }",
    says: /:4:38: unknown key 'databse', did you mean 'database'\?/,
  },
  {
    store: "{ kind: postgres, host: /run, database: h, user: h, tls: { ca: a, key: b } }",
    says: /'store\.tls\.key' belongs to tls\.certificate: both or none/,
  },
];
for (const { store, says } of REFUSED) {
  test(`[I-5] store: ${store} is refused with line and column, exit 78`, async () => {
    using folder = new ReceiverFolder({ more: `store: ${store}` });
    const { code, err } = await folder.run("serve", "--config", folder.config);
    assert.equal(code, 78);
    assert.match(err, says);
  });
}

test("[01] a password file that is not there ends serve with 78 and names the key", async () => {
  const place = "host: 127.0.0.1, database: h, user: h, passwordFile: absent";
  using folder = new ReceiverFolder({ more: `store: { kind: postgres, ${place} }` });
  const { code, err } = await folder.run("serve", "--config", folder.config);
  assert.equal(code, 78);
  assert.match(err, /STORE_FILE key=store\.passwordFile error=ENOENT/);
});
