import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { AgentStack } from "#test/support/agent-stack.ts";
import { adt, framed, largeAdt, latin1 } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { RelayLine } from "#test/support/relay-line.ts";

/** Sender, listener and store of the agent, with its tunnel over the line's proxy to the receiver. */
async function joined(): Promise<
  { readonly stack: AgentStack; readonly line: RelayLine } & AsyncDisposable
> {
  const stack = await AgentStack.open();
  const line = await RelayLine.open();
  line.openTunnel(stack.outbox);
  const dispose = async (): Promise<void> => {
    await line.closeTunnel();
    await stack[Symbol.asyncDispose]();
    await line[Symbol.asyncDispose]();
  };
  return { stack, line, [Symbol.asyncDispose]: dispose };
}

describe("what arrives at the receiver is what the sender sent", () => {
  test("[RI7, TP9] every byte, the control id, the digest, and when the hospital's side took it", async () => {
    await using both = await joined();
    const { stack, line } = both;
    const message = adt("C\xe91", "\rNTE|1||\x80\x9f\xff umlaut \xe4");
    await using sender = await stack.connect();
    const before = Date.now();
    await sender.send(framed(message));
    await sender.acknowledged(1);
    await until("it is there", async () => (await line.agent.stored()).length === 1);
    const [row] = await line.folder.export(true);
    assert.equal(row?.["body"], latin1(message).toString("base64"));
    assert.equal(row?.["controlId"], "C\xe91");
    assert.equal(row?.["sha256"], createHash("sha256").update(latin1(message)).digest("hex"));
    assert.deepEqual([row?.["epoch"], row?.["seq"], row?.["channel"]], [1, 1, "adt"]);
    const receivedAtMs = Date.parse(String(row?.["receivedAt"]));
    assert.ok(receivedAtMs >= before - 1 && receivedAtMs <= Date.now());
  });

  test("[S11, TP8] small and large messages of one sender, in the order of their acknowledgments", async () => {
    await using both = await joined();
    const { stack, line } = both;
    await using sender = await stack.connect();
    const bodies = [
      latin1(adt("A")),
      largeAdt("B", 3_000_000),
      latin1(adt("C")),
      largeAdt("D", 1_100_000),
    ];
    for (const body of bodies) {
      await sender.send(Buffer.concat([latin1("\x0b"), body, latin1("\x1c\r")]));
    }
    assert.deepEqual(await sender.acknowledged(4), ["AA A", "AA B", "AA C", "AA D"]);
    await until("all are there", async () => (await line.folder.export()).length === 4, 20_000);
    const rows = await line.folder.export(true);
    const digests = bodies.map((body) => createHash("sha256").update(body).digest("hex"));
    assert.deepEqual(
      rows.map((row) => row["sha256"]),
      digests,
    );
    for (const [index, row] of rows.entries()) {
      assert.ok(
        Buffer.from(String(row["body"]), "base64").equals(bodies[index] ?? Buffer.alloc(0)),
      );
    }
  });

  test("[D1, RI5] a resend is acknowledged again and arrives once", async () => {
    await using both = await joined();
    const { stack, line } = both;
    await using sender = await stack.connect();
    await sender.send(framed(adt("A")), framed(adt("A")), framed(adt("B")), framed(adt("A")));
    assert.deepEqual(await sender.acknowledged(4), ["AA A", "AA A", "AA B", "AA A"]);
    await until("both are there", async () => (await line.folder.export()).length === 2);
    const rows = await line.folder.export();
    assert.deepEqual(
      rows.map((row) => row["controlId"]),
      ["A", "B"],
    );
  });
});
