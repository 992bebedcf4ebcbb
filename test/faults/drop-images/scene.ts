/**
 * The agent as far as files go: a store and a channel for each way of dropping them, below `CRASH_DIR`. Says
 * `ready`, and runs until SIGTERM.
 *
 * @module
 */
import { join } from "node:path";
import { FolderHand } from "#agent/folders/hand.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import type { Log } from "#agent/host/log.ts";
import { Doorway } from "#agent/ingest/accept.ts";
import { StoreGate } from "#agent/ingest/store-gate.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { openDrops } from "./drops.ts";
import { inlineHand } from "./inline-hand.ts";
import { CHANNELS } from "./plan.ts";

const EXIT_DEFECT = 70;
const POLL_MS = 40;

function failed(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(EXIT_DEFECT);
}

const log: Log = {
  write: () => {},
  fault: (event, { code, facts }) => {
    process.stderr.write(`${event} ${code} ${JSON.stringify(facts)}\n`);
  },
};

async function run(base: string, stopped: Promise<unknown>): Promise<void> {
  const stateDir = join(base, "state");
  await using outbox = await Outbox.open({
    ...{ stateDir, allowVolatileState: true, clock: systemClock, chance: systemChance },
    ...{ channels: CHANNELS.map((name) => ({ name })), kek: TEST_KEK, onFatal: failed },
  });
  const common = { clock: systemClock, log, conditions: new Conditions() };
  using gate = new StoreGate({ ...common, probe: () => outbox.probe() });
  const drops = openDrops({
    ...{ ...common, base, failed, pollMs: POLL_MS },
    doorway: new Doorway({ ...common, outbox, gate }),
    idOf: (name) => outbox.channels.find((one) => one.name === name)?.channel ?? 0,
    claims: (name) => outbox.files.of(name),
    openHand: (name, asked) =>
      name === "unlinked"
        ? Promise.resolve(inlineHand(systemClock, false))
        : FolderHand.open(asked),
  });
  process.stdout.write("ready\n");
  await stopped;
  await Promise.all(drops.map((drop) => drop[Symbol.asyncDispose]()));
}

if (import.meta.main) {
  const stopped = new Promise((resolve) => process.once("SIGTERM", resolve));
  // A pending promise keeps nothing alive.
  const alive = setInterval(() => {}, 1_000);
  await run(process.env["CRASH_DIR"] ?? "", stopped);
  clearInterval(alive);
}
