/**
 * Copies the database while it runs, from the connection that writes it (05 S19).
 *
 * SQLite copies pages in steps and carries over what is committed between them, so that the copy is the
 * store at the moment of the last step. Steps are short, and what was copied is flushed as it goes: one
 * flush of everything at the end would hold up every acknowledgment.
 *
 * @module
 */
import { closeSync, fdatasync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "../format/database.ts";
import { backupFault } from "./backup-fault.ts";

/** A key file as it lies in the state folder: wrapped. */
export interface KeyFile {
  readonly name: string;
  readonly content: Uint8Array;
}

/** Pages of one step while messages come, and while none does: 64 and 512 KiB. */
const BUSY_PAGES = 16;
const IDLE_PAGES = 128;
/** Copied and not flushed yet; then the copy waits for the disk. */
const UNFLUSHED_MAX_BYTES = 32 * 1_048_576;
/** While it waits, the thread sleeps so long at a time: a message that comes meanwhile waits no longer. */
const NAP_MS = 0.5;
const KEY_NAME = /^(?:index|\d+)\.key$/;

export interface CopyOptions {
  readonly database: Database;
  /** Must exist, empty, with the rights that the copy shall have. */
  readonly file: string;
  /** The folder of the key files. */
  readonly keys: string;
  readonly isBusy: () => boolean;
}

/**
 * @returns the key files of that moment: none that the copy needs is missing, for none is deleted while a
 *   row is sealed with it
 * @throws {AgentError} `BACKUP_FAILED`, `BACKUP_DAMAGED`: whatever went wrong, the store itself is not concerned
 */
export async function copyStore({ database, file, keys, isBusy }: CopyOptions): Promise<KeyFile[]> {
  const pageBytes = Number(database.pragma("page_size", { simple: true }));
  try {
    using flusher = new Flusher(file);
    await database.backup(file, {
      progress: ({ totalPages, remainingPages }) => {
        if (flusher.isBehind((totalPages - remainingPages) * pageBytes)) return 0;
        return isBusy() ? BUSY_PAGES : IDLE_PAGES;
      },
    });
    // Nothing else runs between the last page and here.
    return readdirSync(keys)
      .filter((name) => KEY_NAME.test(name))
      .map((name) => ({ name, content: readFileSync(join(keys, name)) }));
  } catch (error) {
    throw backupFault(error);
  }
}

/** Flushes a growing file in the background. */
class Flusher implements Disposable {
  readonly #descriptor: number;
  readonly #sleep = new Int32Array(new SharedArrayBuffer(4));
  #flushedBytes = 0;
  #isFlushing = false;
  #isClosed = false;
  #failed: Error | null = null;

  constructor(file: string) {
    this.#descriptor = openSync(file, "r+");
  }

  /**
   * @param bytes that were written so far
   * @returns whether the disk has to come after, first @throws what a flush threw
   */
  isBehind(bytes: number): boolean {
    if (this.#failed !== null) throw this.#failed;
    // The copy began anew: a transaction that it had seen was rolled back.
    if (bytes < this.#flushedBytes) this.#flushedBytes = 0;
    if (bytes - this.#flushedBytes < UNFLUSHED_MAX_BYTES) return false;
    if (!this.#isFlushing) this.#flush(bytes);
    Atomics.wait(this.#sleep, 0, 0, NAP_MS);
    return true;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    if (!this.#isFlushing) closeSync(this.#descriptor);
  }

  #flush(bytes: number): void {
    this.#isFlushing = true;
    fdatasync(this.#descriptor, (error) => {
      this.#isFlushing = false;
      this.#failed = error;
      this.#flushedBytes = bytes;
      if (this.#isClosed) closeSync(this.#descriptor);
    });
  }
}
