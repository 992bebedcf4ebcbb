import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentStack } from "#test/support/agent-stack.ts";
import { adt, framed, latin1, sha256Of } from "#test/support/messages.ts";

test("[A1, D4] what was acknowledged is in the store after it is closed and opened again, in order, byte for byte", async () => {
  await using agent = await AgentStack.open();
  const blocks = Array.from({ length: 100 }, (_, id) =>
    adt(`M${id}`, `^\xe4\0\x7f${"x".repeat(id * 97)}`),
  );
  await using sender = await agent.connect();
  await sender.send(...blocks.map(framed));
  await sender.acknowledged(blocks.length);
  await agent.close();
  await agent.reopen();
  const kept = await agent.messages();
  assert.deepEqual(
    kept.map(({ sha256 }) => sha256),
    blocks.map((block) => sha256Of(latin1(block))),
  );
  assert.deepEqual(
    kept.map(({ seq }) => seq),
    blocks.map((_, index) => BigInt(index + 1)),
  );
});

test("[A1] a positive reply leaves only after its row is committed", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  let committed = 0n;
  let early = 0;
  agent.outbox.onAppended((_, lastSeq) => {
    committed = lastSeq;
  });
  sender.socket.on("data", () => {
    if (BigInt(sender.received.split("\x1c\r").length - 1) > committed) early += 1;
  });
  for (let i = 1; i <= 50; i++) {
    await sender.send(framed(adt(`M${i}`)));
    await sender.acknowledged(i);
  }
  assert.equal(committed, 50n);
  assert.equal(early, 0, "replies that came before their commit");
});

test("[A1, E2] what was refused is kept, too, byte for byte and with its reason", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const refused = ["PID|1\r", "MSH|\r", "MSH|^~\\&|\x1cX"];
  await sender.send(...refused.map(framed));
  await sender.acknowledged(3);
  const aside = await agent.quarantine();
  assert.deepEqual(
    aside.map(({ reason, text }) => [reason, text]),
    [
      ["noHeader", refused[0]],
      ["headerTooShort", refused[1]],
      ["embeddedFraming", refused[2]],
    ],
  );
});
