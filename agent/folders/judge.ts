/**
 * Which files are complete (04 section 2), by what is known of them without opening any.
 *
 * @module
 */
import { SIDECAR_MAX_BYTES } from "../limits.ts";
import { ENTRY, FAILURE } from "./entry-table.ts";
import type { Candidate, DroppedFile, FilePart, PickupSettings } from "./messages.ts";
import { type ByteName, fileNameOf } from "./names.ts";
import type { Ordered } from "./order.ts";
import { ALONE, type Companions, Pairing } from "./pairing.ts";
import type { Patterns } from "./patterns.ts";
import type { Tracker } from "./tracker.ts";
import type { TroubleCount } from "./trouble-count.ts";

export type Unfit = NonNullable<Candidate["unfit"]>;

/** A file that is complete, but for its content (P9). Small: there may be thousands; `filesOf` makes more of it. */
export interface Complete extends Ordered {
  readonly slot: number;
  readonly companions: Companions;
  readonly unfit: Unfit | undefined;
  /** Since when, for what may still be waited for. */
  readonly sinceMs: number;
}

export type JudgeRules = Pick<
  PickupSettings,
  | "completion"
  | "controlSuffixes"
  | "sidecar"
  | "orphanAfterMs"
  | "growAlarmMs"
  | "busyAlarmMs"
  | "zeroByteWaitMs"
  | "pairTimeoutMs"
  | "maxBytes"
> & { readonly stableForMs: number };

export interface JudgeEvents {
  readonly complete: (found: Complete) => void;
  /** Data that is not complete. */
  readonly waiting: (name: ByteName, slot: number) => void;
  /** @returns whether a file was left in place, as it is (P19) */
  readonly isLeft: (name: ByteName, slot: number) => boolean;
}

export class Judge {
  readonly #rules: JudgeRules;
  readonly #tracker: Tracker;
  readonly #patterns: Patterns;
  readonly #pairing: Pairing;

  constructor(rules: JudgeRules, tracker: Tracker, patterns: Patterns) {
    this.#rules = rules;
    this.#tracker = tracker;
    this.#patterns = patterns;
    this.#pairing = new Pairing(rules, tracker.table);
  }

