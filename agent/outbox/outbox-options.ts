/** What an outbox is given, and whom it tells. @module */
import type { AgentError } from "../errors.ts";
import type { Chance, Clock } from "../host/clock.ts";
import type { Kek } from "../sealing/key-ring.ts";
import type { StoreChannel } from "./channel-tails.ts";
import type { StoreNotice } from "./writer-messages.ts";

export interface OutboxOptions {
  readonly stateDir: string;
  readonly allowVolatileState: boolean;
  /** Configured channels; a channel once known stays known, for its messages must leave. */
  readonly channels: readonly StoreChannel[];
  readonly clock: Clock;
  readonly chance: Chance;
  /** What the keys of the store are wrapped with (08 2.2). */
  readonly kek: Kek;
  readonly duplicateMemoryKeys?: number;
  /** What the store found or did by itself. */
  readonly onNotice?: (notice: StoreNotice) => void;
  /** The store cannot go on: close the sockets, end the process (05 S9). At most once. */
  readonly onFatal: (error: AgentError) => void;
}

/** Called after each commit that appended to a channel, with its new last seq. */
export type AppendedListener = (channel: number, lastSeq: bigint) => void;

/** The receiver holds everything up to `seq`, or has refused it for good. */
export type SettledListener = (
  channel: number,
  seq: bigint,
  verdict: "settled" | "refused",
) => void;
