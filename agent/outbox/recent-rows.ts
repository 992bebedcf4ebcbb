/** The rows of `recent`, oldest first, also where a page of them cannot be read. @module */
import { readUnlessCorrupt } from "./format/fault.ts";
import type { Prepared } from "./writing/prepared.ts";

const STEP_ROWS = 1_000;

/** Number and sealed entries of each row; what cannot be read has none. */
export function* readableRecent(prepared: Prepared): Generator<[number, Uint8Array | undefined]> {
  let last = 0;
  try {
    for (const row of prepared.recentList.iterate() as IterableIterator<[number, Uint8Array]>) {
      yield row;
      last = row[0];
    }
    return;
  } catch (error) {
    readUnlessCorrupt(() => {
      throw error;
    });
  }
  // Row by row, for one page may be damage of one row alone.
  for (let ids: number[] = []; ; ) {
    const [most, count] = [Number.MAX_SAFE_INTEGER, STEP_ROWS];
    ids = readUnlessCorrupt(() => prepared.recentSealed.all(last, most, count) as number[]) ?? [];
    for (const id of ids) {
      last = id;
      yield [id, readUnlessCorrupt(() => prepared.recentAt.get(id) as Uint8Array | undefined)];
    }
    if (ids.length === 0) return;
  }
}
