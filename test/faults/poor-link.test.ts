/** A narrow link that loses packets: slow is not down, and everything arrives (T-N04). */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { adt } from "#test/support/messages.ts";
import { PoorLink } from "#test/support/poor-link.ts";
import { Started, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { exported } from "./kill-rounds/oracle.ts";
import { moveReceiver } from "./moved-receiver.ts";
import { TroubledPair } from "./troubled-pair.ts";

const AGENT = programFile("agent/main.ts");
const LINK = { bitsPerSecond: 1_000_000, lossPercent: 10, roundTripMs: 500 };
/** TCP brings about 11 KB/s over such a link: MSS, round trip and the root of the loss decide, not the rate. */
const LARGE_BYTES = 320_000;

interface Held {
  readonly channel: string;
  readonly body: string;
}

test("[T-N04] 1 Mbit/s, 10 % loss, 500 ms round trip: a small message passes a large one, both arrive, and the tunnel stays up", {
  timeout: 150_000,
}, async (context) => {
  const made = await PoorLink.make(LINK);
  if (typeof made === "string") return context.skip(made);
  await using link = made;
  using pair = await TroubledPair.make({ moreChannels: ["oru"] });
  await moveReceiver(pair, link.receiverAddress);
  await using _receiver = await pair.receiver({ through: link.through("receiver") });
  await using agent = await pair.agent({ through: link.through("agent") });
  const sent: Held[] = [];
  const send = async (channel: string, controlId: string, text: string): Promise<void> => {
    const file = join(pair.folder, controlId);
    writeFileSync(file, text);
    const port = `${pair.pair.ports[channel]}`;
    await using sender = new Started([
      ...link.through("agent"),
      ...[process.execPath, AGENT, "send", "--port", port, file],
    ]);
    assert.deepEqual(await sender.ended, { code: 0, signal: null }, sender.errors);
    sent.push({ channel, body: text });
  };
  const waiting = async (index: number): Promise<number> =>
    (await pair.status()).channels[index]?.waiting ?? Number.NaN;

  await pair.streaming(60_000);
  const startMs = performance.now();
  await send(
    "adt",
    "LARGE",
    `${adt("LARGE")}OBX|1|ED|||${"0123456789".repeat(LARGE_BYTES / 10)}\r`,
  );
  await send("oru", "SMALL", adt("SMALL"));
  await until("the small message has passed", async () => (await waiting(1)) === 0, 60_000);
  const smallMs = performance.now() - startMs;
  assert.equal(await waiting(0), 1, "the large message is still on its way");
  await until("the large message has arrived", async () => (await waiting(0)) === 0, 90_000);
  const largeMs = performance.now() - startMs;

  const { tunnel, conditions } = await pair.status();
  context.diagnostic(`small: ${Math.round(smallMs)} ms, large: ${Math.round(largeMs)} ms`);
  assert.match(tunnel.state, /^(streaming|throttled)$/);
  assert.ok(!conditions.some(({ condition }) => condition === "tunnelDown"));
  // A segment that TCP loses five times over is 30 s of silence; a storm would be one after the other.
  assert.ok(agent.errors.split('"tunnelLost"').length - 1 <= 1, "slow is not down");
  const held: Held[] = [];
  for await (const { channel, gap, body = "" } of exported(pair.pair.receiverConfig)) {
    held.push({ channel, body: gap ?? Buffer.from(body, "base64").toString("latin1") });
  }
  assert.deepEqual(held, sent);
  const { up, down } = await link.end();
  context.diagnostic(JSON.stringify({ up, down }));
  assert.ok(up.lost > 0 && down.lost > 0, "it was a poor link");
});
