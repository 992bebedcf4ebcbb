/** The message came, its acknowledgment does not get back: the sender sends again (T-I02). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startFaultProxy } from "#test/support/fault-proxy.ts";
import { adt, latin1 } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { exported } from "./kill-rounds/oracle.ts";
import { StopAndWait } from "./stop-and-wait.ts";
import { TroubledPair } from "./troubled-pair.ts";

/** What the proxy does with the reply, and what makes it stop. */
const LOSSES = [
  { name: "is swallowed", fault: { "down.blackhole": 1 } },
  { name: "is cut off by a reset after its first byte", fault: { "down.cut_after": 1 } },
  { name: "comes after the sender gave up", fault: { "down.latency": 2_000 } },
] as const;
const PATIENCE_MS = 500;

test("[T-I02] [D2] the acknowledgment is lost three times: each resend is acknowledged, the receiver has one message", {
  timeout: 60_000,
}, async () => {
  using pair = await TroubledPair.make();
  await using _receiver = await pair.receiver();
  await using _agent = await pair.agent();
  const proxy = await startFaultProxy(pair.port);
  const sent: string[] = [];
  const ended = new AbortController();
  try {
    for (const [index, { name, fault }] of LOSSES.entries()) {
      const controlId = `LOST-${index}`;
      using sender = new StopAndWait(proxy.port, PATIENCE_MS);
      proxy.set(fault);
      const reply = sender.send(latin1(adt(controlId)), ended.signal);
      const stored = async (): Promise<boolean> =>
        (await pair.status()).channels[0]?.lastSeq === index + 1;
      await until(`stored, though its reply ${name}`, stored);
      await until("the sender sent again", () => sender.resends >= 2);
      proxy.clear();
      assert.deepEqual(await reply, { code: "AA", controlId });
      sent.push(controlId);
    }
  } finally {
    ended.abort();
    await proxy.stop();
  }
  await pair.drained();
  const held: string[] = [];
  for await (const { controlId = "", gap } of exported(pair.pair.receiverConfig)) {
    held.push(gap ?? controlId);
  }
  assert.deepEqual(held, sent);
});
