/** The receiver is away for three days (T-L01). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { adt, latin1 } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { exported } from "./kill-rounds/oracle.ts";
import { SteppedClock } from "./stepped-clock.ts";
import { StopAndWait } from "./stop-and-wait.ts";
import { inspectStore } from "./stored-messages.ts";
import { TroubledPair } from "./troubled-pair.ts";

const OUTAGE_HOURS = 72;
const STEP_HOURS = 6;
const RETAIN_HOURS = 72;
/** Longer than any wait of the tunnel before it dials again. */
const BACKOFF_HOURS = 1 / 30;

test("[T-L01] [S14] 72 hours without a receiver: the first message arrives first, none expired; retention counts from settling", {
  timeout: 90_000,
}, async (context) => {
  const made = SteppedClock.make();
  if (typeof made === "string") return context.skip(made);
  using clock = made;
  const env = clock.env("allClocks");
  using pair = await TroubledPair.make({ agentYaml: `retainHours: ${RETAIN_HOURS}\n` });
  const sent: string[] = [];
  {
    await using agent = await pair.agent({ env });
    using sender = new StopAndWait(pair.port);
    for (let hours = 0; hours <= OUTAGE_HOURS; hours += STEP_HOURS) {
      clock.set(hours);
      const controlId = `AT-${hours}`;
      const reply = await sender.send(latin1(adt(controlId)));
      assert.deepEqual(reply, { code: "AA", controlId });
      sent.push(controlId);
    }
    await until("all wait", async () => (await pair.status()).channels[0]?.waiting === sent.length);
    await using receiver = await pair.receiver({ env });
    const drained = async (): Promise<boolean> => {
      const { tunnel, channels } = await pair.status();
      if (tunnel.state === "disconnected") clock.set(clock.hours + BACKOFF_HOURS);
      return channels[0]?.waiting === 0;
    };
    await until("the receiver has them", drained, 30_000);
    const held: string[] = [];
    for await (const { controlId = "", gap } of exported(pair.pair.receiverConfig)) {
      held.push(gap ?? controlId);
    }
    assert.deepEqual(held, sent);
    await agent.end("SIGTERM");
    await receiver.end("SIGTERM");
  }
  // All arrived three days ago or later, none was settled an hour ago.
  await startedAt(pair, clock, clock.hours + 1);
  const { bodies, pruned, reasons } = inspectStore(pair.stateDir);
  assert.deepEqual([[...bodies.keys()], pruned, reasons], [sent, [], []]);
  await startedAt(pair, clock, clock.hours + RETAIN_HOURS - 2);
  assert.deepEqual(inspectStore(pair.stateDir).pruned, []);
  await startedAt(pair, clock, clock.hours + 2);
  const later = inspectStore(pair.stateDir);
  assert.deepEqual(later.reasons, []);
  assert.equal(
    later.pruned.filter(({ channel }) => channel === "adt").length,
    sent.length,
    "what may go goes within the time that it was given",
  );
});

/** Lets an agent run at that time for as long as pruning needs to look at least twice. */
async function startedAt(pair: TroubledPair, clock: SteppedClock, hours: number): Promise<void> {
  clock.set(hours);
  await using agent = await pair.agent({ env: clock.env("allClocks") });
  const startMs = performance.now();
  await until("it looked for what may go", () => performance.now() - startMs > 2_500);
  await agent.end("SIGTERM");
}
