/**
 * How much an agent may send (TP20): limits that only rise, on bytes of DATA bodies, of which what
 * is not yet durable is bounded.
 *
 * One account is kept for the connection and one for each of its streams. Bytes are *received*
 * when their frame is here; *settled* when their message is durable, refused or dropped.
 *
 * @module
 */

/** The two bounds that an account works with; both may change while it lives. */
export interface Allowance {
  /** Received and not settled, at most, while complete messages wait for the store. */
  readonly windowBytes: number;
  /** One frame, header included. */
  readonly frameBytes: number;
}

/** Of an account, at this moment. */
export interface CreditUsage {
  /** Of this connection, so far. */
  readonly receivedBytes: number;
  /** Announced and not settled: what is held here, and what may still arrive. */
  readonly outstandingBytes: number;
}

export class CreditAccount {
  #receivedBytes = 0;
  #settledBytes = 0;
  #waitingBytes = 0;
  #limitBytes = 0;

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Announced and not settled. */
  get outstandingBytes(): number {
    return this.#limitBytes - this.#settledBytes;
  }

  /**
   * Counts a frame.
   *
   * @returns false if it exceeds what was allowed: ERROR credit
   */
  receive(bytes: number): boolean {
    this.#receivedBytes += bytes;
    return this.#receivedBytes <= this.#limitBytes;
  }

  /** Some of what was received is a complete message now, on its way into the store. */
  wait(bytes: number): void {
    this.#waitingBytes += bytes;
  }

  /** What waited has been stored or refused. */
  finish(bytes: number): void {
    this.#waitingBytes -= bytes;
    this.#settledBytes += bytes;
  }

  /** What never waited has been dropped. */
  drop(bytes: number): void {
    this.#settledBytes += bytes;
  }

  /**
   * Raises the limit as far as it may now be raised, for the frame that announces it.
   *
   * Nothing waits: at least one full frame beyond what was received, also in the middle of a
   * message that is larger than the window (TP20). Something waits: not beyond the window; the
   * store's answer will open it again. A window of 0 opens nothing: there is no room (TP34).
   *
   * @returns the limit; never lower than before
   */
  raise({ windowBytes, frameBytes }: Allowance): number {
    const windowed = this.#settledBytes + windowBytes;
    const mayStarve = this.#waitingBytes > 0 || windowBytes === 0;
    const starved = mayStarve ? 0 : this.#receivedBytes + frameBytes;
    this.#limitBytes = Math.max(this.#limitBytes, windowed, starved);
    return this.#limitBytes;
  }
}

/** Memory that messages of several chunks may take (I-8): of a connection, and in it of the whole process. */
export class Budget {
  readonly #maxBytes: number;
  readonly #whole: Budget | undefined;
  #usedBytes = 0;

  /** @param whole what this one is a part of: both have to have room */
  constructor(maxBytes: number, whole?: Budget) {
    this.#maxBytes = maxBytes;
    this.#whole = whole;
  }

  /** @returns false, and takes nothing, if there is not as much left */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#maxBytes || this.#whole?.take(bytes) === false)
      return false;
    this.#usedBytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#usedBytes -= bytes;
    this.#whole?.giveBack(bytes);
  }
}