  /** Looks at all that is tracked. */
  judge(nowMs: number, troubles: TroubleCount, events: JudgeEvents): void {
    const { table } = this.#tracker;
    this.#pairing.count((name) => this.#patterns.includes(name));
    for (const [name, slot] of table.entries()) {
      const sort = table.at.sort[slot];
      if (sort === ENTRY.refused) troubles.note("refused", slot);
      else if (sort === ENTRY.unreadable) troubles.note("unreadable", slot);
      else if (sort === ENTRY.held) {
        if (this.#hasWaited(slot, nowMs, this.#rules.busyAlarmMs)) {
          troubles.note("unreadable", slot);
        }
      } else if (sort === ENTRY.temporary) {
        if (this.#hasWaited(slot, nowMs, this.#rules.orphanAfterMs))
          troubles.note("orphaned", slot);
      } else this.#judgeFile(name, slot, nowMs, troubles, events);
    }
  }

  #judgeFile(
    name: ByteName,
    slot: number,
    nowMs: number,
    troubles: TroubleCount,
    events: JudgeEvents,
  ): void {
    const role = this.#pairing.roleOf(name);
    if (role === "data" && !this.#patterns.includes(name)) return;
    if (events.isLeft(name, slot)) return;
    if (role === "control") {
      const isOld = this.#hasWaited(slot, nowMs, this.#rules.orphanAfterMs);
      if (!this.#pairing.isUsed(slot) && isOld) troubles.note("controlMissing", slot);
      return;
    }
    const found =
      role === "data"
        ? this.#dataAlone(name, slot, nowMs, troubles)
        : this.#sidecarAlone(name, slot, nowMs);
    if (found === "companion") return;
    if (found === undefined || this.#isFailing(slot, nowMs, troubles)) events.waiting(name, slot);
    else events.complete(found);
  }

  #dataAlone(
    name: ByteName,
    slot: number,
    nowMs: number,
    troubles: TroubleCount,
  ): Complete | undefined {
    const { at } = this.#tracker.table;
    const companions = this.#pairing.companionsOf(name);
    const { control, sidecar } = companions;
    if (control === "ambiguous") troubles.note("controlAmbiguous", slot);
    if (control === "missing" && this.#hasWaited(slot, nowMs, this.#rules.orphanAfterMs)) {
      troubles.note("controlMissing", slot);
    }
    if (control === "missing" || control === "ambiguous") return undefined;
    if (!this.#isStable(slot)) {
      if (this.#hasWaited(slot, nowMs, this.#rules.growAlarmMs)) troubles.note("growing", slot);
      return undefined;
    }
    const size = at.size[slot] ?? 0;
    const sinceMs = this.#sinceMs(slot, companions);
    const complete = (unfit: Unfit | undefined): Complete => ({
      ...this.#unit(name, slot, companions),
      unfit,
      sinceMs,
    });
    if (size > this.#rules.maxBytes) return complete("tooLarge");
    if (size === 0)
      return nowMs - sinceMs >= this.#rules.zeroByteWaitMs ? complete("empty") : undefined;
    if (typeof sidecar !== "string") {
      if (!this.#isStable(sidecar.slot)) return undefined;
      return complete((at.size[sidecar.slot] ?? 0) > SIDECAR_MAX_BYTES ? "sidecar" : undefined);
    }
    if (sidecar === "unneeded") return complete(undefined);
    if (sidecar === "ambiguous") troubles.note("controlAmbiguous", slot);
    return nowMs - sinceMs >= this.#rules.pairTimeoutMs ? complete("unpaired") : undefined;
  }

  /** One without its data goes to quarantine after the same time, as a file of its own (P44). */
  #sidecarAlone(name: ByteName, slot: number, nowMs: number): Complete | "companion" | undefined {
    if (this.#pairing.isUsed(slot)) return "companion";
    const sinceMs = this.#sinceMs(slot, ALONE);
    const isOver = this.#isStable(slot) && nowMs - sinceMs >= this.#rules.pairTimeoutMs;
    return isOver ? { ...this.#unit(name, slot, ALONE), unfit: "unpaired", sinceMs } : undefined;
  }

  /** P8 and `rename` are the sender's word; else P7. */
  #isStable(slot: number): boolean {
    return this.#rules.completion !== "stability" || this.#tracker.isStable(slot);
  }

  #sinceMs(slot: number, { control, sidecar }: Companions): number {
    const { changedMs } = this.#tracker.table.at;
    const slots = [control, sidecar].map((other) =>
      typeof other === "string" ? slot : other.slot,
    );
    const lastMs = Math.max(...[slot, ...slots].map((other) => changedMs[other] ?? 0));
    return lastMs + (this.#rules.completion === "stability" ? this.#rules.stableForMs : 0);
  }

  #unit(name: ByteName, slot: number, companions: Companions): Omit<Complete, "unfit" | "sinceMs"> {
    const modifiedNs = this.#tracker.table.at.modifiedNs[slot] ?? 0n;
    return { name, slot, modifiedNs, companions };
  }

  /** As they are in the table. Data first. */
  filesOf({ name, slot, companions }: Complete): readonly DroppedFile[] {
    const files: DroppedFile[] = [this.#file("data", name, slot)];
    const { control, sidecar, sidecarControl } = companions;
    if (typeof control !== "string") files.push(this.#file("control", control.name, control.slot));
    if (typeof sidecar !== "string") files.push(this.#file("sidecar", sidecar.name, sidecar.slot));
    if (sidecarControl !== undefined) {
      files.push(this.#file("control", sidecarControl.name, sidecarControl.slot));
    }
    return files;
  }

  #file(part: FilePart, name: ByteName, slot: number): DroppedFile {
    return { part, name: fileNameOf(name), ...this.#tracker.table.stateOf(slot) };
  }

  #hasWaited(slot: number, nowMs: number, forMs: number): boolean {
    return nowMs - (this.#tracker.table.at.waitingSinceMs[slot] ?? 0) >= forMs;
  }

  /** A claim failed, or its content was not complete: not tried again yet. */
  #isFailing(slot: number, nowMs: number, troubles: TroubleCount): boolean {
    const { failure, failedSinceMs, retryMs } = this.#tracker.table.at;
    if (failure[slot] === FAILURE.unreadable) troubles.note("unreadable", slot);
    const isLong = nowMs - (failedSinceMs[slot] ?? 0) >= this.#rules.busyAlarmMs;
    if (failure[slot] === FAILURE.busy && isLong) troubles.note("busy", slot);
    if (failure[slot] === FAILURE.denied && isLong) troubles.note("unreadable", slot);
    return (retryMs[slot] ?? 0) > nowMs;
  }
}
