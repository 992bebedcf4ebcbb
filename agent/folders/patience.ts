/**
 * Waiting for a file that another program holds for a moment (04 P62), within one call: what takes longer is asked again
 * by whoever asked.
 *
 * @module
 */
import type { Clock } from "../host/clock.ts";
import { isBusy, pauseThread } from "../host/platform.ts";
import { FOLDER_BUSY_WAIT_MS } from "../limits.ts";

const FIRST_PAUSE_MS = 20;
const LAST_PAUSE_MS = 640;

export class Patience {
  readonly #clock: Clock;
  #untilMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A call begins: it may wait so long for all its files together. */
  begin(): void {
    this.#untilMs = this.#clock.monotonicMs() + FOLDER_BUSY_WAIT_MS;
  }

  /** Tries again while the file is held and there is time. @throws the operating system's error, untranslated */
  with<T>(act: () => T): T {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
      try {
        return act();
      } catch (error) {
        const isOver = this.#clock.monotonicMs() + pauseMs > this.#untilMs;
        if (!isBusy(error) || isOver || pauseMs > LAST_PAUSE_MS) throw error;
        pauseThread(pauseMs);
      }
    }
  }
}
