/**
 * The receiver, put together: store, local door, network door. Disposed in reverse: take no more
 * messages, drain the connections, answer no more commands, close the store.
 *
 * @module
 */
import { HEARTBEAT_MS } from "#protocol/limits.ts";
import { type Configuration, readTlsFiles } from "./configuration.ts";
import { Budget } from "./credit.ts";
import type { ReceiverError } from "./errors.ts";
import type { Clock } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import {
  ASSEMBLING_MAX_BYTES,
  HELD_MAX_BYTES,
  HELD_MIN_BYTES,
  PROCESS_HELD_MAX_BYTES,
} from "./limits.ts";
import { openDoor } from "./local-door.ts";
import { openServer, type TunnelServer } from "./server.ts";
import { doorOf, openStoreIn } from "./state-folder.ts";

export interface Receiver extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
  /** Resolves with the error after which the process must end (S9). */
  readonly failed: Promise<ReceiverError>;
}

export interface ReceiverOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** [{@link HEARTBEAT_MS}] */
  readonly heartbeatMs?: number;
}

/**
 * Opens a receiver that accepts traffic.
 *
 * @throws {ReceiverError} if any part cannot be opened; those opened before are closed again
 */
export async function openReceiver(
  configuration: Configuration,
  { clock, log, heartbeatMs = HEARTBEAT_MS }: ReceiverOptions,
): Promise<Receiver> {
  await using stack = new AsyncDisposableStack();
  const tls = readTlsFiles(configuration.tls);
  const store = stack.use(await openStoreIn(configuration.stateDir));
  stack.use(await openDoor(doorOf(configuration.stateDir), store, log));
  let server: TunnelServer | undefined;
  const context = {
    store,
    clock,
    log,
    heartbeatMs,
    budget: new Budget(ASSEMBLING_MAX_BYTES),
    messageLimitBytes: configuration.messageLimitBytes,
    windowBytes: () => shareOf(server?.connectionCount() ?? 1),
  };
  const { trustDomain, listen } = configuration;
  server = stack.use(await openServer({ ...tls, ...listen, trustDomain }, context));

  const opened = stack.move();
  return {
    address: server.address,
    failed: store.failed,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** What one of `count` connections may hold that is not yet durable (I-8). */
function shareOf(count: number): number {
  const share = Math.floor(PROCESS_HELD_MAX_BYTES / Math.max(1, count));
  return Math.max(HELD_MIN_BYTES, Math.min(HELD_MAX_BYTES, share));
}
