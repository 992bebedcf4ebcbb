/** `holdfast-receiver serve`. @module */
import { loadConfiguration } from "../configuration.ts";
import { ReceiverError } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import { openLog } from "../host/log.ts";
import { openReceiver } from "../receiver.ts";
import type { Output } from "./output.ts";

/**
 * Runs a receiver until it is asked to stop.
 *
 * @param options.stopped resolves when the process is asked to stop
 * @throws {ReceiverError} if it cannot start, or the store cannot go on
 */
export async function serve(
  output: Output,
  options: { readonly config: string; readonly stopped: Promise<void> },
): Promise<void> {
  const configuration = loadConfiguration(options.config);
  const log = openLog();
  await using receiver = await openReceiver(configuration, { clock: systemClock, log });
  const { host, port } = receiver.address;
  log.write("receiverStarted", { port });
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const { consoleAddress } = receiver;
  const more = consoleAddress === undefined ? {} : { console: consoleAddress };
  const said = { listening: { host, port }, url: `wss://${authority}`, ...more };
  await output.print(JSON.stringify(said));

  const error = await Promise.race([receiver.failed, options.stopped]);
  if (error instanceof ReceiverError) {
    log.fault("receiverFailed", error);
    throw error;
  }
  log.write("receiverStopping", {});
}
