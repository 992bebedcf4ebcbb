/** What is left of pruned messages goes, too, when nobody asks for it any more (05 S14 `ledgerDays`). @module */
import { hourOf } from "#reconcile/hours.ts";
import type { Clock } from "../../host/clock.ts";
import { PRUNE_RANGE_ROWS } from "../../limits.ts";
import type { EpochStanding } from "../epochs/channel-tails.ts";
import type { Chore } from "../writing/chores.ts";
import type { GroupCommit } from "../writing/group-commit.ts";

/** Rows are days too old, or not. */
const LOOK_MS = 3_600_000;

export interface LedgerOptions {
  readonly store: GroupCommit;
  readonly clock: Pick<Clock, "nowMs">;
  /** How long rows stay after their message came, and counts of hours. */
  readonly keepMs: number;
}

export class Ledger implements Chore {
  readonly name = "ledger";
  readonly #options: LedgerOptions;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  step(): number {
    for (const tail of this.#options.store.tails.values()) {
      for (const standing of [...tail.earlier, tail]) {
        if (this.#forget(tail.channel, standing)) return 0;
      }
    }
    this.#forgetHours();
    return LOOK_MS;
  }

  /** A few a channel, each hour of looking. */
  #forgetHours(): void {
    const { store, clock, keepMs } = this.#options;
    const hour = hourOf(clock.nowMs() - keepMs);
    store.inTransaction(() => {
      store.prepared.stretchForget.run(hour);
      store.prepared.hourCountForget.run(hour);
    });
  }

  /** @returns whether any row went */
  #forget(channel: number, { epoch, trimmedSeq, lastSeq }: EpochStanding): boolean {
    const { store, clock, keepMs } = this.#options;
    const { prepared } = store;
    const beforeMs = clock.nowMs() - keepMs;
    const rows = prepared.messageLedger.all(channel, epoch, PRUNE_RANGE_ROWS) as [bigint, bigint][];
    let through: bigint | undefined;
    for (const [seq, receivedAtMs] of rows) {
      // The newest stays: it says where the epoch goes on.
      if (seq > trimmedSeq || seq >= lastSeq || receivedAtMs >= beforeMs) break;
      through = seq;
    }
    if (through === undefined) return false;
    store.inTransaction(() => {
      prepared.messageForget.run(channel, epoch, through);
      const first = (prepared.messageFirstId.get() as number | null) ?? 0;
      prepared.ackExceptionForget.run(first, first);
    });
    return true;
  }
}
