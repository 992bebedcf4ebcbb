/**
 * When messages were settled, roughly: retention counts from then (05 S14).
 *
 * A time in each row would be an update for each message. Instead a mark says every ten minutes "by now
 * everything up to this seq was settled": a body goes at most ten minutes late, and never early.
 *
 * @module
 */
import type { Clock } from "../host/clock.ts";
import type { Prepared } from "./writing/prepared.ts";

/** 72 hours of them are 432 rows a channel. */
const MARK_EVERY_MS = 600_000;

interface Mark {
  readonly atMs: number;
  readonly seq: bigint;
}

type EpochKey = `${number}/${bigint}`;

export class SettleMarks {
  readonly #prepared: Prepared;
  readonly #clock: Pick<Clock, "nowMs">;
  /** The newest of each epoch; `undefined`: there is none. */
  readonly #last = new Map<EpochKey, Mark | undefined>();

  constructor(prepared: Prepared, clock: Pick<Clock, "nowMs">) {
    this.#prepared = prepared;
    this.#clock = clock;
  }

  /** Whether a mark is to be written for `seq`: more is settled than the last one says, and it is old. */
  isDue(channel: number, epoch: bigint, seq: bigint): boolean {
    const last = this.#lastOf(channel, epoch);
    if (last === undefined) return seq > 0n;
    const ageMs = this.#clock.nowMs() - last.atMs;
    // A clock that was set back: what lies in the future says nothing any more.
    return ageMs < 0 || (seq > last.seq && ageMs >= MARK_EVERY_MS);
  }

  /** Everything up to `seq` is settled; inside the caller's transaction. */
  write(channel: number, epoch: bigint, seq: bigint): void {
    const atMs = this.#clock.nowMs();
    this.#prepared.settleMarkForgetAfter.run(channel, epoch, atMs);
    this.#prepared.settleMarkInsert.run(channel, epoch, atMs, seq);
    this.#last.set(`${channel}/${epoch}`, { atMs, seq });
  }

  /** The last seq that was settled at `atMs`, as far as is known; 0: none. */
  settledAt(channel: number, epoch: bigint, atMs: number): bigint {
    return this.#before(channel, epoch, atMs)?.seq ?? 0n;
  }

  /** Forgets the marks before the newest that is not after `atMs`; inside the caller's transaction. */
  forgetBefore(channel: number, epoch: bigint, atMs: number): void {
    const kept = this.#before(channel, epoch, atMs);
    if (kept !== undefined) this.#prepared.settleMarkForget.run(channel, epoch, kept.atMs);
  }

  /** A transaction failed: what is remembered may not be there. */
  reload(): void {
    this.#last.clear();
  }

  #lastOf(channel: number, epoch: bigint): Mark | undefined {
    const key: EpochKey = `${channel}/${epoch}`;
    if (!this.#last.has(key)) {
      this.#last.set(key, this.#before(channel, epoch, Number.MAX_SAFE_INTEGER));
    }
    return this.#last.get(key);
  }

  #before(channel: number, epoch: bigint, atMs: number): Mark | undefined {
    const row = this.#prepared.settleMarkBefore.get(channel, epoch, Math.floor(atMs)) as
      | [bigint, bigint]
      | undefined;
    return row === undefined ? undefined : { atMs: Number(row[0]), seq: row[1] };
  }
}
