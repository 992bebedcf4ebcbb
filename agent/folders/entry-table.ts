/**
 * What is remembered of each entry of a drop folder from poll to poll (04 P7, P13).
 *
 * In columns: 100,000 objects of ten fields would be 300 bytes each. Here an entry costs 83 bytes, at most doubled by
 * growth, and its name once.
 *
 * @module
 */
import { FOLDER_JUNK_MAX_COUNT } from "../limits.ts";
import type { FileState } from "./messages.ts";
import type { ByteName } from "./names.ts";

/** `junk`: refused, or with an ignored name; kept so that it is told once. */
export const ENTRY = {
  ...{ file: 0, refused: 1, temporary: 2, unreadable: 3 },
  /** Windows: not even its status is told, for the moment (P62). */
  held: 4,
} as const;
export type EntrySort = (typeof ENTRY)[keyof typeof ENTRY];

/** Why a complete file was not taken; `denied`: busy at first, unreadable once it has lasted (P62). */
export const FAILURE = { none: 0, busy: 1, unreadable: 2, denied: 3 } as const;

const FIRST_CAPACITY = 64;

interface Columns {
  readonly size: Float64Array;
  readonly modifiedNs: BigInt64Array;
  readonly inode: BigInt64Array;
  /** Monotonic, as all times here. Since when it is waited for: when it was seen first, or changed after it was stable. */
  readonly waitingSinceMs: Float64Array;
  /** When this state was seen first. */
  readonly changedMs: Float64Array;
  /** Polls that saw this state, up to 255. */
  readonly seenCount: Uint8Array;
  readonly sort: Uint8Array;
  readonly poll: Uint32Array;
  /** Not to be tried before; 0: at once. */
  readonly retryMs: Float64Array;
  readonly tryCount: Uint8Array;
  /** `FAILURE`. */
  readonly failure: Uint8Array;
  /** Since when it could not be claimed. */
  readonly failedSinceMs: Float64Array;
  /** The trouble that was told last, as its place in `TROUBLES` plus one; and when. */
  readonly told: Uint8Array;
  readonly toldMs: Float64Array;
}

function columns(length: number): Columns {
  return {
    size: new Float64Array(length),
    modifiedNs: new BigInt64Array(length),
    inode: new BigInt64Array(length),
    waitingSinceMs: new Float64Array(length),
    changedMs: new Float64Array(length),
    seenCount: new Uint8Array(length),
    sort: new Uint8Array(length),
    poll: new Uint32Array(length),
    retryMs: new Float64Array(length),
    tryCount: new Uint8Array(length),
    failure: new Uint8Array(length),
    failedSinceMs: new Float64Array(length),
    told: new Uint8Array(length),
    toldMs: new Float64Array(length),
  };
}

export class EntryTable {
  /** Of slots; another object after an entry was added. */
  at: Columns = columns(FIRST_CAPACITY);
  readonly #maxCount: number;
  readonly #leftCount: () => number;
  readonly #slots = new Map<ByteName, number>();
  #free: number[] = [];
  #used = 0;
  #junkCount = 0;

  /**
   * @param maxCount entries above it are not remembered
   * @param leftCount of entries that stay for good (P19): they take no room from those that are to be taken
   */
  constructor(maxCount: number, leftCount: () => number = () => 0) {
    this.#maxCount = maxCount;
    this.#leftCount = leftCount;
  }

  get count(): number {
    return this.#slots.size;
  }

  get isFull(): boolean {
    return this.#slots.size >= this.#roomCount;
  }

  slotOf(name: ByteName): number | undefined {
    return this.#slots.get(name);
  }

  /** @returns its slot, all zero, or nothing where there is no room */
  add(name: ByteName, sort: EntrySort): number | undefined {
    if (this.isFull) return undefined;
    if (sort !== ENTRY.file && this.#junkCount >= this.#junkMaxCount) return undefined;
    const slot = this.#free.pop() ?? this.#used++;
    if (slot >= this.at.size.length) this.#grow();
    for (const column of Object.values(this.at))
      column.fill(column instanceof BigInt64Array ? 0n : 0, slot, slot + 1);
    this.at.sort[slot] = sort;
    if (sort !== ENTRY.file) this.#junkCount += 1;
    this.#slots.set(name, slot);
    return slot;
  }

  remove(name: ByteName): void {
    const slot = this.#slots.get(name);
    if (slot === undefined) return;
    if (this.at.sort[slot] !== ENTRY.file) this.#junkCount -= 1;
    this.#slots.delete(name);
    this.#free.push(slot);
    if (this.#slots.size === 0) this.#clear();
  }

  /** Forgets what `poll` has not seen. */
  keepOnly(poll: number): void {
    for (const [name, slot] of this.#slots) if (this.at.poll[slot] !== poll) this.remove(name);
  }

  entries(): MapIterator<[ByteName, number]> {
    return this.#slots.entries();
  }

  stateOf(slot: number): FileState {
    const { size, modifiedNs, inode } = this.at;
    return { size: size[slot] ?? 0, modifiedNs: modifiedNs[slot] ?? 0n, inode: inode[slot] ?? 0n };
  }

  get #roomCount(): number {
    return this.#maxCount + this.#leftCount();
  }

  get #junkMaxCount(): number {
    return Math.min(FOLDER_JUNK_MAX_COUNT, Math.ceil(this.#maxCount / 2));
  }

  /** A folder that was full once gives its memory back. */
  #clear(): void {
    this.at = columns(FIRST_CAPACITY);
    this.#free = [];
    this.#used = 0;
  }

  #grow(): void {
    const grown = columns(Math.min(this.at.size.length * 2, this.#roomCount));
    for (const key of Object.keys(this.at) as (keyof Columns)[]) {
      const from = this.at[key];
      const to = grown[key];
      // A column and what it grows to are of one type.
      (to as Float64Array).set(from as Float64Array);
    }
    this.at = grown;
  }
}
