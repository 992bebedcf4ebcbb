/**
 * Where a sealed value belongs. It is authenticated with the value, so that a ciphertext which somebody
 * moves to another row, column, channel or store does not open there (08 2.1).
 *
 * @module
 */
import { lengthPrefixed } from "./gcm.ts";

const COLUMNS = [
  "segment.bytes",
  "slice.bytes",
  "quarantine.sealed",
  "recent.entries",
  "cursor.trimmed_chain",
  "inbox.head",
  "inbox.answer",
  "inbox_slice.bytes",
  "inbox_partial.head",
  "inbox_channel.chain",
  "inbox_epoch.final_chain",
  "file_claim.head",
  "file_claim.targets",
  "file_claim.digest",
  "support_copy.head",
  "support_slice.bytes",
  "stretch.chains",
] as const;

/** `table.column`: every column of the store that holds a sealed value. */
export type SealedColumn = (typeof COLUMNS)[number];

/** Numbers are whole, not negative, and below 2^53, or 2^64 as a bigint. */
export interface SealPlace {
  readonly column: SealedColumn;
  /** The channel's number in the store; 0 where a row belongs to none. */
  readonly channel: number;
  /** The row's id, which is never used twice. */
  readonly row: number | bigint;
  /** What tells apart values of one row; absent: 0. */
  readonly extra?: number;
}

export const STORE_ID_BYTES = 16;

const LABEL = Buffer.from("holdfast-body/1");
/** By table: what the receiver sends down lies in those of the inbox. */
const directionOf = (column: SealedColumn): Buffer =>
  Buffer.from(/^inbox[._]/.test(column) ? "down" : "up");
const NUMBER_BYTES = 8;
/** Each number stands behind the two bytes of its length. */
const NUMBER_STEP = 2 + NUMBER_BYTES;

/** Builds the associated data of places in one store. */
export class PlaceData {
  /** One buffer a column, in which only the three numbers change. */
  readonly #templates: Readonly<Record<SealedColumn, Buffer>>;

  /** @param storeId {@link STORE_ID_BYTES} bytes @throws {RangeError} if it is of another length */
  constructor(storeId: Uint8Array) {
    if (storeId.length !== STORE_ID_BYTES) {
      throw new RangeError(`Cannot seal for a store id of ${storeId.length} bytes`);
    }
    const templates = COLUMNS.map((column) => [column, templateOf(storeId, column)]);
    this.#templates = Object.fromEntries(templates) as Record<SealedColumn, Buffer>;
  }

  /**
   * `"holdfast-body/1" ‖ store id ‖ column ‖ direction ‖ channel u64 ‖ row u64 ‖ extra u64`, big endian, each
   * part behind its length as u16: no two places have the same bytes.
   *
   * @returns a view that is valid until the next call for the same column
   * @throws {RangeError} if a number of the place is none that {@link SealPlace} allows
   */
  of({ column, channel, row, extra = 0 }: SealPlace): Uint8Array {
    const data = this.#templates[column];
    const extraAt = data.length - NUMBER_BYTES;
    writeNumber(data, extraAt - 2 * NUMBER_STEP, channel);
    writeNumber(data, extraAt - NUMBER_STEP, row);
    writeNumber(data, extraAt, extra);
    return data;
  }
}

function templateOf(storeId: Uint8Array, column: SealedColumn): Buffer {
  const zero = Buffer.alloc(NUMBER_BYTES);
  return lengthPrefixed(LABEL, storeId, Buffer.from(column), directionOf(column), zero, zero, zero);
}

function writeNumber(target: Buffer, at: number, value: number | bigint): void {
  if (typeof value === "bigint") {
    target.writeBigUInt64BE(value, at);
    return;
  }
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`Cannot seal for a place with the number ${value}`);
  }
  target.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  target.writeUInt32BE(value >>> 0, at + 4);
}
