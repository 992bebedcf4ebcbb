/**
 * Looks at every entry of a drop folder once a poll, and keeps since when each has been as it is (04 P7): by a status call
 * on the file itself, and on the agent's own clock.
 *
 * @module
 */
import { isBusy } from "../host/platform.ts";
import { FOLDER_TRACKED_MAX_COUNT } from "../limits.ts";
import { ENTRY, type EntrySort, EntryTable, FAILURE } from "./entry-table.ts";
import { stepFaultOf } from "./faults.ts";
import { fileStateOf, isPlainFile, isSameState } from "./file-state.ts";
import type { Listed } from "./listing.ts";
import type { FileState, StepFault } from "./messages.ts";
import { type ByteName, isBelow } from "./names.ts";
import type { Patterns } from "./patterns.ts";

/** Polls that must see a state before it counts as unchanged. */
const STABLE_POLLS = 2;
const SEEN_MAX = 255;

export interface TrackerRules {
  readonly patterns: Patterns;
  readonly rejectHardLinks: boolean;
  readonly stableForMs: number;
  /** Such as the sentinel. */
  readonly isOurs: (name: ByteName) => boolean;
  /** Names of files that are left where they are (P19). */
  readonly leftCount: () => number;
}

export class Tracker {
  readonly table: EntryTable;
  readonly #rules: TrackerRules;
  #poll = 0;
  #nowMs = 0;
  /** In this poll: names that are not ignored; and of those, how many were not looked at, for there was no room. */
  fileCount = 0;
  untrackedCount = 0;
  /** What the system said last of one that it refused. */
  lastFault: StepFault | undefined;

  constructor(rules: TrackerRules, maxCount = FOLDER_TRACKED_MAX_COUNT) {
    this.#rules = rules;
    this.table = new EntryTable(maxCount, rules.leftCount);
  }

  begin(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#poll = (this.#poll + 1) % 2 ** 32;
    this.fileCount = 0;
    this.untrackedCount = 0;
  }

  /** One entry of the listing. */
  see({ folder, base, name, kind }: Listed): void {
    const meant = this.#rules.patterns.kindOf(name);
    if (meant === "never" || this.#rules.isOurs(name)) return;
    if (meant === "temporary") {
      if (kind === "file") this.#keep(name, ENTRY.temporary, this.table.slotOf(name));
      return;
    }
    this.fileCount += 1;
    const known = this.table.slotOf(name);
    if (known === undefined && this.table.isFull) {
      this.untrackedCount += 1;
      return;
    }
    // A name that would be a stream of another file (04 attack 16); a server of shares may list it.
    if (kind !== "file" || !isBelow(base)) {
      this.#keep(name, ENTRY.refused, known);
      return;
    }
    const state = this.#stateOf(() => folder.look(base));
    if (state === "gone") this.fileCount -= 1;
    else if (typeof state === "string") this.#keep(name, ENTRY[state], known);
    else this.#keepFile(name, state, known);
  }

  /** A subfolder that was not listed counts as one file: nobody knows how many it has. */
  passOver(): void {
    this.fileCount += 1;
    this.untrackedCount += 1;
  }

  /** The listing is over: what it had not is forgotten. */
  end(): void {
    this.table.keepOnly(this.#poll);
  }

  /** P7. */
  isStable(slot: number): boolean {
    const { at } = this.table;
    const forMs = this.#nowMs - (at.changedMs[slot] ?? 0);
    return (at.seenCount[slot] ?? 0) >= STABLE_POLLS && forMs >= this.#rules.stableForMs;
  }

  #stateOf(
    look: () => Parameters<typeof fileStateOf>[0] | undefined,
  ): FileState | "gone" | "refused" | "unreadable" | "held" {
    try {
      const status = look();
      if (status === undefined) return "gone";
      if (!isPlainFile(status, this.#rules.rejectHardLinks)) return "refused";
      return fileStateOf(status);
    } catch (error) {
      this.lastFault = stepFaultOf(error);
      return isBusy({ code: this.lastFault.sysCode }) ? "held" : "unreadable";
    }
  }

  /** @param known its slot so far @returns its slot, if there is room */
  #keep(name: ByteName, sort: EntrySort, known: number | undefined): number | undefined {
    let slot = known;
    if (slot !== undefined && this.table.at.sort[slot] !== sort) {
      this.table.remove(name);
      slot = undefined;
    }
    if (slot === undefined) {
      slot = this.table.add(name, sort);
      if (slot === undefined) {
        if (sort !== ENTRY.temporary) this.untrackedCount += 1;
        return undefined;
      }
      this.table.at.waitingSinceMs[slot] = this.#nowMs;
      this.table.at.changedMs[slot] = this.#nowMs;
    }
    this.table.at.poll[slot] = this.#poll;
    return slot;
  }

  #keepFile(name: ByteName, state: FileState, known: number | undefined): void {
    const slot = this.#keep(name, ENTRY.file, known);
    if (slot === undefined) return;
    const { at } = this.table;
    const seen = at.seenCount[slot] ?? 0;
    if (seen > 0 && isSameState(this.table.stateOf(slot), state)) {
      at.seenCount[slot] = Math.min(seen + 1, SEEN_MAX);
      return;
    }
    if (this.isStable(slot)) at.waitingSinceMs[slot] = this.#nowMs;
    at.size[slot] = state.size;
    at.modifiedNs[slot] = state.modifiedNs;
    at.inode[slot] = state.inode;
    at.changedMs[slot] = this.#nowMs;
    at.seenCount[slot] = 1;
    at.retryMs[slot] = 0;
    at.tryCount[slot] = 0;
    at.failure[slot] = FAILURE.none;
    at.failedSinceMs[slot] = 0;
  }
}
