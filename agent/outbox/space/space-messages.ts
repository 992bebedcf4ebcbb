/** What is said about the store's room, between the threads and in `status`. @module */

export interface SpaceOptions {
  /** 05 S14: how long settled bodies stay, and their ledger entries. */
  readonly retainHours: number;
  readonly ledgerDays: number;
  /** 05 S13: 0 keeps none. */
  readonly ballastBytes: number;
}

export interface BudgetStanding {
  readonly budgetBytes: number;
  /** Pages in use; those that are free for reuse do not count. */
  readonly usedBytes: number;
  /** Of the budget, rounded down. */
  readonly percent: number;
}

/** What `status` shows of the store's room. */
export interface SpaceStanding extends BudgetStanding {
  readonly retainHours: number;
  /** When the oldest message came whose body is still here; `undefined`: there is none. */
  readonly oldestRetainedAtMs: number | undefined;
  readonly walBytes: number;
  readonly ballastBytes: number;
  readonly ballastHeld: boolean;
}

export type SpaceNotice =
  /** 05 S12: an alarm of the budget began (70, 85, 95 %), or ended (0). */
  | ({ readonly notice: "filling"; readonly alarm: number } & BudgetStanding)
  /** The log cannot be brought into the file, or can again. */
  | { readonly notice: "walGrowing"; readonly growing: boolean; readonly bytes: number }
  /** 08 2.3: nothing that was sealed with these opens any more, in any copy. */
  | { readonly notice: "keysDeleted"; readonly epochs: readonly number[] };
