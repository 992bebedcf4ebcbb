/** `holdfast-receiver serve`. @module */

import {
  type ManagerEnvironment,
  openServiceManager,
  type ServiceManager,
} from "#service-manager/service-manager.ts";
import { loadConfiguration } from "../configuration.ts";
import { foreignCode, ReceiverError } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import { openLog } from "../host/log.ts";
import { openReceiver, type Receiver } from "../receiver.ts";
import type { Output } from "./output.ts";

export interface ServeOptions {
  readonly config: string;
  /** Who started it, if it wants to hear. */
  readonly manager: ManagerEnvironment;
  /** Resolves when the process is asked to stop. */
  readonly stopped: Promise<void>;
}

const STATUS_EVERY_MS = 10_000;

/**
 * Runs a receiver until it is asked to stop.
 *
 * @throws {ReceiverError} if it cannot start, or the store cannot go on
 */
export async function serve(output: Output, options: ServeOptions): Promise<void> {
  const configuration = loadConfiguration(options.config);
  const log = openLog();
  using manager = await managerFor(options.manager);
  await using receiver = await openReceiver(configuration, { clock: systemClock, log });
  manager.ready();
  using _line = statusLine(receiver, manager);
  const { host, port } = receiver.address;
  log.write("receiverStarted", { port });
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const { consoleAddress } = receiver;
  const more = consoleAddress === undefined ? {} : { console: consoleAddress };
  const said = { listening: { host, port }, url: `wss://${authority}`, ...more };
  await output.print(JSON.stringify(said));

  const error = await Promise.race([receiver.failed, options.stopped]);
  manager.stopping();
  if (error instanceof ReceiverError) {
    log.fault("receiverFailed", error);
    throw error;
  }
  log.write("receiverStopping", {});
}

async function managerFor(environment: ManagerEnvironment): Promise<ServiceManager> {
  try {
    return await openServiceManager(environment, systemClock);
  } catch (error) {
    const code = foreignCode(error);
    if (!code.startsWith("ADD_ON_")) throw error;
    throw new ReceiverError("ADD_ON_UNUSABLE", { cause: error, facts: { error: code } });
  }
}

/** For `systemctl status`: how many agents are connected to this node. */
function statusLine(receiver: Receiver, manager: ServiceManager): Disposable {
  const say = (): void => manager.status(`${receiver.connectionCount()} agents connected`);
  say();
  return systemClock.every(STATUS_EVERY_MS, say);
}
