/** The last look before a file counts as complete: into it (04 P9). @module */

import { type ContentGate, type Ends, isGateOpen } from "./content-gate.ts";
import type { EntryTable } from "./entry-table.ts";
import type { Complete } from "./judge.ts";

export interface GateRules {
  readonly contentGate: ContentGate;
  readonly minFileBytes: number;
  readonly maxWaitMs: number;
}

const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 60_000;
const MAX_TRIES = 255;

export class Gatekeeper {
  readonly #rules: GateRules;
  readonly #table: EntryTable;

  constructor(rules: GateRules, table: EntryTable) {
    this.#rules = rules;
    this.#table = table;
  }

  get isOff(): boolean {
    return this.#rules.contentGate === "off" && this.#rules.minFileBytes <= 1;
  }

  /**
   * @param look reads both ends; nothing if the file is not what it was
   * @returns `closed`: not complete, and not looked at for a while
   */
  pass(
    found: Complete,
    nowMs: number,
    look: () => Ends | undefined,
  ): "open" | "closed" | "contentGate" {
    if (this.isOff || found.unfit !== undefined) return "open";
    const { at } = this.#table;
    const size = at.size[found.slot] ?? 0;
    if (size >= this.#rules.minFileBytes) {
      if (this.#rules.contentGate === "off") return "open";
      const ends = look();
      if (ends === undefined) return "closed";
      if (isGateOpen(this.#rules.contentGate, ends)) return "open";
    }
    const endMs = found.sinceMs + this.#rules.maxWaitMs;
    if (nowMs >= endMs) return "contentGate";
    const tries = at.tryCount[found.slot] ?? 0;
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(tries, 8), LAST_RETRY_MS);
    at.tryCount[found.slot] = Math.min(tries + 1, MAX_TRIES);
    at.retryMs[found.slot] = Math.min(nowMs + waitMs, endMs);
    return "closed";
  }
}
