/**
 * When what has collected goes to the writer thread.
 *
 * Entries collect for one turn of the event loop, so that all sockets that were readable in it share a
 * commit; and on, while the writer has enough to do. After a slow flush they collect a little longer:
 * senders that wait for their replies would otherwise fall into two halves, one being flushed while the
 * other collects, and each commit would carry half of them. The rest is short beside the flush, and lets
 * those who were just answered send again and go along. After a quick flush nothing rests.
 *
 * @module
 */
import type { Clock } from "../../host/clock.ts";
import { COMMIT_MAX_BYTES } from "../../limits.ts";
import { AppendBatch, type AppendEntry, type PackedBatch } from "./append-batch.ts";

/** One batch is being committed, one waits behind it: more would only cost hand-overs (05 S7). */
const POSTED_BATCHES_MAX_COUNT = 1;
/** A commit that takes less is not worth waiting for company. */
const SLOW_COMMIT_MS = 4;
/** Of the time that the commit took. */
const REST_SHARE = 1 / 8;
const REST_MAX_MS = 5;

export interface HandOverOptions {
  readonly clock: Pick<Clock, "monotonicMs" | "after">;
  /** Takes a batch over; its memory comes back through `returned`. */
  readonly post: (batch: PackedBatch) => void;
}

export class HandOver {
  readonly #clock: HandOverOptions["clock"];
  readonly #post: (batch: PackedBatch) => void;
  readonly #batch = new AppendBatch();
  /** Of the size of a commit, in order; they go first. */
  readonly #full: PackedBatch[] = [];
  #isScheduled = false;
  #isResting = false;
  /** Batches that the writer has and has not reported. */
  #postedCount = 0;
  #postedMs = 0;
  #restUntilMs = 0;

  constructor({ clock, post }: HandOverOptions) {
    this.#clock = clock;
    this.#post = post;
  }

  /** Copies `entry`; call {@link schedule} when everything that belongs into one commit is here. */
  add(ticket: number, entry: AppendEntry): void {
    this.#batch.add(ticket, entry);
  }

  /** What comes next goes into a commit of its own, behind what has collected. */
  divide(): void {
    this.#batch.endAppend();
    if (this.#batch.count > 0) this.#full.push(this.#batch.take());
  }

  /** Hands over at the end of this turn of the event loop, if the writer has room and nothing rests. */
  schedule(): void {
    this.#batch.endAppend();
    if (this.#batch.bytes >= COMMIT_MAX_BYTES) this.#full.push(this.#batch.take());
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // After the poll phase: one hand-over for all sockets that were readable in this turn.
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  /** Batches have come back, committed or refused. */
  returned(batches: readonly PackedBatch[]): void {
    if (batches.length > 0) this.#noteCommit(batches.length);
    for (const batch of batches) this.#batch.recycle(batch);
    this.#flush();
  }

  /** Takes away what was not handed over yet; give it back by {@link recycle}. */
  takeCollected(): PackedBatch[] {
    return [...this.#full.splice(0), this.#batch.take()];
  }

  recycle(batch: PackedBatch): void {
    this.#batch.recycle(batch);
  }

  /** Hands over everything, whether or not the writer has enough to do. */
  flushAll(): void {
    while (this.#batch.count > 0 || this.#full.length > 0) this.#flushNow();
  }

  #noteCommit(count: number): void {
    this.#postedCount -= count;
    const nowMs = this.#clock.monotonicMs();
    const tookMs = nowMs - this.#postedMs;
    if (tookMs >= SLOW_COMMIT_MS) {
      this.#restUntilMs = nowMs + Math.min(tookMs * REST_SHARE, REST_MAX_MS);
    }
  }

  #flush(): void {
    if (this.#postedCount >= POSTED_BATCHES_MAX_COUNT) return;
    // A full batch gains nothing by waiting.
    if (this.#full.length > 0 || !this.#rests()) this.#flushNow();
  }

  /** Whether a rest is under way, or begins now; it ends with a hand-over. */
  #rests(): boolean {
    const restMs = this.#restUntilMs - this.#clock.monotonicMs();
    if (restMs <= 0 || this.#batch.count === 0) return false;
    if (!this.#isResting) {
      this.#isResting = true;
      // Answering the group before may have taken all of the rest: what was sent since then is read first.
      this.#clock.after(restMs, () => {
        this.#isResting = false;
        this.schedule();
      });
    }
    return true;
  }

  #flushNow(): void {
    if (this.#batch.count > 0) this.#full.push(this.#batch.take());
    const batch = this.#full.shift();
    if (batch === undefined) return;
    this.#postedCount += 1;
    this.#postedMs = this.#clock.monotonicMs();
    this.#post(batch);
  }
}
