/**
 * By which keys a repeat is recognised: bounded generations of fixed size, dropped whole (05 S22).
 *
 * A random index on disk over the backlog would cost each commit a random page a message. So the keys
 * of the last messages lie in memory, in open-addressing tables of integers, and on disk only as one
 * append-only row a commit, from which the tables are filled again after a start.
 *
 * An entry is 36 bytes: control key (8), first half of SHA-256 (16), row id (8), seconds (4). The two
 * together are 192 bits of two hashes: equal entries are the same message.
 *
 * @module
 */
import { DUPLICATE_GENERATION_KEYS, DUPLICATE_MEMORY_KEYS } from "../limits.ts";

export const RECENT_ENTRY_BYTES = 36;
const CONTROL_KEY_BYTES = 8;
const CONTENT_KEY_BYTES = 16;
const ID_OFFSET = CONTROL_KEY_BYTES + CONTENT_KEY_BYTES;
const AT_OFFSET = ID_OFFSET + 8;

/** Where a key leads. */
interface RecentHit {
  /** The `message` row. */
  readonly id: number;
  readonly atMs: number;
}

const ENTRY_WORDS = RECENT_ENTRY_BYTES / 4;
const CONTROL_WORDS = CONTROL_KEY_BYTES / 4;
const KEY_WORDS = ID_OFFSET / 4;

/** One generation: entries in order of arrival, and two tables of indexes into them. */
class Generation {
  readonly entries: Buffer;
  readonly capacity: number;
  count = 0;
  /** The highest `recent` row of which this generation holds an entry. */
  lastRowId = 0;
  /** The same memory as `entries`: comparing words here is ten times faster than calling out. */
  readonly #words: Int32Array;
  /** Two bytes an index: a generation has fewer than 65,536 entries. */
  readonly #byContent: Uint16Array;
  readonly #byControl: Uint16Array;
  readonly #mask: number;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#words = new Int32Array(capacity * ENTRY_WORDS);
    this.entries = Buffer.from(this.#words.buffer);
    const slots = 2 ** Math.ceil(Math.log2(capacity * 2));
    this.#byContent = new Uint16Array(slots);
    this.#byControl = new Uint16Array(slots);
    this.#mask = slots - 1;
  }

  add(entry: Uint8Array): void {
    this.entries.set(entry, this.count * RECENT_ENTRY_BYTES);
    const key = this.#words.subarray(this.count * ENTRY_WORDS, (this.count + 1) * ENTRY_WORDS);
    this.count += 1;
    this.#place(this.#byContent, contentHash(key));
    if (this.findControl(key) === -1) this.#place(this.#byControl, key[0] ?? 0);
  }

  /** The index of the newest entry with the same key, or -1. @param key words, as `RecentKey.words` */
  findContent(key: Int32Array): number {
    return this.#find(this.#byContent, contentHash(key), key, KEY_WORDS);
  }

  /** The index of an entry with the same control key, or -1. */
  findControl(key: Int32Array): number {
    return this.#find(this.#byControl, key[0] ?? 0, key, CONTROL_WORDS);
  }

  /** The entry that leads to row `id`. Rows are numbered as they come, so that entries stand in their order. */
  entryOf(id: number): Buffer | undefined {
    let [low, high] = [0, this.count - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const at = middle * RECENT_ENTRY_BYTES;
      const found = Number(this.entries.readBigInt64LE(at + ID_OFFSET));
      if (found === id) return this.entries.subarray(at, at + RECENT_ENTRY_BYTES);
      if (found < id) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  /** Forgets everything after the first `count` entries. */
  truncate(count: number): void {
    if (count === this.count) return;
    this.count = 0;
    this.#byContent.fill(0);
    this.#byControl.fill(0);
    for (let i = 0; i < count; i++) {
      this.add(this.entries.subarray(i * RECENT_ENTRY_BYTES, (i + 1) * RECENT_ENTRY_BYTES));
    }
  }

  #place(table: Uint16Array, hash: number): void {
    let slot = hash & this.#mask;
    while (table[slot] !== 0) slot = (slot + 1) & this.#mask;
    table[slot] = this.count; // Index plus one: zero is an empty slot.
  }

  #find(table: Uint16Array, hash: number, key: Int32Array, length: number): number {
    const words = this.#words;
    let found = -1;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const index = (table[slot] ?? 0) - 1;
      if (index === -1) return found;
      const at = index * ENTRY_WORDS;
      let same = 0;
      while (same < length && words[at + same] === key[same]) same += 1;
      if (same === length) found = index;
    }
  }
}

const contentHash = (key: Int32Array): number => (key[0] ?? 0) ^ (key[CONTROL_WORDS] ?? 0);

/** A place to come back to, should the transaction fail. */
export interface RecentMark {
  /** Since the start, dropped ones included. */
  readonly generations: number;
  readonly count: number;
}

