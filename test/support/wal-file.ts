/** SQLite's write-ahead log, read as its format describes it (sqlite.org/fileformat2.html section 4). @module */
import { existsSync, readFileSync } from "node:fs";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const PAGE_SIZE_AT = 8;
const SALT_AT = 16;
const SALT_BYTES = 8;

/**
 * Counts transactions: a frame that ends one holds the size of the database after it.
 *
 * Safe while the store is open: SQLite's locks lie on the database file, not on this one.
 */
export function commitCount(walFile: string): number {
  const wal = existsSync(walFile) ? readFileSync(walFile) : Buffer.alloc(0);
  if (wal.length < HEADER_BYTES) return 0;
  const frameBytes = FRAME_HEADER_BYTES + wal.readUInt32BE(PAGE_SIZE_AT);
  const salt = wal.subarray(SALT_AT, SALT_AT + SALT_BYTES);
  let commits = 0;
  for (let at = HEADER_BYTES; at + frameBytes <= wal.length; at += frameBytes) {
    // Frames of an earlier round of the log have another salt.
    if (!wal.subarray(at + 8, at + 8 + SALT_BYTES).equals(salt)) break;
    if (wal.readUInt32BE(at + 4) !== 0) commits += 1;
  }
  return commits;
}
