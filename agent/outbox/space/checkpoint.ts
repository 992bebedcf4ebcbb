/**
 * The log comes into the file, and is emptied, when nothing is written for a while (05 S15). A log that stays
 * long is an alarm: a start after a crash reads all of it, and the disk holds everything twice.
 *
 * @module
 */
import { statSync } from "node:fs";
import type { Clock } from "../../host/clock.ts";
import { WAL_ALARM_BYTES, WAL_KEPT_BYTES } from "../../limits.ts";
import type { Database } from "../format/database.ts";
import { translated } from "../format/fault.ts";
import type { Chore } from "../writing/chores.ts";

/** 05 S15: so long nothing was written. */
const QUIET_MS = 5_000;
const LOOK_MS = 1_000;

export interface CheckpointOptions {
  readonly database: Database;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Whether the disk is short of room: then the log keeps its blocks, in which the store can still write. */
  readonly isDiskLow: () => boolean;
  /** Called when the log has become too long, and with `false` when it is short again. */
  readonly onGrowing: (growing: boolean, bytes: number) => void;
}

export class Checkpoint implements Chore {
  readonly name = "checkpoint";
  readonly #options: CheckpointOptions;
  /** When the log was last written, and since when that has been so. */
  #writtenAtMs = 0;
  #sinceMs = 0;
  #growing = false;

  constructor(options: CheckpointOptions) {
    this.#options = options;
  }

  /** Of the log as it is now. */
  get walBytes(): number {
    return this.#wal()?.size ?? 0;
  }

  step(): number {
    const { database, clock, isDiskLow } = this.#options;
    const wal = this.#wal();
    const nowMs = clock.monotonicMs();
    if (wal !== undefined && wal.mtimeMs !== this.#writtenAtMs) {
      this.#writtenAtMs = wal.mtimeMs;
      this.#sinceMs = nowMs;
    }
    const bytes = wal?.size ?? 0;
    if (bytes > WAL_ALARM_BYTES || (bytes > 0 && nowMs - this.#sinceMs >= QUIET_MS)) {
      checkpoint(database, isDiskLow() ? "RESTART" : "TRUNCATE");
    }
    this.#watch(this.walBytes);
    return LOOK_MS;
  }

  #watch(bytes: number): void {
    // Once told, it is over when the log is as short as it is kept.
    const growing = bytes > (this.#growing ? WAL_KEPT_BYTES : WAL_ALARM_BYTES);
    if (growing === this.#growing) return;
    this.#growing = growing;
    this.#options.onGrowing(growing, bytes);
  }

  #wal(): { readonly size: number; readonly mtimeMs: number } | undefined {
    return statSync(`${this.#options.database.name}-wal`, { throwIfNoEntry: false });
  }
}

/**
 * Brings the whole log into the file. It begins from its start again, `TRUNCATE` with no blocks of its own.
 *
 * @returns whether that was possible: not while a statement is reading, nor on a full disk
 * @throws {AgentError} `STORE_IO`, `STORE_CORRUPT`
 */
export function checkpoint(database: Database, mode: "RESTART" | "TRUNCATE"): boolean {
  try {
    return database.pragma(`wal_checkpoint(${mode})`, { simple: true }) === 0;
  } catch (error) {
    const fault = translated(error);
    if (fault.code !== "STORE_LOCKED" && fault.code !== "STORE_FULL") throw fault;
    return false;
  }
}
