import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AgentStack } from "#test/support/agent-stack.ts";
import { adt, framed, message } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

test("[E6] row 42: RST straight after accept, again and again, harms nobody", async () => {
  await using agent = await AgentStack.open({ settings: { maxConnections: 300 } });
  await using sender = await agent.connect();
  for (let i = 1; i <= 100; i++) {
    const rude = await agent.connect();
    rude.reset();
    if (i % 10 !== 0) continue;
    await sender.send(framed(adt(`M${i}`)));
    assert.equal((await sender.acknowledged(i / 10)).at(-1), `AA M${i}`);
  }
  await agent.connections(1);
});

test("[E6, E4] row 42: RST while replies are written keeps the rows and harms nobody", async () => {
  await using agent = await AgentStack.open({ settings: { maxConnections: 300 } });
  await using sender = await agent.connect();
  let sent = 0;
  for (let i = 0; i < 20; i++) {
    const rude = await agent.connect();
    const large = { 3: "L".repeat(50_000) };
    for (let n = 0; n < 20; n++) {
      rude.socket.write(framed(message({ ...large, 10: `R${i}-${n}` })), "latin1");
    }
    sent += 20;
    // At the first byte of the first reply: the others are being written or wait for their commit.
    await until("a reply is on its way", () => rude.received !== "" || rude.isClosed);
    rude.reset();
  }
  await sender.send(framed(adt("LAST")));
  assert.deepEqual(await sender.acknowledged(1), ["AA LAST"]);
  await agent.connections(1);
  const kept = await agent.messages();
  assert.ok(kept.length > 20 && kept.length <= sent + 1);
  assert.equal(agent.counters.value("stored"), kept.length);
});

/** Framing, headers and rubbish in any mixture, and how the sender leaves. */
const hostile = fc.record({
  parts: fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
      fc.constantFrom(
        "\x0b",
        "\x1c",
        "\x1c\r",
        "\r",
        "\x0bMSH",
        "MSH|^~\\&|",
        "\x0b\x1c\r",
        "BHS|",
      ),
      fc.constantFrom(framed(adt("H1")), framed(message({ 9: "" })), framed(adt("\x0b\x1c"))),
      fc.constantFrom(
        "GET / HTTP/1.1\r\n",
        "\x16\x03\x01",
        "\xef\xbb\xbf",
        `\x0b${"x".repeat(5_000)}`,
      ),
    ),
    { maxLength: 12 },
  ),
  leaves: fc.constantFrom("finish", "reset", "finish"),
});

test("[E6, F1] 200 hostile byte streams end no process and delay no honest sender", async () => {
  await using agent = await AgentStack.open({ settings: { blockMaxBytes: 4_096 } });
  await using sender = await agent.connect();
  const streams = fc.sample(hostile, { numRuns: 200, seed: 20_250_101 });
  for (const [index, { parts, leaves }] of streams.entries()) {
    await using rude = await agent.connect();
    await rude.send(...parts);
    rude[leaves as "finish" | "reset"]();
    if (leaves === "finish") await rude.closed();
    if (index % 10 !== 0) continue;
    await sender.send(framed(adt(`M${index}`)));
    const acknowledged = await sender.acknowledged(index / 10 + 1);
    assert.equal(acknowledged.at(-1), `AA M${index}`);
  }
  await agent.connections(1);
  const kept = (await agent.messages()).filter(({ controlId }) => controlId.startsWith("M"));
  assert.equal(kept.length, 20);
});
