/**
 * Room that is held for the time when the disk is full (05 S13).
 *
 * SQLite cannot even delete on a full file system. A file of real bytes is kept, to be given up when space
 * runs out: what is stored then still leaves, and is settled and pruned.
 *
 * @module
 */
import { randomFillSync } from "node:crypto";
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { flushFolder } from "../../host/atomic-file.ts";
import { translated } from "../format/fault.ts";

/** What one step writes and flushes: a commit that waits for it waits a few milliseconds. */
const STEP_BYTES = 1024 * 1024;

export interface BallastOptions {
  /** Of the store; it exists. */
  readonly folder: string;
  readonly bytes: number;
}

/** The file `ballast`. Nothing is remembered: what is there counts, so that a killed agent goes on where it was. */
export class Ballast {
  readonly #folder: string;
  readonly #file: string;
  readonly #bytes: number;

  constructor({ folder, bytes }: BallastOptions) {
    this.#folder = folder;
    this.#file = join(folder, "ballast");
    this.#bytes = bytes;
  }

  /** The whole size is there. */
  get held(): boolean {
    return this.#size() === this.#bytes;
  }

  /**
   * Gives the room back, also that of a ballast which is only begun.
   *
   * @returns false if there was none, or a file system too full for it kept it
   * @throws {AgentError} `STORE_IO`, `STORE_NOT_PERMITTED`
   */
  release(): boolean {
    if (!existsSync(this.#file)) return false;
    try {
      rmSync(this.#file);
      // Not for the name: some file systems give the blocks back only with this.
      flushFolder(this.#folder);
    } catch (error) {
      const fault = translated(error);
      if (fault.code !== "STORE_FULL") throw fault;
    }
    return !existsSync(this.#file);
  }

  /**
   * Writes and flushes the next MiB of it. A disk that is full takes none of it: what was begun is deleted.
   *
   * @returns true once it is held
   * @throws {AgentError} `STORE_IO`, `STORE_NOT_PERMITTED`
   */
  step(): boolean {
    try {
      const size = this.#size();
      // A smaller one is configured now.
      if (size > this.#bytes) truncateSync(this.#file, this.#bytes);
      else if (size < this.#bytes) this.#append(Math.min(STEP_BYTES, this.#bytes - size));
      if (size === 0) flushFolder(this.#folder);
      return this.held;
    } catch (error) {
      const fault = translated(error);
      if (fault.code !== "STORE_FULL") throw fault;
      this.release();
      return false;
    }
  }

  #append(count: number): void {
    const descriptor = openSync(this.#file, "a", 0o600);
    try {
      // Neither zeros nor a pattern: a file system that compresses would hold no room for them.
      writeFileSync(descriptor, randomFillSync(Buffer.allocUnsafe(count)));
      // Each step, not the whole at its end: the next commit's flush would wait for all of it.
      fdatasyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  #size(): number {
    return statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0;
  }
}
