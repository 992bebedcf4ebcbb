/**
 * The agent's end of `bench/poor-link.ts`: outbox, tunnel and relay in a process that stands on the other side
 * of the link, with one large message. Prints what it saw as one line of JSON.
 *
 *   poor-link-end.ts CONFIG BYTES LIMIT_SECONDS
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { openRelay } from "#agent/relay/relay.ts";
import { loadIdentity } from "#certs/identity.ts";
import { loadLocalConfig } from "#config/local.ts";
import { LargeMessage } from "#test/receiver/support/partial-suite.ts";
import { appendTo, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";

export interface Seen {
  /** Until the message was settled; `null`: it was not, within the limit. */
  readonly seconds: number | null;
  readonly pings: readonly Ping[];
  /** Connections that were lost. */
  readonly losses: number;
}

export interface Ping {
  /** When it was answered, from the beginning. */
  readonly atSeconds: number;
  readonly roundTripMs: number;
}

const LOOK_MS = 20;
const APPEND_MS = 60_000;

const [, , config = "", bytes = "", limitSeconds = ""] = process.argv;
const { receiver, identity: files } = loadLocalConfig(config);
if (files === undefined) throw new Error("the configuration names no identity");
const identity = loadIdentity(files);
await using store = await TestOutbox.open();
const { outbox } = store;
const options = { identity, chance: systemChance, storeId: outbox.storeId };
await using tunnel = new TestTunnel(new URL(receiver.url), options, []);
const { log, conditions, tasks } = tunnel;
const parts = { outbox, tunnel: tunnel.tunnel, clock: systemClock, log, conditions, tasks };
openRelay({ ...parts, delivered: [] });
// The relay hears of what is appended from now on.
await appendTo(
  outbox,
  stagedEntry(outbox, "LARGE", new LargeMessage(Number(bytes)).bytes),
  APPEND_MS,
);

const startMs = performance.now();
const secondsNow = (): number => (performance.now() - startMs) / 1000;
const pings: Ping[] = [];
let last: number | undefined;
let seconds: number | null = null;
while (seconds === null && secondsNow() < Number(limitSeconds)) {
  const { roundTripMs } = tunnel.tunnel.standing;
  if (roundTripMs !== undefined && roundTripMs !== last) {
    pings.push({ atSeconds: secondsNow(), roundTripMs });
  }
  last = roundTripMs;
  if ((await store.tail()).ackedSeq === 1n) seconds = secondsNow();
  await sleep(LOOK_MS);
}
const losses = tunnel.logged.filter((line) => line.startsWith("tunnelLost")).length;
console.log(JSON.stringify({ seconds, pings, losses } satisfies Seen));
