/** The machine's clock is wrong by years, as after a dead battery: nothing leaves, the reason is said, and then it heals (T-N08). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "#test/support/processes.ts";
import { SeededSenders } from "./seeded-senders.ts";
import { SteppedClock } from "./stepped-clock.ts";
import { TroubledPair, type TroubledStatus } from "./troubled-pair.ts";

const YEAR_HOURS = 8_766;
const MESSAGES = 5;

interface Tunnel {
  readonly lastError?: string;
  readonly remedy?: string;
  readonly state: string;
}
const tunnelOf = ({ tunnel }: TroubledStatus): Tunnel => tunnel;

for (const [years, code] of [
  [-10, "TUNNEL_CERT_NOT_YET_VALID"],
  [1, "TUNNEL_CERT_EXPIRED"],
] as const) {
  test(`[T-N08, 07 1.10] a clock ${years} years off: messages are kept, ${code}, and it recovers alone`, {
    timeout: 120_000,
  }, async (context) => {
    const made = SteppedClock.make();
    if (typeof made === "string") return context.skip(made);
    using clock = made;
    using pair = await TroubledPair.make();
    await using _receiver = await pair.receiver();
    clock.set(years * YEAR_HOURS);
    await using agent = await pair.agent({ env: clock.env("wallClock") });
    await until("it has tried", async () => tunnelOf(await pair.status()).lastError !== undefined);
    using senders = new SeededSenders({ port: pair.port, count: 1, seed: 1 });
    await senders.more(MESSAGES);
    // One more may have been on its way.
    const count = (await senders.finish()).acknowledged.size;
    assert.ok(count >= MESSAGES);
    const wrong = await pair.status();
    assert.equal(tunnelOf(wrong).lastError, code);
    assert.match(tunnelOf(wrong).remedy ?? "", /clock/);
    assert.equal(wrong.channels[0]?.waiting, count, "nothing has left");
    clock.set(0);
    await pair.streaming(60_000);
    await pair.drained();
    assert.deepEqual(await agent.end("SIGTERM"), { code: 0, signal: null });
  });
}
