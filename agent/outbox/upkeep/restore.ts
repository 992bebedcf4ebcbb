/**
 * Puts a backup in the place of a store, so that at every moment the one or the other is there whole (05 S19).
 *
 * ```
 * restoring/               keys/, outbox/: copied from the backup, flushed                   the old store is there
 * restoring/placing.json   flushed last: from here on the new one is                         the new store is there
 *   outbox → outbox.replaced-TIME, keys → keys.replaced-TIME                                 what was there stays
 *   restoring/keys → keys, restoring/outbox → outbox
 * ```
 *
 * Whoever opens the store carries on with what a crash has left of the moves. Nothing is deleted.
 *
 * @module
 */
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, join } from "node:path";
import type Sqlite from "better-sqlite3";
import { openSqlite } from "#packaged/sqlite.ts";
import { AgentError, codeOf } from "../../errors.ts";
import { createFile, flushFolder, makeFolder } from "../../host/atomic-file.ts";
import { HighWater } from "../epochs/high-water.ts";
import { translated } from "../format/fault.ts";
import { DATABASE_FILE, KEYS_FOLDER, type Manifest } from "./backup-manifest.ts";

const RESTORING = "restoring";
const PLACING = "placing.json";
const HIGH_WATER = "high-water";

export interface RestoreOptions {
  /** Of a backup that was verified. */
  readonly folder: string;
  readonly manifest: Manifest;
  readonly stateDir: string;
  /** Whether a store that is there may be moved aside. */
  readonly replace: boolean;
  readonly nowMs: number;
  /** Called after each step. */
  readonly onStep?: (step: string) => void;
}

/** What was moved aside, or nothing. */
export interface Restored {
  readonly aside: readonly string[];
}

/**
 * No agent may run on the state folder.
 *
 * @throws {AgentError} `STORE_EXISTS`, `STORE_RUNNING`, `STORE_NOT_PERMITTED`, `STORE_*`
 */
export function restoreStore(options: RestoreOptions): Restored {
  try {
    return restore(options);
  } catch (error) {
    throw translated(error);
  }
}

function restore(options: RestoreOptions): Restored {
  const { stateDir, replace, nowMs, onStep = () => {} } = options;
  makeFolder(stateDir, 0o700);
  refuseOtherAccount(stateDir);
  finishRestore(stateDir, onStep);
  const folders = [join(stateDir, "outbox"), join(stateDir, KEYS_FOLDER)];
  const old = folders.filter((one) => existsSync(one));
  const database = join(stateDir, "outbox", DATABASE_FILE);
  using lock = lockStore(database);
  if (existsSync(database) && !replace) throw new AgentError("STORE_EXISTS", {});
  stage(options, onStep);
  onStep("staged");
  const suffix = freeSuffix(folders, nowMs);
  createFile(join(stateDir, RESTORING, PLACING), JSON.stringify({ suffix }), 0o600);
  onStep("placing");
  finishRestore(stateDir, (step) => {
    // Held until the old store is out of the way, so that no agent opens it meanwhile; and not longer: closing
    // it may remove a log beside a file of its name, and the next one is not its own.
    if (step === "outbox aside") lock[Symbol.dispose]();
    onStep(step);
  });
  return { aside: old.map((folder) => `${folder}${suffix}`) };
}

/** What was moved aside before is not written over, whatever the clock says. */
function freeSuffix(folders: readonly string[], nowMs: number): string {
  for (let count = 1; ; count++) {
    const suffix = count === 1 ? `.replaced-${nowMs}` : `.replaced-${nowMs}-${count}`;
    if (!folders.some((folder) => existsSync(`${folder}${suffix}`))) return suffix;
  }
}

/**
 * Completes a restore that was interrupted once its copy was whole. Whoever opens the store calls it first.
 *
 * @throws the operating system's error, untranslated; the next call goes on
 */
