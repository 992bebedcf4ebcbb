/**
 * Partitions: there is one for each day on which a message was stored, until retention drops it
 * (TP38).
 *
 * @module
 */
import { DATABASE_DROP_WAIT_MS } from "../../limits.ts";
import type { PruneCall, PruneResult } from "../store.ts";
import { NO_PARTITION, sqlStateOf } from "./faults.ts";
import type { Questions } from "./questions.ts";

/** @returns the day in UTC, as `2026-11-26` */
export function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

export class Days {
  readonly #questions: Questions;
  /** Only the latest: a node that lives for years knows one day. */
  #known = "";

  constructor(questions: Questions) {
    this.#questions = questions;
  }

  /** Does `act`, which stores something on the day of `atMs`, with the partition that it needs. */
  async on<T>(atMs: number, act: (day: string) => Promise<T>): Promise<T> {
    const day = dayOf(atMs);
    if (day !== this.#known) await this.#add(day);
    try {
      return await act(day);
    } catch (error) {
      if (sqlStateOf(error) !== NO_PARTITION) throw error;
    }
    // Dropped since by another node.
    await this.#add(day);
    return await act(day);
  }

  /** Drops the oldest day behind `after` that ended before `beforeMs`, if it may go. */
  async prune({ beforeMs, outlets, keepsUntaken, after }: PruneCall): Promise<PruneResult> {
    const before = dayOf(beforeMs);
    const [found] = await this.#questions.rows<[day: string, number]>("nextDay", [before, after]);
    if (found === undefined) return { kind: "ok", next: null };
    const [day, next] = found;
    if (day === this.#known) this.#known = "";
    const taken = outlets.flatMap(({ outlet, channels }) =>
      (channels ?? [null]).map((channel) => ({ outlet, channel })),
    );
    await this.#questions.rows("dropDay", [
      ...[day, before],
      ...[taken.map(({ outlet }) => outlet), taken.map(({ channel }) => channel)],
      ...[keepsUntaken === true, DATABASE_DROP_WAIT_MS],
    ]);
    return { kind: "ok", next };
  }

  async #add(day: string): Promise<void> {
    await this.#questions.rows("addDay", [day]);
    this.#known = day;
  }
}