/** The keys of the last `memoryKeys` messages. Not thread-safe, and in the writer there is one thread. */
export class RecentKeys {
  readonly #generationKeys: number;
  readonly #maxGenerations: number;
  #generations: Generation[] = [];
  #droppedCount = 0;
  /** Now, or before this start. */
  #forgotten = false;

  constructor(memoryKeys = DUPLICATE_MEMORY_KEYS, generationKeys = DUPLICATE_GENERATION_KEYS) {
    if (generationKeys >= 65_536) throw new RangeError(`Cannot index ${generationKeys} keys`);
    this.#generationKeys = generationKeys;
    this.#maxGenerations = Math.ceil(memoryKeys / generationKeys) + 1;
  }

  /** Remembers one entry, committed with row `rowId` of `recent`. */
  add(entry: Uint8Array, rowId: number): void {
    let newest = this.#generations.at(-1);
    if (newest === undefined || newest.count === newest.capacity) {
      newest = new Generation(this.#generationKeys);
      this.#generations.push(newest);
    }
    newest.add(entry);
    newest.lastRowId = rowId;
  }

  /** What is remembered is not all there was: the store has deleted keys before this start. */
  noteForgotten(): void {
    this.#forgotten = true;
  }

  /** The newest message with the same control key and content, if it is younger than `sinceMs`. */
  find(key: Int32Array, sinceMs: number): RecentHit | undefined {
    for (let i = this.#generations.length - 1; i >= 0; i--) {
      const generation = this.#generations[i];
      const index = generation?.findContent(key) ?? -1;
      if (generation === undefined || index === -1) continue;
      const at = index * RECENT_ENTRY_BYTES;
      const atMs = generation.entries.readUInt32LE(at + AT_OFFSET) * 1000;
      if (atMs < sinceMs - 1000) return undefined;
      return { id: Number(generation.entries.readBigInt64LE(at + ID_OFFSET)), atMs };
    }
    return undefined;
  }

  /** Whether the control key was seen, with whatever content (03 D2). */
  hasControl(key: Int32Array): boolean {
    return this.#generations.some((generation) => generation.findControl(key) !== -1);
  }

  /** The entry by which the message of row `id` is recognised, unless it was forgotten; a view. */
  entryOf(id: number): Buffer | undefined {
    for (let i = this.#generations.length - 1; i >= 0; i--) {
      const found = this.#generations[i]?.entryOf(id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  mark(): RecentMark {
    const generations = this.#droppedCount + this.#generations.length;
    return { generations, count: this.#generations.at(-1)?.count ?? 0 };
  }

  rollback(mark: RecentMark): void {
    this.#generations.length = Math.max(0, mark.generations - this.#droppedCount);
    this.#generations.at(-1)?.truncate(mark.count);
  }

  /**
   * Drops generations beyond the limit.
   *
   * @returns the last row of `recent` that nothing needs any more, or 0 if nothing was dropped
   */
  forgetOldest(): number {
    let rowId = 0;
    while (this.#generations.length > this.#maxGenerations) {
      rowId = this.#generations.shift()?.lastRowId ?? rowId;
      this.#droppedCount += 1;
      this.#forgotten = true;
    }
    // A row may span two generations: what the next one still needs stays.
    return rowId === 0 ? 0 : rowId - 1;
  }

  /**
   * Since when every message is remembered, or `undefined` where none was forgotten for want of room:
   * the limit shortens the window from here on (03 D1).
   */
  get sinceMs(): number | undefined {
    const oldest = this.#generations[0];
    if (!this.#forgotten || oldest === undefined) return undefined;
    return oldest.entries.readUInt32LE(AT_OFFSET) * 1000;
  }

  get count(): number {
    return this.#generations.reduce((sum, generation) => sum + generation.count, 0);
  }
}

/** The row that an entry leads to. */
export const idOfEntry = (entry: Buffer | Uint8Array): number =>
  Number(Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength).readBigInt64LE(ID_OFFSET));

/** Control key and content key as `find` takes them; one object serves for any number of look-ups. */
export class RecentKey {
  readonly words = new Int32Array(KEY_WORDS);
  readonly #bytes = new Uint8Array(this.words.buffer);

  /** @param controlKey 8 bytes @param sha256 32 bytes */
  set(controlKey: Uint8Array, sha256: Uint8Array): void {
    this.#bytes.set(controlKey, 0);
    this.#bytes.set(sha256.subarray(0, CONTENT_KEY_BYTES), CONTROL_KEY_BYTES);
  }

  /** Takes the key of an entry. @param entry 36 bytes */
  setFrom(entry: Uint8Array): void {
    this.#bytes.set(entry.subarray(0, ID_OFFSET));
  }

  /** Writes the entry that remembers this key. @param into 36 bytes */
  writeEntry(into: Buffer, id: number, atMs: number): void {
    into.set(this.#bytes, 0);
    into.writeBigInt64LE(BigInt(id), ID_OFFSET);
    into.writeUInt32LE(Math.floor(atMs / 1000), AT_OFFSET);
  }
}
