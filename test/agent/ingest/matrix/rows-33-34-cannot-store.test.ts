import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { AgentStack } from "#test/support/agent-stack.ts";
import { HastyClock } from "#test/support/clocks.ts";
import { adt, framed, largeAdt, latin1 } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

const MIB = 1024 * 1024;

/** Whether a new connection to the port is refused: the signal that every site watches. */
async function isRefused(port: number): Promise<boolean> {
  try {
    await using _ = await MllpSocket.open(port);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ECONNREFUSED";
  }
}

test("[E1, A1] row 33: a full disk gives no reply and closes connections and listener; the resend gets AA", async (t) => {
  const disk = SmallDisk.make(8 * MIB);
  if (typeof disk === "string") return t.skip(disk);
  using full = disk;
  await using agent = await AgentStack.open({ stateDir: full.stateDir, probeIntervalMs: 20 });
  await using idle = await agent.connect();
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")));
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  full.fill();
  const large = largeAdt("M2", 500_000).toString("latin1");
  await sender.send(framed(large));
  await sender.closed();
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"], "and nothing more");
  await idle.closed();
  await until("the listener is closed", () => isRefused(agent.port));
  assert.deepEqual(
    agent.conditions.list().map(({ condition }) => condition),
    ["storeFailing"],
  );
  full.free();
  await until("the listener opens by itself", () => agent.listener.isListening);
  assert.deepEqual(agent.conditions.list(), []);
  await using again = await agent.connect();
  await again.send(framed(large));
  assert.deepEqual(await again.acknowledged(1), ["AA M2"]);
  const ids = (await agent.messages()).map(({ controlId }) => controlId);
  assert.deepEqual(ids, ["M1", "M2"]);
});

test("[E1, F7] a large block whose slices met a full disk is never acknowledged, and refuses nobody else when there is room at its end", async (t) => {
  const disk = SmallDisk.make(8 * MIB);
  if (typeof disk === "string") return t.skip(disk);
  using full = disk;
  await using agent = await AgentStack.open({ stateDir: full.stateDir, probeIntervalMs: 20 });
  await using sender = await agent.connect();
  const body = largeAdt("BIG", 2 * MIB);
  await using other = await agent.connect();
  const staged = mock.method(agent.outbox, "stage");
  full.fill();
  await sender.send("\x0b", body.subarray(0, body.length - 10));
  await until("a slice is refused", () => agent.outbox.isLost(1));
  full.free();
  const count = staged.mock.callCount();
  await sender.send(Buffer.concat([body.subarray(body.length - 10), latin1("\x1c\r")]));
  await other.send(framed(adt("OTHER")));
  await sender.closed();
  assert.equal(sender.received, "");
  assert.equal(staged.mock.callCount(), count, "nothing more of it is stored");
  assert.deepEqual(await other.acknowledged(1), ["AA OTHER"]);
  assert.ok(agent.doorway.isOpen);
  await using again = await agent.connect();
  again.socket.write(Buffer.concat([latin1("\x0b"), body, latin1("\x1c\r")]));
  assert.deepEqual(await again.acknowledged(1), ["AA BIG"]);
  assert.deepEqual(
    (await agent.messages()).map(({ controlId }) => controlId),
    ["OTHER", "BIG"],
  );
});

test("[A9, E1] row 34: a commit past its deadline that succeeds gives no reply and one row; the resend gets AA", async () => {
  const storeClock = new HastyClock();
  await using agent = await AgentStack.open({ storeClock, probeIntervalMs: 20 });
  await using sender = await agent.connect();
  // The deadline passes before the real commit can return.
  storeClock.hasty = true;
  await sender.send(framed(adt("M1")));
  await sender.closed();
  storeClock.hasty = false;
  assert.equal(sender.received, "");
  assert.equal(agent.logs("listenerClosed").length, 1);
  await until("the listener opens by itself", () => agent.listener.isListening);
  assert.equal((await agent.messages()).length, 1, "the commit succeeded");
  await until("it is known that nobody was told", async () => {
    return (await agent.trace("M1"))[0]?.ack === "undelivered";
  });
  await using again = await agent.connect();
  await again.send(framed(adt("M1")));
  assert.deepEqual(await again.acknowledged(1), ["AA M1"]);
  assert.equal((await agent.messages()).length, 1);
  assert.equal(agent.counters.value("duplicates"), 1);
});
