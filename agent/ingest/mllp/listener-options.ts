/** What a listener is given, and what it gives each of its connections. @module */
import type { Conditions } from "../../health/conditions.ts";
import type { Clock } from "../../host/clock.ts";
import type { Log } from "../../host/log.ts";
import type { AcceptingChannel, Doorway } from "../accept.ts";
import type { BlockReaderOptions } from "./block-reader.ts";

export interface ListenerSettings extends BlockReaderOptions {
  readonly host: string;
  readonly port: number;
  readonly allow: readonly string[];
  readonly maxConnections: number;
  readonly endOfBlockWaitMs: number;
  readonly blockIdleTimeoutMs: number;
  readonly blockMaxMs: number;
}

export interface ListenerOptions {
  readonly channel: AcceptingChannel;
  readonly settings: ListenerSettings;
  readonly doorway: Doorway;
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly log: Log;
}

/** What a connection needs of its listener. */
export interface ListenerParts extends ListenerOptions {
  readonly onTooLarge: (peer: string, totalBytes: number) => void;
}
