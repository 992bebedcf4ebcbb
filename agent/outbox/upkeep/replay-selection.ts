/** Which messages an operator wants sent again, and what came of it. @module */
import type { PlainFault } from "../format/fault.ts";

/** Of one channel; what is absent selects nothing away. */
export interface ReplaySelection {
  readonly channel: number;
  /** Only of this epoch. */
  readonly epoch?: bigint | undefined;
  /** Both ends count. */
  readonly seqs?: { readonly first: bigint; readonly last: bigint } | undefined;
  /** When it was received, in ms since 1970; both ends count. */
  readonly times?: { readonly fromMs: number; readonly toMs: number } | undefined;
  readonly controlId?: Uint8Array | undefined;
}

export interface ReplayRequest {
  readonly selection: ReplaySelection;
  /** Only says what it would do. */
  readonly dryRun: boolean;
  /** When the copies count as received. */
  readonly nowMs: number;
}

export interface ReplayedPlace {
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly receivedAtMs: number;
}

/** What was selected; in a dry run nothing was appended. */
export interface ReplayTotals {
  /** Messages of the channel, epoch and numbers that were asked for, whatever became of them. */
  looked: number;
  /** Kept, settled, sound: appended again at the end of the channel, or would be. */
  count: number;
  bytes: number;
  first: ReplayedPlace | undefined;
  last: ReplayedPlace | undefined;
  /** The new numbers. */
  appended: { readonly epoch: bigint; readonly first: bigint; last: bigint } | undefined;
  /** Left out: the ledger knows them, their bodies are pruned. */
  pruned: number;
  /** Left out: on their way already. */
  unsettled: number;
  /** Left out: damaged; of these at most 100 are named. */
  damaged: number;
  readonly damagedPlaces: ReplayedPlace[];
}

export interface ReplayResult extends ReplayTotals {
  /** Why it ended early. */
  readonly fault: PlainFault | undefined;
}
