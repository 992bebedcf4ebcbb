import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentStack } from "#test/support/agent-stack.ts";
import { adt, framed } from "#test/support/messages.ts";

test("[F1, A2] a block arrives over a real socket and is answered", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")));
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
});
