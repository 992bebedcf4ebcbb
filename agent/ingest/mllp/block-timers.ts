/**
 * The waits of one connection: for the CR behind FS, for the next byte of a block, for the whole of it,
 * and between blocks (03 F3, F5, F6).
 *
 * Runs only while we read: otherwise silence is ours and not the peer's.
 *
 * @module
 */
import type { Clock, Timer } from "../../host/clock.ts";
import type { BlockReader } from "./block-reader.ts";
import type { ListenerSettings } from "./listener-options.ts";

/** Whose patience ended. `silence`: FS stood alone for long enough to be an end. */
export type Expired = "silence" | "blockIdle" | "blockTooSlow" | "idle";

export class BlockTimers {
  readonly #clock: Clock;
  readonly #settings: ListenerSettings;
  readonly #reader: BlockReader;
  readonly #expired: (what: Expired) => void;
  #silence: Timer | undefined;
  #blockIdle: Timer | undefined;
  #block: Timer | undefined;
  #between: Timer | undefined;
  /** Which block of the reader the block timers are for. */
  #timedBlock = 0;

  constructor(
    clock: Clock,
    settings: ListenerSettings,
    reader: BlockReader,
    expired: (what: Expired) => void,
  ) {
    this.#clock = clock;
    this.#settings = settings;
    this.#reader = reader;
    this.#expired = expired;
  }

  /** Sets what the reader's state asks for; call after every chunk, and when reading begins again. */
  arm(): void {
    const { awaitsEnd, insideBlock, begunCount } = this.#reader;
    this.#silence?.[Symbol.dispose]();
    this.#silence = awaitsEnd ? this.#after(this.#settings.endOfBlockWaitMs, "silence") : undefined;
    // Another block has its own time, although no chunk ended between the two.
    if (!insideBlock || begunCount !== this.#timedBlock) this.#stopBlock();
    this.armBetween();
    if (!insideBlock) return;
    if (this.#blockIdle === undefined) {
      this.#timedBlock = begunCount;
      this.#blockIdle = this.#after(this.#settings.blockIdleTimeoutMs, "blockIdle");
      this.#block = this.#after(this.#settings.blockMaxMs, "blockTooSlow");
    } else {
      this.#blockIdle.refresh();
    }
  }

  /** The wait between blocks starts anew; off unless the channel has it. */
  armBetween(delayMs = this.#settings.idleTimeoutMs): void {
    this.#between?.[Symbol.dispose]();
    const off = this.#settings.idleTimeoutMs === 0 || this.#reader.insideBlock;
    this.#between = off ? undefined : this.#after(delayMs, "idle");
  }

  stop(): void {
    this.#silence?.[Symbol.dispose]();
    this.#between?.[Symbol.dispose]();
    this.#silence = undefined;
    this.#between = undefined;
    this.#stopBlock();
  }

  #after(delayMs: number, what: Expired): Timer {
    return this.#clock.after(delayMs, () => this.#expired(what));
  }

  #stopBlock(): void {
    this.#blockIdle?.[Symbol.dispose]();
    this.#block?.[Symbol.dispose]();
    this.#blockIdle = undefined;
    this.#block = undefined;
  }
}
