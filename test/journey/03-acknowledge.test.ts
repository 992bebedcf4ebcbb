import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { StoreFile } from "#test/support/store-file.ts";

test("[A8] row 43: with a receiver that was never reachable the listener is open and gives AA", async () => {
  using folder = await AgentFolder.make();
  await using _agent = await folder.start();
  await using sender = await MllpSocket.open(folder.port);
  await sender.send(framed(adt("M1")));
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
});

test("[E8] row 47: SIGTERM with ten complete blocks read gives ten rows and ten AA, then close and exit 0", async () => {
  using folder = await AgentFolder.make();
  await using agent = await folder.start();
  await using sender = await MllpSocket.open(folder.port);
  const ids = Array.from({ length: 10 }, (_, id) => `M${id}`);
  await sender.send(`${ids.map((id) => framed(adt(id))).join("")}\x0b${adt("HALF")}`);
  // They came in one segment: with the first reply all ten have been read.
  await sender.replies(1);
  assert.deepEqual(await agent.end("SIGTERM"), { code: 0, signal: null });
  assert.deepEqual(
    await sender.acknowledged(10),
    ids.map((id) => `AA ${id}`),
  );
  await sender.closed();
  using store = new StoreFile(folder.stateDir);
  assert.equal(store.messageCount(), 10);
});

test("[A1, D1] row 36: kill -9 at the first reply loses no acknowledged message, and the resend gives one row", async () => {
  using folder = await AgentFolder.make();
  const ids = Array.from({ length: 200 }, (_, id) => `M${id}`);
  const wire = ids.map((id) => framed(adt(id))).join("");
  {
    await using agent = await folder.start();
    await using sender = await MllpSocket.open(folder.port);
    await sender.send(wire);
    await sender.replies(1);
    await agent.end("SIGKILL");
  }
  await using agent = await folder.start();
  await using sender = await MllpSocket.open(folder.port);
  await sender.send(wire);
  assert.deepEqual(
    await sender.acknowledged(200),
    ids.map((id) => `AA ${id}`),
  );
  await agent.end("SIGTERM");
  using store = new StoreFile(folder.stateDir);
  assert.equal(store.messageCount(), 200);
});
