import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { AgentStack } from "#test/support/agent-stack.ts";
import { adt, framed, largeAdt, latin1, sha256Of, textOf } from "#test/support/messages.ts";
import type { MllpSocket } from "#test/support/mllp-socket.ts";
import { StoreFile } from "#test/support/store-file.ts";

const MIB = 1024 * 1024;
const VT = latin1("\x0b");
const END = latin1("\x1c\r");

/** Writes all of it as fast as the other side reads, in the chunks that TCP makes of it. */
async function pour(sender: MllpSocket, ...parts: readonly Uint8Array[]): Promise<void> {
  await new Promise<void>((resolve) => {
    sender.socket.write(Buffer.concat(parts), () => resolve());
  });
}

/** Slices and uploads in the file of an agent that was closed. */
function remains(agent: AgentStack): { slices: number; uploads: number } {
  using file = new StoreFile(agent.stateDir);
  return { slices: file.sliceCount(), uploads: file.uploadCount() };
}

test("[F7, A1] a 5 MiB block goes to the store in slices, and bytes and digest are equal", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const body = largeAdt("BIG", 5 * MIB);
  await pour(sender, VT, body, END);
  assert.deepEqual(await sender.acknowledged(1), ["AA BIG"]);
  const [kept] = await agent.messages();
  assert.deepEqual([kept?.controlId, kept?.sha256], ["BIG", sha256Of(body)]);
  await agent.close();
  const { slices, uploads } = remains(agent);
  assert.equal(uploads, 1);
  assert.ok(slices >= 40, `${slices} slices of 128 KiB`);
});

test("[F7, F1] blocks before and after a large one keep their order and their bytes", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const bodies = [
    latin1(adt("M1")),
    largeAdt("BIG", 2 * MIB),
    latin1(adt("M2")),
    largeAdt("B2", 2 * MIB),
  ];
  await pour(sender, ...bodies.flatMap((body) => [VT, body, END]));
  assert.deepEqual(await sender.acknowledged(4), ["AA M1", "AA BIG", "AA M2", "AA B2"]);
  assert.deepEqual(
    (await agent.messages()).map(({ sha256 }) => sha256),
    bodies.map(sha256Of),
  );
});

test("[F7, F11] row 25: a block of 31 MiB gives AA, and bytes and digest are equal", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const body = largeAdt("HUGE", 31 * MIB);
  await pour(sender, VT, body, END);
  assert.deepEqual(await sender.acknowledged(1, 30_000), ["AA HUGE"]);
  assert.equal((await agent.messages())[0]?.sha256, sha256Of(body));
});

test("[F5, F7] a large block that never ends becomes a fragment with every byte that came", async () => {
  await using agent = await AgentStack.open();
  const sender = await agent.connect();
  const body = largeAdt("CUT", 3 * MIB);
  await pour(sender, VT, body);
  sender.finish();
  await sender.closed();
  assert.equal(sender.received, "");
  assert.deepEqual(await agent.messages(), []);
  const [aside, ...others] = await agent.quarantine();
  assert.deepEqual(
    [aside?.reason, aside?.length, aside?.sha256, aside?.controlId],
    ["partial", body.length, sha256Of(body), "CUT"],
  );
  assert.deepEqual(others, []);
});

test("[F7, F10] row 23: a block over the limit gives AR with its control id, an alarm, and close", async () => {
  await using agent = await AgentStack.open({ settings: { blockMaxBytes: 2 * MIB } });
  await using sender = await agent.connect();
  const body = largeAdt("OVER", 3 * MIB);
  await pour(sender, latin1(framed(adt("M1"))), VT, body, END);
  assert.deepEqual(await sender.acknowledged(2), ["AA M1", "AR OVER"]);
  await sender.closed();
  assert.deepEqual(
    agent.conditions.list().map(({ condition }) => condition),
    ["messageTooLarge"],
  );
  assert.equal(agent.counters.value("tooLarge"), 1);
  const [aside] = await agent.quarantine();
  assert.deepEqual(
    [aside?.reason, aside?.length, aside?.controlId, aside?.text],
    ["tooLarge", body.length, "OVER", textOf(body.subarray(0, 65_536))],
  );
  assert.deepEqual(remains(agent), { slices: 0, uploads: 0 }, "its slices are discarded");
});

