/** What an outbox is given, and whom it tells. @module */
import type { AgentError } from "../errors.ts";
import type { Chance, Clock } from "../host/clock.ts";
import { DISK_BUDGET_BYTES, DUPLICATE_MEMORY_KEYS, LEDGER_DAYS, RETAIN_HOURS } from "../limits.ts";
import type { Kek } from "../sealing/key-ring.ts";
import type { StoreChannel } from "./epochs/channel-tails.ts";
import { OUTCOMES_CHANNEL } from "./inbox/outcome-report.ts";
import type { ServedChannels, StoreNotice, WriterOptions } from "./writing/writer-messages.ts";

export interface OutboxOptions {
  readonly stateDir: string;
  readonly allowVolatileState: boolean;
  /** Configured channels; a channel once known stays known, for its messages must leave. */
  readonly channels: readonly StoreChannel[];
  /**
   * Channels that messages come down on (06 TP34). Where there are any, the channel `$outcomes` is one of the
   * store's from the opening on: their outcomes go up on it.
   */
  readonly downstream?: readonly string[];
  readonly clock: Clock;
  readonly chance: Chance;
  /** What the keys of the store are wrapped with (08 2.2). */
  readonly kek: Kek;
  readonly duplicateMemoryKeys?: number;
  /** 05 S12: what the store may take of the disk. */
  readonly diskBudgetBytes?: number;
  /** 05 S14: how long settled bodies stay, and their ledger entries. */
  readonly retainHours?: number;
  readonly ledgerDays?: number;
  /** 05 S13: 0, or absent, keeps no ballast. */
  readonly ballastBytes?: number;
  /** What the store found or did by itself. */
  readonly onNotice?: (notice: StoreNotice) => void;
  /** The store cannot go on: close the sockets, end the process (05 S9). At most once. */
  readonly onFatal: (error: AgentError) => void;
}

/** For the writer thread, with what is not said filled in. */
export const writerOptions = (options: OutboxOptions): WriterOptions => ({
  stateDir: options.stateDir,
  allowVolatileState: options.allowVolatileState,
  ...withReports(options),
  newStoreId: options.chance.bytes(16),
  kek: options.kek,
  duplicateMemoryKeys: options.duplicateMemoryKeys ?? DUPLICATE_MEMORY_KEYS,
  diskBudgetBytes: options.diskBudgetBytes ?? DISK_BUDGET_BYTES,
  retainHours: options.retainHours ?? RETAIN_HOURS,
  ledgerDays: options.ledgerDays ?? LEDGER_DAYS,
  ballastBytes: options.ballastBytes ?? 0,
});

/** With the channel on which outcomes go up, where anything comes down. */
export const withReports = ({
  channels,
  downstream = [],
}: Pick<OutboxOptions, "channels" | "downstream">): ServedChannels => ({
  channels: downstream.length === 0 ? channels : [...channels, { name: OUTCOMES_CHANNEL }],
  downstream,
});

/** Called after each commit that appended to a channel, with its new last seq. */
export type AppendedListener = (channel: number, lastSeq: bigint) => void;

/** The receiver holds everything up to `seq` of the channel's current epoch, or has refused it for good. */
export type SettledListener = (
  channel: number,
  seq: bigint,
  verdict: "settled" | "refused",
) => void;
