/**
 * How often a channel may move to another epoch because histories have parted (06 TP18): each time everything
 * unsettled is stored again, and a sink that never agrees must not fill the disk.
 *
 * @module
 */
const FIRST_WAIT_MS = 60_000;
const WAIT_MAX_MS = 3_600_000;

export class PartingPace {
  /** Since the sink last took a message. */
  #count = 0;
  #lastMs = 0;

  /** @returns how long the next move has to wait, in ms; at most 0: it may be now */
  waitMs(nowMs: number): number {
    if (this.#count === 0) return 0;
    const patienceMs = Math.min(FIRST_WAIT_MS * 2 ** (this.#count - 1), WAIT_MAX_MS);
    return this.#lastMs + patienceMs - nowMs;
  }

  moved(nowMs: number): void {
    this.#count += 1;
    this.#lastMs = nowMs;
  }

  /** The sink took a message. */
  agreed(): void {
    this.#count = 0;
  }
}
