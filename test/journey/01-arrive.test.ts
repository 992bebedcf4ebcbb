import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentStack } from "#test/support/agent-stack.ts";
import { adt, framed } from "#test/support/messages.ts";

test("[F1] a message arrives at every position at which TCP may cut it", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const wire = framed(adt("M1"));
  for (let cut = 1; cut < wire.length; cut++) {
    const own = framed(adt(`M${1_000 + cut}`));
    await sender.send(own.slice(0, cut), own.slice(cut));
  }
  const expected = Array.from({ length: wire.length - 1 }, (_, index) => `AA M${1_001 + index}`);
  assert.deepEqual(await sender.acknowledged(expected.length), expected);
});

test("[F2, F3, F10, E2] what is no message arrives, too, and is told apart from what is", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(
    `noise${framed(adt("M1"))}\r\n${framed("no header")}\x0b${adt("M2")}\x1c\n\x0bMSH|cut`,
  );
  assert.deepEqual(await sender.acknowledged(3), ["AA M1", "AR ", "AA M2"]);
  sender.finish();
  await sender.closed();
  const { junkBytes, lenientEnd, fragments, stored, quarantined } = agent.counters.snapshot();
  assert.deepEqual([junkBytes, lenientEnd, fragments, stored], [5, 1, 1, 2]);
  assert.equal(quarantined, 3, "junk, the block without a header, the fragment");
});
