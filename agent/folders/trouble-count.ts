/** What of a folder was not taken, told once for each name and hour (04 section 12). @module */
import type { EntryTable } from "./entry-table.ts";
import { type PollResult, type StepFault, TROUBLES, type Trouble } from "./messages.ts";

const TELL_AGAIN_MS = 3_600_000;

export class TroubleCount {
  readonly #table: EntryTable;
  readonly #nowMs: number;
  readonly #found: Partial<Record<Trouble, { count: number; fresh: number }>> = {};

  constructor(table: EntryTable, nowMs: number) {
    this.#table = table;
    this.#nowMs = nowMs;
  }

  /** Of files that are not in the table. */
  add(
    trouble: Trouble,
    { count, fresh }: { readonly count: number; readonly fresh: number },
  ): void {
    if (count === 0) return;
    const found = this.#of(trouble);
    found.count += count;
    found.fresh += fresh;
  }

  note(trouble: Trouble, slot: number): void {
    const found = this.#of(trouble);
    found.count += 1;
    const { told, toldMs } = this.#table.at;
    const mark = TROUBLES.indexOf(trouble) + 1;
    const isKnown = told[slot] === mark;
    // A temporary name is told once (P6): nothing about it is going to change.
    const isOld = trouble !== "orphaned" && this.#nowMs - (toldMs[slot] ?? 0) >= TELL_AGAIN_MS;
    if (isKnown && !isOld) return;
    told[slot] = mark;
    toldMs[slot] = this.#nowMs;
    found.fresh += 1;
  }

  #of(trouble: Trouble): { count: number; fresh: number } {
    this.#found[trouble] ??= { count: 0, fresh: 0 };
    return this.#found[trouble];
  }

  /** @param fault what the system said last of an entry that it refused */
  result(fault?: StepFault): PollResult["troubles"] {
    const { unreadable } = this.#found;
    if (unreadable === undefined || fault === undefined) return this.#found;
    return { ...this.#found, unreadable: { ...unreadable, fault } };
  }
}
