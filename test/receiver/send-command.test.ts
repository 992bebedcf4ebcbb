import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { issueAgent } from "./support/identities.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const identity = await issueAgent("north/ward-1");

async function withAgent(folder: ReceiverFolder): Promise<void> {
  const certificate = folder.write("agent.pem", identity.certificatePem);
  const config = ["--config", folder.config];
  const name = ["north/ward-1", "--certificate", certificate];
  assert.equal((await folder.run("agent", "add", ...name, ...config)).code, 0);
}

describe("messages for hospital systems, by command", () => {
  test("[TP34] send keeps a message once under its key, whether or not the receiver runs, and sent lists it", async () => {
    using folder = new ReceiverFolder();
    await withAgent(folder);
    const file = folder.write("order.hl7", "MSH|^~\\&|order\r");
    const to = ["north/ward-1", "orders"];
    const send = (...more: string[]) =>
      folder.run("send", ...to, file, ...more, "--config", folder.config, "--json");
    const first = JSON.parse((await send("--key", "order-1")).out);
    assert.deepEqual(first, { id: 1, epoch: "1", seq: "1", known: false });
    {
      await using served = await folder.serve();
      assert.equal(JSON.parse((await send("--key", "order-1")).out).known, true);
      assert.equal(JSON.parse((await send()).out).seq, "2");
      await served.end("SIGTERM");
    }
    const sent = await folder.run("sent", ...to, "--config", folder.config, "--json");
    const rows = sent.out
      .trimEnd()
      .split("\n")
      .map((row) => JSON.parse(row));
    assert.deepEqual(
      rows.map(({ id, seq, key, bytes, agentHasItAt, outcome }) => [
        ...[id, seq, key, bytes, agentHasItAt, outcome],
      ]),
      [
        [1, "1", "order-1", 15, null, null],
        [2, "2", null, 15, null, null],
      ],
    );
    const told = await folder.run("sent", ...to, "--config", folder.config);
    assert.match(told.out, /^1 {2}1\/1 {2}15 bytes {2}20\S+ {2}waits for the agent$/m);
  });

  test("[TP34] send refuses what it cannot keep, and says why", async () => {
    using folder = new ReceiverFolder();
    await withAgent(folder);
    const empty = folder.write("empty.hl7", "");
    const one = folder.write("one.hl7", "one");
    const two = folder.write("two.hl7", "two");
    const send = async (...args: string[]): Promise<[number | null, string | undefined]> => {
      const { code, err } = await folder.run("send", ...args, "--config", folder.config);
      return [code, /\[([A-Z_]+)/.exec(err)?.[1]];
    };
    const agent = "north/ward-1";
    assert.deepEqual(await send(agent, "orders", empty), [64, "SEND_REFUSED"]);
    assert.deepEqual(await send(agent, "$outcomes", one), [64, "SEND_REFUSED"]);
    assert.deepEqual(await send(agent, "orders", one, "--key", ""), [64, "SEND_REFUSED"]);
    assert.deepEqual(await send(agent, "orders", join(folder.path, "none")), [65, "SEND_FILE"]);
    assert.deepEqual(await send("north/ward-9", "orders", one), [65, "AGENT_UNKNOWN"]);
    assert.deepEqual(await send("ward", "orders", one), [64, "AGENT_NAME"]);
    assert.deepEqual(await send(agent, "orders", one, "--key", "k"), [0, undefined]);
    assert.deepEqual(await send(agent, "orders", two, "--key", "k"), [65, "SEND_KEY_CONFLICT"]);
  });

  test("[05 S11] a message of 16 MiB passes the local door", async () => {
    using folder = new ReceiverFolder();
    await withAgent(folder);
    const large = folder.write("large.hl7", "x".repeat(16_777_216));
    await using served = await folder.serve();
    const to = ["north/ward-1", "orders", large];
    const { code, out } = await folder.run("send", ...to, "--config", folder.config);
    assert.equal(code, 0);
    assert.match(out, /^16777216 bytes for north\/ward-1 orders: is kept as 1 \(1\/1\)$/m);
    await served.end("SIGTERM");
  });
});
