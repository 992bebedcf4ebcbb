/**
 * What is wrong right now. A part opens a condition and closes it; absence means healthy.
 *
 * @module
 */
import type { Facts } from "../errors.ts";
import type { Clock, Timer } from "../host/clock.ts";
import { type ConditionName as CatalogueName, CONDITIONS } from "./catalogue.ts";

/** Of {@link CONDITIONS}. */
export type ConditionName = CatalogueName;

export interface OpenCondition {
  readonly condition: ConditionName;
  /** What it is about: a channel's name, or empty. */
  readonly subject: string;
  readonly sinceMs: number;
  readonly facts: Facts;
  /** What it means, and what a person does about it. */
  readonly remedy: string;
}

/** The one list of what is wrong. Opening twice and closing twice are harmless. */
export class Conditions {
  readonly #open = new Map<string, OpenCondition>();
  readonly #ends = new Map<string, Timer>();
  readonly #listeners: (() => void)[] = [];

  /** Calls `listener` whenever one was opened, has other facts, or was closed. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  open(condition: ConditionName, subject: string, facts: Facts, nowMs: number): void {
    const key = `${condition} ${subject}`;
    this.#endTimer(key);
    const sinceMs = this.#open.get(key)?.sinceMs ?? nowMs;
    const { means, remedy } = CONDITIONS[condition];
    this.#open.set(key, { condition, subject, sinceMs, facts, remedy: `${means}. ${remedy}` });
    this.#tell();
  }

  /**
   * For what happens rather than lasts: stays open until `durationMs` have passed without another case,
   * long enough for a person to see it.
   */
  openFor(
    condition: ConditionName,
    subject: string,
    facts: Facts,
    clock: Clock,
    durationMs: number,
  ): void {
    this.open(condition, subject, facts, clock.nowMs());
    const key = `${condition} ${subject}`;
    this.#ends.set(
      key,
      clock.after(durationMs, () => this.close(condition, subject)),
    );
  }

  close(condition: ConditionName, subject: string): void {
    const key = `${condition} ${subject}`;
    this.#endTimer(key);
    if (this.#open.delete(key)) this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #endTimer(key: string): void {
    this.#ends.get(key)?.[Symbol.dispose]();
    this.#ends.delete(key);
  }

  list(): readonly OpenCondition[] {
    return [...this.#open.values()];
  }
}
