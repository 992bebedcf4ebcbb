/**
 * Fills the duplicate memory from the store, oldest first, in short steps: a million keys take the better part
 * of a second, and the relay's reads go between. A message that comes before it is done waits for the rest,
 * so that a resend is recognised from the first one on (03 D1).
 *
 * @module
 */
import type { Sealer } from "../sealing/sealer.ts";
import { readUnlessCorrupt } from "./format/fault.ts";
import { idOfEntry, RECENT_ENTRY_BYTES, type RecentKeys } from "./recent-keys.ts";
import type { Prepared } from "./writing/prepared.ts";

/** A step: some milliseconds. */
const STEP_KEYS = 10_000;
const STEP_ROWS = 2_000;

type Row = readonly [id: number, sealed: Uint8Array | undefined];

export class RecentLoad {
  readonly #prepared: Prepared;
  readonly #sealer: Sealer;
  readonly #recent: RecentKeys;
  /** Met a page that cannot be read: from there on row by row, for it may be damage of one row alone. */
  #isDamaged = false;
  #lastRow = 0;

  constructor(prepared: Prepared, sealer: Sealer, recent: RecentKeys) {
    this.#prepared = prepared;
    this.#sealer = sealer;
    this.#recent = recent;
  }

  /** The last row that was seen; the highest of all once there is no more to do. */
  get lastRow(): number {
    return this.#lastRow;
  }

  /** @returns whether there is more to do */
  step(): boolean {
    const mostKeys = this.#recent.count + STEP_KEYS;
    let rows = 0;
    for (const row of this.#rows()) {
      this.#add(row);
      rows += 1;
      // Leaving the loop closes the statement: none stays open between two steps.
      if (rows === STEP_ROWS || this.#recent.count >= mostKeys) return true;
    }
    // Where a page that names rows cannot be read, there are more than were seen: the next number is above all.
    const last = readUnlessCorrupt(() => this.#prepared.recentLast.get() as number | null) ?? 0;
    this.#lastRow = Math.max(this.#lastRow, last);
    return false;
  }

  #add([row, sealed]: Row): void {
    const place = { column: "recent.entries", channel: 0, row } as const;
    const entries = sealed === undefined ? undefined : this.#sealer.open(sealed, place);
    // A row that does not open costs the recognition of its messages: an extra copy, no loss.
    if (entries === undefined || (this.#lastRow === 0 && row > 1)) this.#recent.noteForgotten();
    this.#lastRow = row;
    if (entries === undefined) return;
    for (let at = 0; at < entries.length; at += RECENT_ENTRY_BYTES) {
      const entry = entries.subarray(at, at + RECENT_ENTRY_BYTES);
      // Version 1 kept the keys of quarantined blocks here, too.
      if (idOfEntry(entry) > 0) this.#recent.add(entry, row);
    }
  }

  /** Behind the last one. */
  *#rows(): Generator<Row> {
    const { recentAfter, recentSealed, recentAt } = this.#prepared;
    try {
      if (!this.#isDamaged) {
        yield* recentAfter.iterate(this.#lastRow) as IterableIterator<Row>;
        return;
      }
    } catch (error) {
      readUnlessCorrupt(() => {
        throw error;
      });
      this.#isDamaged = true;
    }
    for (let ids: number[] = []; ; ) {
      const range = [this.#lastRow, Number.MAX_SAFE_INTEGER, STEP_ROWS];
      ids = readUnlessCorrupt(() => recentSealed.all(...range) as number[]) ?? [];
      for (const id of ids) {
        yield [id, readUnlessCorrupt(() => recentAt.get(id) as Uint8Array | undefined)];
      }
      if (ids.length === 0) return;
    }
  }
}
