/** The file gives back what it does not use, in small steps (05 S15). @module */

import type { Database } from "../format/database.ts";
import type { Chore } from "../writing/chores.ts";
import type { Budget } from "./budget.ts";

const MIB = 1024 * 1024;
/**
 * What stays free, as a part of what is in use and at least: what comes next takes that room again, and a file
 * that grows is slower to flush. Pages of one step: each is moved and written to the log.
 */
const IDLE = { part: 1 / 4, bytes: MIB, pages: 256 } as const;
/** 05 S15: at most twice what is in use also where messages never cease. */
const BUSY = { part: 1, bytes: 8 * MIB, pages: 64 } as const;
/** On a full disk. */
const LOW = { part: 0, bytes: MIB, pages: 256 } as const;
const LOOK_MS = 5_000;

export interface VacuumOptions {
  readonly database: Database;
  readonly budget: Budget;
  /** Whether the disk is short of room: then everything that is free goes back. */
  readonly isDiskLow: () => boolean;
}

export class Vacuum implements Chore {
  readonly name = "vacuum";
  readonly #options: VacuumOptions;

  constructor(options: VacuumOptions) {
    this.#options = options;
  }

  step(busy: boolean): number {
    const { database, budget, isDiskLow } = this.#options;
    const { freeBytes, fileBytes, pageBytes } = budget;
    const pace = paceOf(busy, isDiskLow());
    const spare = Math.max(pace.bytes, (fileBytes - freeBytes) * pace.part);
    const pages = Math.min(Math.ceil((freeBytes - spare) / pageBytes), pace.pages);
    if (pages <= 0) return LOOK_MS;
    budget.allow("progress");
    // Not by `pragma`, whose one row would be one page.
    database.exec(`PRAGMA incremental_vacuum(${pages})`);
    return 0;
  }
}

function paceOf(busy: boolean, diskLow: boolean): typeof IDLE | typeof BUSY | typeof LOW {
  if (diskLow) return LOW;
  return busy ? BUSY : IDLE;
}
