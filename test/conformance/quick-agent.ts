/**
 * An agent in a process of its own, as `holdfast run` runs it, with a clock that goes faster and a
 * backoff that does not wait: `quick-agent.ts CONFIG CLOCK_RATE`. Wall time is left alone.
 *
 * @module
 */
import { run } from "#agent/cli/run.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";

process.umask(0o077);
const [, , config = "", rate = ""] = process.argv;
const clockRate = Number(rate);
const { after } = systemClock;
const { unit } = systemChance;
Object.assign(systemClock, {
  monotonicMs: () => performance.now() * clockRate,
  after: (delayMs: number, act: () => void) => after(delayMs / clockRate, act),
});
Object.assign(systemChance, { unit: () => unit() * 0.05 });
const stop = new Promise<void>((resolve) => process.once("SIGTERM", () => resolve()));
const hangUp = new Promise<void>(() => {});
process.exitCode = await run({
  config,
  version: "0.1.0",
  credentials: undefined,
  isJournal: false,
  manager: { socket: undefined, watchdogMicroseconds: undefined, watchdogPid: undefined },
  stop,
  hangUp,
});
