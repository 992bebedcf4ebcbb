/**
 * Writes down how far an outlet has come in one channel: one call at a time, and then the newest place,
 * so that a fast outlet does not wait for a flush after each message. What was not written when the
 * process dies is handed on again.
 *
 * @module
 */

import { BUSY_RETRY_MS } from "#streams/sink/limits.ts";
import type { Clock } from "../host/clock.ts";
import type { OutletStore, Place, PositionCall } from "../store/outlets.ts";

export class PositionKeeper {
  readonly #store: OutletStore;
  readonly #clock: Clock;
  readonly #key: PositionCall;
  #wanted: Place | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;

  constructor(store: OutletStore, clock: Clock, key: PositionCall) {
    this.#store = store;
    this.#clock = clock;
    this.#key = key;
  }

  /** @returns where it stands, or null if the outlet has taken nothing yet */
  find(): Promise<Place | null> {
    return this.#store.findPosition(this.#key);
  }

  /** Everything up to `place` was taken. */
  note(place: Place): void {
    this.#wanted = place;
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#writing = this.#write();
    // Whoever awaits `written` hears of it; until then it is not an unhandled rejection.
    this.#writing.catch(() => {});
  }

  /** Resolves once everything noted is durable. @throws {ReceiverError} if the store cannot go on */
  written(): Promise<void> {
    return this.#writing;
  }

  /** Goes to `place`, backwards too. Durable when it resolves. */
  async rewind(place: Place): Promise<void> {
    await this.#writing;
    await this.#move(place, true);
  }

  async #write(): Promise<void> {
    try {
      for (let place = this.#wanted; place !== undefined; place = this.#wanted) {
        this.#wanted = undefined;
        await this.#move(place, false);
      }
    } finally {
      this.#isWriting = false;
    }
  }

  async #move({ epoch, seq }: Place, isRewind: boolean): Promise<void> {
    const call = { ...this.#key, epoch, seq, isRewind };
    while (true) {
      const result = await this.#store.movePosition({ ...call, atMs: this.#clock.nowMs() });
      if (result.kind === "ok") return;
      // The disk is full: it is tried until it is not.
      await new Promise<void>((resolve) => void this.#clock.after(BUSY_RETRY_MS, resolve));
    }
  }
}
