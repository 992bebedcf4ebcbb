/** Every message of a run: what it is, and what became of it at the agent. @module */

interface Entry {
  readonly channel: number;
  readonly bytes: number;
  /** The agent's store had it. */
  isStored: boolean;
  /** The agent's store was put back to a state before it. */
  isLost: boolean;
}

const NUMBER_BYTES = 4;

export class Ledger {
  readonly #seed: number;
  readonly #entries: Entry[] = [];

  constructor(seed: number) {
    this.#seed = seed;
  }

  get count(): number {
    return this.#entries.length;
  }

  /** @returns its number; they rise in the order of commits */
  add(channel: number, bytes: number): number {
    const entry = { channel, bytes: Math.max(bytes, NUMBER_BYTES), isStored: false, isLost: false };
    return this.#entries.push(entry);
  }

  /** The same at every call. */
  body(number: number): Uint8Array {
    const body = Buffer.alloc(this.#entry(number).bytes, (this.#seed + number * 7) & 0xff);
    body.writeUInt32BE(number);
    return body;
  }

  /** @returns undefined for what is no message of this run */
  numberOf(body: Uint8Array): number | undefined {
    if (body.length < NUMBER_BYTES) return undefined;
    const number = Buffer.from(body.buffer, body.byteOffset, body.length).readUInt32BE();
    if (this.#entries[number - 1] === undefined) return undefined;
    return Buffer.compare(body, this.body(number)) === 0 ? number : undefined;
  }

  stored(number: number): void {
    this.#entry(number).isStored = true;
  }

  /** The store is an older one now. @param kept what is in it */
  putBack(kept: ReadonlySet<number>): void {
    for (const [at, entry] of this.#entries.entries()) {
      if (entry.isStored && !kept.has(at + 1)) entry.isLost = true;
    }
  }

  /** What the receiver must have, in the order of commits. */
  owed(channel: number): number[] {
    return this.#entries.flatMap((entry, at) =>
      entry.channel === channel && entry.isStored && !entry.isLost ? [at + 1] : [],
    );
  }

  #entry(number: number): Entry {
    const entry = this.#entries[number - 1];
    if (entry === undefined) throw new RangeError(`There is no message ${number}`);
    return entry;
  }
}
