/**
 * The weekly walk: every stored body is read against its digest, at low priority (05 S18).
 *
 * What storage changed is found while its sender or a backup can still help, not when the message is due.
 * After an unclean end of a store that was too large for SQLite's own check, it starts at once.
 *
 * @module
 */
import type { Clock } from "../../host/clock.ts";
import { type DamagedRow, type WalkTotals, walkStore } from "../format/row-walk.ts";
import type { Chore } from "../writing/chores.ts";
import type { GroupCommit } from "../writing/group-commit.ts";

/** What one step reads: about a millisecond from memory, a few from a disk. */
const STEP_BYTES = 262_144;
/** So 5 MiB/s at most, an hour for 20 GiB: a disk that does nothing else can bear it. */
const IDLE_PAUSE_MS = 50;
/** While messages come: a day for 20 GiB. */
const BUSY_PAUSE_MS = 1_000;
/** 05 S18. */
const WEEK_MS = 7 * 24 * 3_600_000;

export interface VerifyOptions {
  readonly store: GroupCommit;
  readonly clock: Pick<Clock, "nowMs">;
  /** The store was not checked when it was opened, and should have been. */
  readonly atOnce: boolean;
  /** Called once for each row of a walk that is damaged. */
  readonly onDamaged: (row: DamagedRow) => void;
  /** Called when a walk has come to its end. */
  readonly onVerified: (totals: WalkTotals) => void;
}

export class Verify implements Chore {
  readonly name = "verify";
  readonly #options: VerifyOptions;
  #walk: Generator<number, WalkTotals> | undefined;
  #atOnce: boolean;

  constructor(options: VerifyOptions) {
    this.#options = options;
    this.#atOnce = options.atOnce;
  }

  step(busy: boolean): number {
    if (this.#walk === undefined) {
      const restMs = this.#atOnce ? 0 : this.#restMs();
      if (restMs > 0) return restMs;
      this.#walk = this.#begin();
    }
    for (let bytes = 0; bytes < STEP_BYTES; ) {
      const piece = this.#next(this.#walk);
      if (piece.done === true) return this.#finish(piece.value);
      bytes += piece.value;
    }
    return busy ? BUSY_PAUSE_MS : IDLE_PAUSE_MS;
  }

  #begin(): Generator<number, WalkTotals> {
    const { store, onDamaged } = this.#options;
    const { prepared, sealer } = store;
    return walkStore({ prepared, sealer, tails: () => store.tails }, onDamaged);
  }

  /** A walk that threw has ended: the next one starts anew. */
  #next(walk: Generator<number, WalkTotals>): IteratorResult<number, WalkTotals> {
    try {
      return walk.next();
    } catch (error) {
      this.#walk = undefined;
      throw error;
    }
  }

  #finish(totals: WalkTotals): number {
    const { store, clock, onVerified } = this.#options;
    this.#walk = undefined;
    this.#atOnce = false;
    store.inTransaction(() => store.prepared.identityVerified.run(clock.nowMs()));
    onVerified(totals);
    return WEEK_MS;
  }

  #restMs(): number {
    const verifiedAtMs = this.#options.store.prepared.identityVerifiedRead.get() as number;
    const sinceMs = this.#options.clock.nowMs() - verifiedAtMs;
    // A clock that was set back says nothing: then it is time in a week.
    return sinceMs < 0 ? WEEK_MS : Math.max(0, WEEK_MS - sinceMs);
  }
}
