/**
 * How much of the disk the store may take (05 S12).
 *
 * `max_page_count` bounds the file, and SQLite can still delete under it. What is not a message (progress,
 * pruning, a person's discard) may go a little further: a full store must still empty.
 *
 * @module
 */
import type { Statement } from "better-sqlite3";
import { AgentError, type Facts } from "../../errors.ts";
import type { Database } from "../format/database.ts";
import type { WriteOrder } from "../writing/writer-messages.ts";
import type { BudgetStanding } from "./space-messages.ts";

/** What a transaction writes: it decides how far the file may grow. */
export type Purpose = "messages" | "progress" | "move";

/** 256 pages of 4 KiB: marks and cursors need one or two. */
const PROGRESS_PAGES = 256;
/** Steps of the alarm (05 S12), and how far below one it ends. */
const ALARM_PERCENTS = [95, 85, 70] as const;
const HYSTERESIS_PERCENT = 2;
/** Below the first alarm: what is only retained goes first, and alone never raises it. */
const PRESSURE_PERCENT = 65;

export class Budget {
  readonly pageBytes: number;
  readonly #budgetBytes: number;
  readonly #maxPages: number;
  readonly #pageCount: Statement;
  readonly #freeCount: Statement;
  readonly #limits: Readonly<Record<Purpose, Statement>>;
  #limit: Purpose | undefined;
  #alarmPercent = 0;
  #pressed = false;

  constructor(database: Database, budgetBytes: number) {
    this.pageBytes = Number(database.pragma("page_size", { simple: true }));
    this.#budgetBytes = budgetBytes;
    this.#maxPages = Math.max(1, Math.floor(budgetBytes / this.pageBytes));
    this.#pageCount = database.prepare("PRAGMA page_count").pluck();
    this.#freeCount = database.prepare("PRAGMA freelist_count").pluck();
    // SQLite goes no lower than what the file has: a smaller budget than that only stops growth.
    const most = Math.max(this.#maxPages, this.#pageCount.get() as number) + PROGRESS_PAGES;
    const limitOf = (pages: number): Statement =>
      database.prepare(`PRAGMA max_page_count = ${pages}`).pluck();
    // A channel that moves to a new epoch is there twice for a while, and nothing leaves before it is done.
    const twice = 2 * most;
    this.#limits = {
      messages: limitOf(this.#maxPages),
      progress: limitOf(most),
      move: limitOf(twice),
    };
  }

  /** Sets the limit for the next transaction; outside of one. */
  allow(purpose: Purpose): void {
    if (this.#limit === purpose) return;
    this.#limits[purpose].get();
    this.#limit = purpose;
  }

  /** Pages that are free for reuse inside the file, in bytes. */
  get freeBytes(): number {
    return (this.#freeCount.get() as number) * this.pageBytes;
  }

  get fileBytes(): number {
    return (this.#pageCount.get() as number) * this.pageBytes;
  }

  get standing(): BudgetStanding {
    const usedBytes = this.fileBytes - this.freeBytes;
    const percent = Math.floor((usedBytes * 100) / this.#budgetBytes);
    return { budgetBytes: this.#budgetBytes, usedBytes, percent };
  }

  /**
   * Why a group was refused: a store at its budget is no full disk, and other remedies help.
   *
   * @returns `error`, or `STORE_FULL` with the fact `budget` where that is what `error` means
   */
  refusal(error: AgentError, orders: readonly WriteOrder[]): AgentError {
    const { code, facts, cause } = error;
    if (code !== "STORE_FULL" || facts["slices"] !== undefined) return error;
    if (this.#roomBytes > bytesOf(orders) + PROGRESS_PAGES * this.pageBytes) return error;
    return new AgentError("STORE_FULL", { ...facts, ...this.#usedUp }, { cause });
  }

  /** @throws {AgentError} `STORE_FULL` where messages find no room worth opening a port for */
  refuseIfFull(): void {
    if (this.isFull) throw new AgentError("STORE_FULL", this.#usedUp);
  }

  /** What a person needs to know where the budget is the cause. */
  get #usedUp(): Facts {
    const { usedBytes, budgetBytes } = this.standing;
    return { budget: true, usedBytes, budgetBytes };
  }

  /** Whether messages find no room worth opening a port for. */
  get isFull(): boolean {
    const leastBytes = Math.max(PROGRESS_PAGES * this.pageBytes, this.#budgetBytes / 100);
    return this.#roomBytes <= leastBytes;
  }

  /** What messages may still take. */
  get #roomBytes(): number {
    return this.#maxPages * this.pageBytes - this.fileBytes + this.freeBytes;
  }

  /** Whether settled bodies have to go before their time. */
  get isPressed(): boolean {
    const limit = this.#pressed ? PRESSURE_PERCENT - HYSTERESIS_PERCENT : PRESSURE_PERCENT;
    this.#pressed = this.standing.percent >= limit;
    return this.#pressed;
  }

  /** @returns the alarm that holds now (0, 70, 85 or 95 %) if it is another than at the last call */
  alarmChange(): number | undefined {
    const { percent } = this.standing;
    const reached = ALARM_PERCENTS.find((step) =>
      step <= this.#alarmPercent ? percent > step - HYSTERESIS_PERCENT : percent >= step,
    );
    if ((reached ?? 0) === this.#alarmPercent) return undefined;
    this.#alarmPercent = reached ?? 0;
    return this.#alarmPercent;
  }
}

/** What orders bring, roughly. */
function bytesOf(orders: readonly WriteOrder[]): number {
  let bytes = 0;
  for (const order of orders) {
    if (order.order === "append") bytes += order.batch.slab.length;
    if (order.order === "stage") bytes += order.bytes.length;
  }
  return bytes;
}