test("[F7] row 24: a block over twice the limit is closed without a reply, with fragment and alarm", async () => {
  await using agent = await AgentStack.open({ settings: { blockMaxBytes: 2 * MIB } });
  await using sender = await agent.connect();
  const body = largeAdt("TWICE", 4 * MIB + 65_536);
  sender.socket.write(Buffer.concat([VT, body, END, latin1(framed(adt("M2")))]));
  await sender.closed();
  assert.equal(sender.received, "", "nothing after it is answered, either");
  assert.deepEqual(await agent.messages(), []);
  assert.deepEqual(
    agent.conditions.list().map(({ condition }) => condition),
    ["messageTooLarge"],
  );
  const [aside] = await agent.quarantine();
  assert.deepEqual([aside?.reason, aside?.text.length], ["tooLarge", 65_536]);
  assert.ok((aside?.length ?? 0) > 4 * MIB);
  assert.deepEqual(remains(agent), { slices: 0, uploads: 0 });
});

test("[F7] a block under the spool threshold but over the limit keeps 65,536 bytes, too", async () => {
  await using agent = await AgentStack.open({ settings: { blockMaxBytes: 100_000 } });
  await using sender = await agent.connect();
  const body = largeAdt("OVER", 150_000);
  await pour(sender, VT, body, END);
  assert.deepEqual(await sender.acknowledged(1), ["AR OVER"]);
  const [aside] = await agent.quarantine();
  assert.deepEqual([aside?.length, aside?.text.length], [150_000, 65_536]);
});

test("[D1, F7] a large block sent again gives the same AA and leaves no second copy", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const body = largeAdt("BIG", 2 * MIB);
  for (let i = 0; i < 3; i++) await pour(sender, VT, body, END);
  assert.deepEqual(await sender.acknowledged(3), ["AA BIG", "AA BIG", "AA BIG"]);
  assert.equal((await agent.messages()).length, 1);
  await agent.close();
  assert.equal(remains(agent).uploads, 1, "the slices of a repeat are taken back");
});

test("[E2, F7] a large block without a header is set aside whole, however blank it begins", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const body = Buffer.alloc(2 * MIB, "\r");
  body.write("PID|1||TEST-0001", MIB, "latin1");
  await pour(sender, VT, body, END);
  assert.deepEqual(await sender.acknowledged(1), ["AR "]);
  const [aside] = await agent.quarantine();
  assert.deepEqual([aside?.reason, aside?.sha256], ["noHeader", sha256Of(body)]);
});

test("[F7] slices of an upload that never completed are gone after the next open", async () => {
  await using agent = await AgentStack.open();
  const { outbox } = agent;
  outbox.stage(outbox.newUpload(), 0, new Uint8Array(131_072));
  await agent.close();
  assert.equal(remains(agent).slices, 1);
  await agent.reopen();
  await agent.close();
  assert.deepEqual(remains(agent), { slices: 0, uploads: 0 });
});

test("[F11, S8] of a body that is poured in, a mebibyte waits for its commit at most; others go on", async () => {
  await using agent = await AgentStack.open();
  await using endless = await agent.connect();
  await using sender = await agent.connect();
  const { outbox } = agent;
  const part = largeAdt("ENDLESS", MIB);
  let most = 0;
  const stage = outbox.stage.bind(outbox);
  outbox.stage = (upload, ordinal, bytes) => {
    stage(upload, ordinal, bytes);
    most = Math.max(most, outbox.stagedBytes(upload));
  };
  let pouring = true;
  const flood = (async () => {
    await pour(endless, VT);
    while (pouring && endless.socket.writable) {
      await pour(endless, part);
      await turn();
    }
  })();
  for (let i = 1; i <= 20; i++) {
    await sender.send(framed(adt(`M${i}`)));
    await sender.acknowledged(i);
  }
  pouring = false;
  endless.reset();
  await flood;
  // What one chunk of the socket brings comes on top.
  assert.ok(most > 0 && most <= MIB + 512 * 1024, `${most} bytes`);
});
