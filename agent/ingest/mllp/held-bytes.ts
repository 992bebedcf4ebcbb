/** The content of one block while it arrives: at most one copy, and none if it came in one piece. @module */

const EMPTY = new Uint8Array(0);
/** Small, for a hostile stream can make the reader begin a lookahead with each third byte (03 F11). */
const SMALLEST_BYTES = 128;

/** Collects parts of one block. Memory is what is held plus at most as much again. */
export class HeldBytes {
  readonly #keptWhenDropping: number;
  /** The only part so far, not copied. */
  #single: Uint8Array = EMPTY;
  #buffer: Uint8Array<ArrayBuffer> = EMPTY;
  #length = 0;
  #slicedBytes = 0;
  #droppedBytes = 0;
  #dropping = false;
  /** Nothing went out in slices: what is held is the beginning. */
  #keptWhole = true;

  /** @param keptWhenDropping how many bytes of the beginning survive `dropRest`, or still come after it */
  constructor(keptWhenDropping: number) {
    this.#keptWhenDropping = keptWhenDropping;
  }

  /** Everything that was added since the last `takeAll`, whether still here or not. */
  get totalBytes(): number {
    return this.#single.length + this.#length + this.#slicedBytes + this.#droppedBytes;
  }

  get dropping(): boolean {
    return this.#dropping;
  }

  /** @param part copied as soon as a second part comes; until then a view of the caller's chunk */
  add(part: Uint8Array): void {
    if (this.#dropping) {
      const room = this.#keptWhole ? this.#keptWhenDropping - this.#length : 0;
      if (room > 0) this.#append(part.subarray(0, room));
      this.#droppedBytes += part.length - Math.max(0, Math.min(room, part.length));
    } else if (this.totalBytes === 0) {
      this.#single = part;
    } else {
      this.keep();
      this.#append(part);
    }
  }

  /** Makes what is held independent of the caller's chunk: call before the chunk is reused. */
  keep(): void {
    if (this.#single.length === 0) return;
    const single = this.#single;
    this.#single = EMPTY;
    this.#append(single);
  }

  /** What is held, as one view; valid until the next call. */
  view(): Uint8Array {
    return this.#single.length > 0 ? this.#single : this.#buffer.subarray(0, this.#length);
  }

  /** What is held, and starts over. */
  takeAll(): Uint8Array {
    const all = this.view();
    this.#single = EMPTY;
    this.#buffer = EMPTY;
    this.#length = 0;
    this.#slicedBytes = 0;
    this.#droppedBytes = 0;
    this.#dropping = false;
    this.#keptWhole = true;
    return all;
  }

  /** Gives whole slices of `sliceBytes` away, oldest first; each has memory of its own. */
  takeSlices(sliceBytes: number): Uint8Array<ArrayBuffer>[] {
    this.keep();
    const slices: Uint8Array<ArrayBuffer>[] = [];
    let at = 0;
    for (; this.#length - at >= sliceBytes; at += sliceBytes) {
      slices.push(this.#buffer.slice(at, at + sliceBytes));
    }
    this.#buffer.copyWithin(0, at, this.#length);
    this.#length -= at;
    this.#slicedBytes += at;
    return slices;
  }

  /** From now on only counts; the beginning stays, as far as it did not go out in slices. */
  dropRest(): void {
    if (this.#dropping) return;
    this.keep();
    const total = this.totalBytes;
    this.#keptWhole = this.#slicedBytes === 0;
    const kept = this.#keptWhole ? Math.min(this.#length, this.#keptWhenDropping) : 0;
    this.#buffer = this.#buffer.slice(0, kept);
    this.#length = kept;
    this.#slicedBytes = 0;
    this.#droppedBytes = total - kept;
    this.#dropping = true;
  }

  #append(part: Uint8Array): void {
    const needed = this.#length + part.length;
    if (needed > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2, SMALLEST_BYTES));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(part, this.#length);
    this.#length = needed;
  }
}
