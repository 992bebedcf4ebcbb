/**
 * The receiver inside a platform's own program: it takes what agents send, and calls the platform's code
 * for each message. `docs/receiver-library.md` shows it at work.
 *
 * @module
 */
import { loadConfiguration } from "./configuration.ts";
import { systemClock } from "./host/clock.ts";
import { type Log, openLog } from "./host/log.ts";
import type { Handlers } from "./outlets/open-outlets.ts";
import { openReceiver as openWith, type Receiver } from "./receiver.ts";

export type { AgentAlarms } from "./alarms.ts";
export type { Command } from "./command.ts";
export type { AgentAlarm } from "./downstream/alarm-records.ts";
export type { CommandOutcome } from "./downstream/command-lane.ts";
export type { OutletGap, OutletMessage } from "./outlets/event.ts";
export type { Receiver } from "./receiver.ts";
export type { Sending, Sent } from "./send.ts";
export type { OutgoingRecord } from "./store/outgoing.ts";

export interface LibraryOptions extends Omit<Handlers, "name"> {
  /** Path of `receiver.yaml`. */
  readonly config: string;
  /** The name under which the store keeps how far the handlers have come. [library] */
  readonly name?: string;
  /** [one on standard error] */
  readonly log?: Log;
}

/**
 * Opens a receiver that accepts traffic and calls `onMessage` and `onGap`, from where they had come before.
 *
 * @throws {DocumentError} if the configuration does not fit
 * @throws {ReceiverError} if any part cannot be opened
 */
export async function openReceiver(options: LibraryOptions): Promise<Receiver> {
  const { config, name = "library", log = openLog(), ...handlers } = options;
  return await openWith(loadConfiguration(config), {
    clock: systemClock,
    log,
    handlers: { ...handlers, name },
  });
}