export function finishRestore(stateDir: string, onStep: (step: string) => void = () => {}): void {
  const restoring = join(stateDir, RESTORING);
  const placing = join(restoring, PLACING);
  if (!existsSync(placing)) return;
  const { suffix } = JSON.parse(readFileSync(placing, "utf8")) as { readonly suffix: string };
  // The database last: while it is missing nothing else is taken for a store.
  for (const name of [KEYS_FOLDER, "outbox"]) {
    const from = join(restoring, name);
    if (!existsSync(from)) continue;
    const to = join(stateDir, name);
    if (name === KEYS_FOLDER) moveAside(join(stateDir, "outbox"), suffix, onStep);
    moveAside(to, suffix, onStep);
    renameSync(from, to);
    flushFolder(restoring);
    flushFolder(stateDir);
    onStep(`${name} placed`);
  }
  rmSync(placing);
  flushFolder(restoring);
  rmSync(restoring, { recursive: true, force: true });
  flushFolder(stateDir);
  onStep("finished");
}

function moveAside(folder: string, suffix: string, onStep: (step: string) => void): void {
  if (!existsSync(folder)) return;
  renameSync(folder, `${folder}${suffix}`);
  flushFolder(join(folder, ".."));
  onStep(`${basename(folder)} aside`);
}

/** Copies everything beside the old store. What an earlier attempt left there was never whole. */
function stage(
  { folder, manifest, stateDir }: RestoreOptions,
  onStep: (step: string) => void,
): void {
  const restoring = join(stateDir, RESTORING);
  rmSync(restoring, { recursive: true, force: true });
  try {
    for (const part of [KEYS_FOLDER, "outbox"]) makeFolder(join(restoring, part), 0o700);
    for (const { name } of manifest.files) {
      const [to, mode] = name === DATABASE_FILE ? [join("outbox", name), 0o600] : [name, 0o400];
      copyFlushed(join(folder, name), join(restoring, to), mode);
      onStep(`copied ${name}`);
    }
    keepMark(stateDir, manifest, join(restoring, "outbox"));
    for (const part of [KEYS_FOLDER, "outbox"]) flushFolder(join(restoring, part));
  } catch (error) {
    // What a full disk has left of it would fill it.
    rmSync(restoring, { recursive: true, force: true });
    throw error;
  }
}

/** The mark of the same store says what the backup lacks (05 S17). */
function keepMark(stateDir: string, { storeId }: Manifest, outbox: string): void {
  const file = join(stateDir, "outbox", HIGH_WATER);
  if (!existsSync(file)) return;
  using mark = HighWater.open(file);
  if (mark.found === undefined || Buffer.from(mark.found.storeId).toString("hex") !== storeId)
    return;
  copyFlushed(file, join(outbox, HIGH_WATER), 0o600);
}

/** In the kernel where it can: a store may be larger than memory. */
function copyFlushed(from: string, to: string, mode: number): void {
  // With its final rights before there is anything in it.
  closeSync(openSync(to, "wx", mode | 0o200));
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
  const descriptor = openSync(to, "r+");
  try {
    fchmodSync(descriptor, mode);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The agent that will run here must own what lies here; whoever restores as another account finds out now. */
function refuseOtherAccount(stateDir: string): void {
  if (process.getuid === undefined) return;
  const { uid } = statSync(stateDir);
  if (uid !== process.getuid()) throw new AgentError("STORE_NOT_PERMITTED", { uid });
}

/**
 * Takes the store's own lock, which a running agent holds.
 *
 * @returns gives it back when disposed; nothing is held of a store that cannot be read: no agent can run on it
 * @throws {AgentError} `STORE_RUNNING`
 */
function lockStore(file: string): Disposable {
  if (!existsSync(file)) return { [Symbol.dispose]: () => {} };
  let database: Sqlite.Database | undefined;
  try {
    database = openSqlite(file, { fileMustExist: true, timeout: 0 });
    for (const sql of ["locking_mode = EXCLUSIVE", "synchronous = FULL"])
      database.pragma(sql, { simple: true });
    database.exec("BEGIN EXCLUSIVE");
    return { [Symbol.dispose]: () => database?.close() };
  } catch (error) {
    database?.close();
    if (/^SQLITE_(?:BUSY|LOCKED)/.test(codeOf(error))) throw running(error);
    return { [Symbol.dispose]: () => {} };
  }
}

const running = (cause: unknown): AgentError => new AgentError("STORE_RUNNING", {}, { cause });
