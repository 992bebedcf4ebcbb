/** What this machine's disk and SQLite can do at most: measured in the same run as everything else. @module */
import { fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { DURABLE_PRAGMAS } from "#agent/outbox/format/database.ts";

const BODY_BYTES = 1_024;
const FLUSH_COUNT = 400;
const COMMITS = { 1: 800, 10: 400, 100: 200 } as const;

export interface Limits {
  readonly flushP50Ms: number;
  readonly flushP99Ms: number;
  /** One-row commits: median duration of one. */
  readonly commitP50Ms: number;
  /** Rows a second into a bare two-column table, by rows a commit. */
  readonly rowsPerSecond: { readonly 1: number; readonly 10: number; readonly 100: number };
}

/** @param folder on the disk where the stores are */
export function measureLimits(folder: string): Limits {
  const flushes = flushTimes(join(folder, "flush"), FLUSH_COUNT);
  const file = join(folder, "raw.db");
  for (const suffix of ["", "-wal"]) rmSync(`${file}${suffix}`, { force: true });
  const database = new Database(file);
  for (const pragma of DURABLE_PRAGMAS) database.pragma(pragma);
  database.exec("CREATE TABLE raw (id INTEGER PRIMARY KEY, body BLOB NOT NULL)");
  const one = commits(database, 1);
  const limits = {
    flushP50Ms: quantile(flushes, 0.5),
    flushP99Ms: quantile(flushes, 0.99),
    commitP50Ms: quantile(one.durationsMs, 0.5),
    rowsPerSecond: {
      1: one.rowsPerSecond,
      10: commits(database, 10).rowsPerSecond,
      100: commits(database, 100).rowsPerSecond,
    },
  };
  database.close();
  return limits;
}

/** Overwriting 4 KiB and flushing it, in ms. */
export function flushTimes(file: string, count: number): number[] {
  const descriptor = openSync(file, "w");
  const page = Buffer.alloc(4_096, 1);
  writeSync(descriptor, Buffer.alloc(1_048_576));
  return Array.from({ length: count }, () => {
    const startMs = performance.now();
    writeSync(descriptor, page, 0, page.length, 0);
    fdatasyncSync(descriptor);
    return performance.now() - startMs;
  });
}

function commits(database: Database.Database, rows: keyof typeof COMMITS) {
  const insert = database.prepare("INSERT INTO raw (body) VALUES (?)");
  const body = Buffer.alloc(BODY_BYTES, "x");
  const count = COMMITS[rows];
  const startMs = performance.now();
  const durationsMs = Array.from({ length: count }, () => {
    const beganMs = performance.now();
    database.exec("BEGIN IMMEDIATE");
    for (let row = 0; row < rows; row++) insert.run(body);
    database.exec("COMMIT");
    return performance.now() - beganMs;
  });
  const elapsed = (performance.now() - startMs) / 1000;
  return { durationsMs, rowsPerSecond: Math.round((count * rows) / elapsed) };
}

/** The value below which `part` of the values lie. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
