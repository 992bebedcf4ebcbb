/** What this machine's disk does at most with files: in the same run as what the agent does with them. @module */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { SLICE_BYTES } from "#agent/limits.ts";
import { DURABLE_PRAGMAS } from "#agent/outbox/format/database.ts";
import { hl7 } from "./file-drop-rig.ts";

/**
 * Creates, writes, flushes and renames files; the folder is flushed once a group.
 *
 * @param group 1: each file by itself
 * @returns files a second
 */
export function rawFiles(folder: string, count: number, group: number): number {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const descriptor = openSync(folder, "r");
  const startMs = performance.now();
  for (let from = 0; from < count; from += group) {
    const numbers = Array.from({ length: Math.min(group, count - from) }, (_, at) => from + at);
    const files = numbers.map((number) => {
      const file = openSync(join(folder, `${number}.tmp`), "wx");
      writeSync(file, hl7(`f${number}`), null, "latin1");
      return file;
    });
    for (const file of files) fsyncSync(file);
    for (const file of files) closeSync(file);
    for (const number of numbers) {
      renameSync(join(folder, `${number}.tmp`), join(folder, `${number}.hl7`));
    }
    fsyncSync(descriptor);
  }
  const perSecond = count / ((performance.now() - startMs) / 1000);
  closeSync(descriptor);
  rmSync(folder, { recursive: true });
  return perSecond;
}

/** Copies a file a slice at a time and flushes it once. @returns bytes a second */
export function rawCopy(source: string, target: string): number {
  const [from, to] = [openSync(source, "r"), openSync(target, "w")];
  const slice = Buffer.alloc(SLICE_BYTES);
  const startMs = performance.now();
  let bytes = 0;
  for (let got = 1; got > 0; bytes += got) {
    got = readSync(from, slice);
    writeSync(to, slice, 0, got);
  }
  fsyncSync(to);
  const perSecond = bytes / ((performance.now() - startMs) / 1000);
  for (const file of [from, to]) closeSync(file);
  rmSync(target);
  return perSecond;
}

/** The same into a bare table of SQLite, with the pragmas of the store. @param together slices a commit @returns bytes a second */
export function rawSlices(source: string, file: string, together: number): number {
  const remove = (): void => {
    for (const end of ["", "-wal"]) rmSync(`${file}${end}`, { force: true });
  };
  remove();
  const database = new Database(file);
  for (const pragma of DURABLE_PRAGMAS) database.pragma(pragma);
  database.exec("CREATE TABLE raw (id INTEGER PRIMARY KEY, body BLOB NOT NULL)");
  const insert = database.prepare("INSERT INTO raw (body) VALUES (?)");
  const from = openSync(source, "r");
  const slice = Buffer.alloc(SLICE_BYTES);
  const startMs = performance.now();
  let bytes = 0;
  for (let got = 1; got > 0; ) {
    database.exec("BEGIN IMMEDIATE");
    for (let one = 0; one < together && got > 0; one++) {
      got = readSync(from, slice);
      if (got > 0) insert.run(slice.subarray(0, got));
      bytes += got;
    }
    database.exec("COMMIT");
  }
  const perSecond = bytes / ((performance.now() - startMs) / 1000);
  closeSync(from);
  database.close();
  remove();
  return perSecond;
}
