/**
 * What `doctor` sees of a store that is there, beside an agent that may run: nothing is opened for writing, and
 * the database not by SQLite at all, which would take its lock.
 *
 * @module
 */
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../errors.ts";
import { readHighWater } from "../outbox/epochs/high-water.ts";
import { SCHEMA_VERSION } from "../outbox/format/migrations.ts";
import { checkKeyFiles } from "../sealing/key-check.ts";
import type { Kek } from "../sealing/key-ring.ts";
import { type Finding, fault, ok, warning } from "./finding.ts";

/** SQLite's file format, section 1.3: the header of 100 bytes. */
const HEADER_BYTES = 100;
const MAGIC = Buffer.from("SQLite format 3\0", "latin1");
const PAGE_SIZE_AT = 16;
const WRITE_VERSION_AT = 18;
const READ_VERSION_AT = 19;
const USER_VERSION_AT = 60;
/** Of the two versions: a write-ahead log. */
const WAL = 2;

/** The header of the database, as it is in its file: what the log holds is not looked at. */
export function lookAtDatabase(outbox: string): Finding {
  const header = headerOf(join(outbox, "holdfast.db"));
  // Made, and nothing of it in its file yet.
  if (header === undefined || header.length === 0) return ok("No store yet", {});
  const pageBytes = pageBytesOf(header);
  if (pageBytes === undefined) return fault("STORE_CORRUPT", { header: true });
  const found = header.readUInt32BE(USER_VERSION_AT);
  const facts = { schema: found, known: SCHEMA_VERSION, pageBytes };
  if (found > SCHEMA_VERSION) return fault("STORE_NEWER_SCHEMA", { found, known: SCHEMA_VERSION });
  const isWal = header[WRITE_VERSION_AT] === WAL && header[READ_VERSION_AT] === WAL;
  if (!isWal) {
    const remedy = "Another program has changed it; the agent changes it back when it starts";
    return warning("Not in WAL mode", facts, remedy);
  }
  // A store has a schema from its first commit on, which the log holds until a checkpoint.
  if (found === 0) {
    return ok(
      `SQLite in WAL mode, pages of ${pageBytes} bytes; its schema is in the log yet`,
      facts,
    );
  }
  const later = found < SCHEMA_VERSION ? `, brought to ${SCHEMA_VERSION} by the next start` : "";
  return ok(`SQLite in WAL mode, pages of ${pageBytes} bytes, schema ${found}${later}`, facts);
}

/** @returns at most 100 bytes; `undefined` if there is no file */
function headerOf(file: string): Buffer | undefined {
  if (!existsSync(file)) return undefined;
  const header = Buffer.alloc(HEADER_BYTES);
  const descriptor = openSync(file, "r");
  try {
    return header.subarray(0, readSync(descriptor, header, 0, HEADER_BYTES, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** @returns `undefined` if it is no header of SQLite's */
function pageBytesOf(header: Buffer): number | undefined {
  if (header.length < HEADER_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC)) {
    return undefined;
  }
  // 65,536 does not fit, and is written as 1.
  const written = header.readUInt16BE(PAGE_SIZE_AT);
  const bytes = written === 1 ? 65_536 : written;
  return bytes >= 512 && (bytes & (bytes - 1)) === 0 ? bytes : undefined;
}

/** Which store it is: the mark beside it says so (05 S17). */
export function lookAtIdentity(outbox: string): Finding {
  if (!existsSync(join(outbox, "holdfast.db"))) return ok("No store yet", {});
  const mark = readHighWater(join(outbox, "high-water"));
  if (mark === undefined) {
    const remedy =
      "Start the agent, which makes it; until then it cannot see that a store is an old copy";
    return warning("There is no mark beside the store", { marked: false }, remedy);
  }
  const { storeId, channels } = mark;
  const text = `store ${Buffer.from(storeId).toString("hex")}, ${channels.length} channels`;
  return ok(text, { marked: true, channels: channels.length });
}

/**
 * Opens every key file, as a start does (08 2.2). No key is shown.
 *
 * @param kek absent: it is not to be had here, and another check says why
 */
export function lookAtKeyFiles(stateDir: string, kek: Kek | undefined): Finding {
  const folder = join(stateDir, "keys");
  if (!existsSync(folder)) return ok("None yet", { count: 0 });
  const mark = readHighWater(join(stateDir, "outbox", "high-water"));
  if (kek === undefined || mark === undefined) {
    const missing = kek === undefined ? "the key-encryption key" : "the mark beside the store";
    const remedy = "See the checks key and identity; the agent opens all of them when it starts";
    return warning(`Not opened: without ${missing} they cannot be`, {}, remedy);
  }
  const { opened, otherKek, damaged, hasIndex } = checkKeyFiles(folder, kek, mark.storeId);
  const facts = { opened, otherKek: otherKek.length, damaged: damaged.length };
  const [firstOther, firstDamaged] = [otherKek[0], damaged[0]];
  if (firstOther !== undefined) return fault("KEK_WRONG", { ...facts, keyEpoch: firstOther });
  if (firstDamaged !== undefined) {
    return fault("KEY_FILE_DAMAGED", { ...facts, keyEpoch: firstDamaged });
  }
  if (!hasIndex && opened > 0) return fault("KEY_FILE_DAMAGED", { ...facts, keyEpoch: 0 });
  return ok(`${opened} open`, facts);
}

/** @returns what `load` gives; `undefined` where it says that there is none to be had */
export function kekOrNone(load: () => Kek): Kek | undefined {
  try {
    return load();
  } catch (error) {
    if (codeOf(error).startsWith("KEK_")) return undefined;
    throw error;
  }
}
