/** The receiver is away for a week, while the store fills (T-N06); a million messages: `npm run bench -- --only backlog`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import Sqlite from "better-sqlite3";
import { askLocal } from "#agent/host/local-socket.ts";
import { BACKOFF_MAX_MS } from "#agent/limits.ts";
import { STORE_FILE } from "#receiver/store/sqlite/sqlite-store.ts";
import { adt, latin1, sha256Of } from "#test/support/messages.ts";
import { type Started, until } from "#test/support/processes.ts";
import { exported } from "./kill-rounds/oracle.ts";
import { SteppedClock } from "./stepped-clock.ts";
import { StopAndWait } from "./stop-and-wait.ts";
import { residentBytes, TroubledPair } from "./troubled-pair.ts";

const DAYS = 7;
const STEP_HOURS = 6;
const STEP_COUNT = (DAYS * 24) / STEP_HOURS + 1;
/** The smallest that a configuration may say, so that a week fills seven tenths of it. */
const BUDGET_BYTES = 268_435_456;
/** Bytes of each message, by channel. In a week one stays just below its half, the other has half of that. */
const CHANNELS = { adt: 4_500_000, oru: 2_250_000 } as const;
type Channel = keyof typeof CHANNELS;
const NAMES = Object.keys(CHANNELS) as Channel[];
/** Longer than any wait of the tunnel before it dials again. */
const BACKOFF_HOURS = 1 / 30;
const PATIENCE_MS = 15_000;
const MEMORY_MAX_BYTES = 200_000_000;

interface WeekStatus {
  readonly conditions: readonly { readonly condition: string; readonly sinceMs: number }[];
  readonly tunnel: { readonly state: string; readonly nextAttemptInSeconds?: number };
  readonly channels: readonly { readonly name: string; readonly waiting: number }[];
  readonly store: { readonly usedPercent: number };
}

async function statusOf({ stateDir }: TroubledPair): Promise<WeekStatus> {
  const { answer } = (await askLocal(stateDir, { ask: "status" })) as { answer: WeekStatus };
  return answer;
}

const isOpen = ({ conditions }: WeekStatus, name: string): boolean =>
  conditions.some(({ condition }) => condition === name);

const dials = ({ errors }: Started): number => errors.split('"tunnelLost"').length - 1;

function messageOf(channel: Channel, hours: number): Buffer {
  return latin1(
    `${adt(`${channel}-${hours}`)}OBX|1|ED|||${"0123456789".repeat(CHANNELS[channel] / 10)}\r`,
  );
}

/** The channels of all rows in the order in which the receiver stored them; it does not run. */
function storedOrder({ folder }: TroubledPair): string[] {
  const file = join(folder, "receiver/state", STORE_FILE);
  using db = Object.assign(new Sqlite(file, { readonly: true }), {
    [Symbol.dispose](this: Sqlite.Database) {
      this.close();
    },
  });
  return db.prepare<[], string>("SELECT channel FROM inbox ORDER BY id").pluck().all();
}

test("[T-N06] [TP27] [TP28] [S12] a week without a receiver: it is dialled to the end, the budget alarms, all arrives in order", {
  timeout: 180_000,
}, async (context) => {
  const made = SteppedClock.make();
  if (typeof made === "string") return context.skip(made);
  using clock = made;
  const env = clock.env("allClocks");
  using pair = await TroubledPair.make({
    moreChannels: NAMES.slice(1),
    agentYaml: `diskBudgetBytes: ${BUDGET_BYTES}\n`,
    channelYaml: "    highWaterPercent: 99\n",
  });
  const sent = new Map<Channel, string[]>(NAMES.map((name) => [name, []]));
  {
    await using agent = await pair.agent({ env });
    using senders = new DisposableStack();
    const ports = NAMES.map((name) => ({
      name,
      sender: senders.use(new StopAndWait(pair.pair.ports[name] ?? 0, PATIENCE_MS)),
    }));
    for (let hours = 0; hours <= DAYS * 24; hours += STEP_HOURS) {
      const before = dials(agent);
      clock.set(hours);
      for (const { name, sender } of ports) {
        const message = messageOf(name, hours);
        const controlId = `${name}-${hours}`;
        const reply = await sender.send(message, AbortSignal.timeout(2 * PATIENCE_MS));
        assert.deepEqual(reply, { code: "AA", controlId });
        sent.get(name)?.push(sha256Of(message));
      }
      await until("it is dialled again", () => dials(agent) > before, 20_000);
      const status = await statusOf(pair);
      const { nextAttemptInSeconds = 0 } = status.tunnel;
      assert.ok(nextAttemptInSeconds <= BACKOFF_MAX_MS / 1_000, `${nextAttemptInSeconds} s`);
      assert.ok(isOpen(status, "tunnelDown"));
      if (hours === 0) assert.ok(!isOpen(status, "outboxFilling"));
    }
    const isFilling = async (): Promise<boolean> => isOpen(await statusOf(pair), "outboxFilling");
    await until("the budget alarms", isFilling, 10_000);
    const status = await statusOf(pair);
    assert.deepEqual(
      status.channels.map(({ name, waiting }) => [name, waiting]),
      NAMES.map((name) => [name, STEP_COUNT]),
      "nothing expired",
    );
    const down = status.conditions.find(({ condition }) => condition === "tunnelDown");
    assert.ok((down?.sinceMs ?? Number.NaN) < Date.now() + 3_600_000, "down since the beginning");
    context.diagnostic(`${status.store.usedPercent} % used, ${dials(agent)} dials`);
    await agent.end("SIGKILL");
  }
  await using agent = await pair.agent({ env });
  const startBytes = residentBytes(agent, "VmHWM");
  context.diagnostic(`${Math.round(startBytes / 1e6)} MB at start`);
  assert.ok(startBytes < MEMORY_MAX_BYTES);
  await using receiver = await pair.receiver({ env });
  const drained = async (): Promise<boolean> => {
    const { tunnel, channels } = await statusOf(pair);
    if (tunnel.state === "disconnected") clock.set(clock.hours + BACKOFF_HOURS);
    return channels.every(({ waiting }) => waiting === 0);
  };
  await until("the receiver has them", drained, 90_000);
  const isWell = async (): Promise<boolean> => {
    const status = await statusOf(pair);
    return !isOpen(status, "tunnelDown") && !isOpen(status, "outboxFilling");
  };
  await until("no alarm is left", isWell, 30_000);
  const held = new Map<string, string[]>(NAMES.map((name) => [name, []]));
  for await (const { channel, gap, sha256 = "" } of exported(pair.pair.receiverConfig)) {
    held.get(channel)?.push(gap ?? sha256);
  }
  assert.deepEqual(held, sent);
  await agent.end("SIGTERM");
  await receiver.end("SIGTERM");
  const order = storedOrder(pair);
  const behind = order.length - 1 - order.lastIndexOf("oru");
  context.diagnostic(`${behind} of ${STEP_COUNT} of adt came after the last of oru`);
  // Turn by turn, that is half of them; behind the larger channel it would be none.
  assert.ok(behind > STEP_COUNT / 4);
});
