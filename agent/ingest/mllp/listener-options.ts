/** What a listener is given, and what it gives each of its connections. @module */
import { isDeepStrictEqual } from "node:util";
import type { Conditions } from "../../health/conditions.ts";
import type { Clock } from "../../host/clock.ts";
import type { Log } from "../../host/log.ts";
import type { PassedSockets } from "../../host/passed-sockets.ts";
import type { Doorway } from "../accept.ts";
import type { AcceptingChannel } from "../channel.ts";
import type { BlockReaderOptions } from "./block-reader.ts";
import type { ListenerTls } from "./tls-server.ts";

export interface ListenerSettings extends BlockReaderOptions {
  readonly host: string;
  readonly port: number;
  readonly allow: readonly string[];
  readonly maxConnections: number;
  /** 03 C2. */
  readonly staleAfterMs: number;
  /** 03 C5: complete blocks of one connection that may wait for their commit. */
  readonly maxPendingBlocks: number;
  /** 03 F6: silence between blocks after which a connection is closed; 0: never. */
  readonly idleTimeoutMs: number;
  readonly keepAliveMs: number;
  /** `undefined`: plain MLLP. */
  readonly tls: ListenerTls | undefined;
  readonly endOfBlockWaitMs: number;
  readonly blockIdleTimeoutMs: number;
  readonly blockMaxMs: number;
}

/** Whether other settings say more than who may connect: a connection has read what it holds under the old ones. */
export function concernsConnections(before: ListenerSettings, after: ListenerSettings): boolean {
  const { allow, maxConnections, staleAfterMs } = after;
  return !isDeepStrictEqual({ ...before, allow, maxConnections, staleAfterMs }, after);
}

export interface ListenerOptions {
  readonly channel: AcceptingChannel;
  readonly settings: ListenerSettings;
  readonly doorway: Doorway;
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly log: Log;
  /** Ports that the service manager holds; absent: none. */
  readonly sockets?: PassedSockets | undefined;
}
