/** Reads the rows of dropped files through (05 S16, S18); part of the walk over the store. @module */
import type { Sealer } from "../../sealing/sealer.ts";
import { readUnlessCorrupt } from "../format/fault.ts";
import type { Prepared } from "../writing/prepared.ts";
import { type FileColumns, openRow } from "./file-rows.ts";

/** A row that does not open, or is not what was stored. Its file stays where it is. */
export interface DamagedFileRow {
  readonly kind: "file";
  readonly id: number;
  readonly channel: number;
  /** What logs call the file. */
  readonly claim: string;
}

export interface FileWalkParts {
  readonly prepared: Prepared;
  readonly sealer: Sealer;
}

/** Rows that are opened at once: two milliseconds. */
const PAGE_ROWS = 200;
const ROW_BYTES = 1_024;

/** Every row. @param onRow called for each, with what is damaged of it */
export function* walkFiles(
  { prepared, sealer }: FileWalkParts,
  onRow: (damaged: DamagedFileRow | undefined) => void,
): Generator<number, void> {
  for (let after = 0; ; ) {
    const rows = prepared.fileWalk.all(after, PAGE_ROWS) as FileColumns[];
    const last = rows.at(-1);
    if (last === undefined) return;
    for (const row of rows) {
      onRow(openRow(sealer, row) === undefined ? damagedFile(row) : undefined);
    }
    [after] = last;
    yield rows.length * ROW_BYTES;
  }
}

/** Its own words: whatever storage has made of them. */
export const damagedFile = ([id, claim, channel]: FileColumns): DamagedFileRow => ({
  ...{ kind: "file", id, claim: String(claim) },
  channel: Number.isSafeInteger(channel) ? channel : 0,
});

export function isFileSound({ prepared, sealer }: FileWalkParts, id: number): boolean {
  const found = readUnlessCorrupt(() => prepared.fileWalk.all(id - 1, 1) as FileColumns[]);
  const row = found?.[0];
  return row?.[0] === id && openRow(sealer, row) !== undefined;
}
