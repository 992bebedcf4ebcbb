/**
 * A receiver in a process of its own, as `holdfast-receiver serve` runs it, with a heartbeat that a test has
 * the time for: `quick-receiver.ts CONFIG HEARTBEAT_MS`.
 *
 * @module
 */
import { once } from "node:events";
import { loadConfiguration } from "#receiver/configuration.ts";
import { systemClock } from "#receiver/host/clock.ts";
import { openLog } from "#receiver/host/log.ts";
import { openReceiver } from "#receiver/receiver.ts";

process.umask(0o077);
const [, , config = "", heartbeatMs = ""] = process.argv;
const options = { clock: systemClock, log: openLog(), heartbeatMs: Number(heartbeatMs) };
await using receiver = await openReceiver(loadConfiguration(config), options);
process.stdout.write(`${JSON.stringify({ listening: receiver.address })}\n`);
await once(process, "SIGTERM");
