/** Which files of a folder belong together, by their names (04 P8, P44). @module */
import { ENTRY, type EntryTable } from "./entry-table.ts";
import type { PickupSettings } from "./messages.ts";
import { type ByteName, byteNameFrom, stemOf } from "./names.ts";

export type NameRole = "data" | "control" | "sidecar";
type Rules = Pick<PickupSettings, "completion" | "controlSuffixes" | "sidecar">;

/** A companion by its name and its slot. */
export interface Companion {
  readonly name: ByteName;
  readonly slot: number;
}

export interface Companions {
  /** P8; `ambiguous`: a control file by stem that matches several. */
  readonly control: Companion | "missing" | "ambiguous" | "unneeded";
  /** P44. */
  readonly sidecar: Companion | "missing" | "ambiguous" | "unneeded";
  /** A control file of the side-car's own. */
  readonly sidecarControl: Companion | undefined;
}

export const ALONE: Companions = {
  control: "unneeded",
  sidecar: "unneeded",
  sidecarControl: undefined,
};

export class Pairing {
  readonly #table: EntryTable;
  readonly #suffixes: readonly ByteName[];
  readonly #sidecarExtensions: readonly ByteName[];
  /** By slot of a control file or side-car: how many data files it belongs to by its stem. */
  readonly #users = new Map<number, number>();
  /** Control files that name a file whole: they are its own, and no other's by stem. */
  readonly #owned = new Set<number>();

  constructor(rules: Rules, table: EntryTable) {
    this.#table = table;
    this.#suffixes =
      rules.completion === "controlFile" ? rules.controlSuffixes.map(byteNameFrom) : [];
    this.#sidecarExtensions =
      rules.sidecar === "none" ? [] : [`.${rules.sidecar}`, `.${rules.sidecar.toUpperCase()}`];
  }

  roleOf(name: ByteName): NameRole {
    const isControl = this.#suffixes.some((end) => name.endsWith(end) && name.length > end.length);
    if (isControl) return "control";
    return this.#sidecarExtensions.some((end) => name.endsWith(end)) ? "sidecar" : "data";
  }

  /** Before the others, once a poll: counts who belongs to whom. @param includes whether a name is data that is taken */
  count(includes: (name: ByteName) => boolean): void {
    this.#users.clear();
    this.#owned.clear();
    if (this.#suffixes.length === 0 && this.#sidecarExtensions.length === 0) return;
    for (const [name, slot] of this.#table.entries()) {
      if (this.#table.at.sort[slot] !== ENTRY.file) continue;
      const role = this.roleOf(name);
      if (role === "control" || (role === "data" && !includes(name))) continue;
      const control = this.#find(name, this.#suffixes);
      if (control !== undefined) this.#owned.add(control.slot);
      if (role === "sidecar") continue;
      if (control === undefined) this.#use(this.#find(stemOf(name), this.#suffixes));
      this.#use(this.#find(stemOf(name), this.#sidecarExtensions));
    }
  }

  /** Whether a control file or side-car belongs to any data. */
  isUsed(slot: number): boolean {
    return this.#users.has(slot) || this.#owned.has(slot);
  }

  companionsOf(name: ByteName): Companions {
    const own = this.#find(name, this.#suffixes);
    const sidecar = this.#byStem(name, this.#sidecarExtensions);
    return {
      control: own ?? this.#byStem(name, this.#suffixes),
      sidecar,
      sidecarControl:
        typeof sidecar === "string" ? undefined : this.#find(sidecar.name, this.#suffixes),
    };
  }

  #byStem(name: ByteName, ends: readonly ByteName[]): Companions["control"] {
    if (ends.length === 0) return "unneeded";
    const found = this.#find(stemOf(name), ends);
    if (found === undefined || this.#owned.has(found.slot)) return "missing";
    return (this.#users.get(found.slot) ?? 0) > 1 ? "ambiguous" : found;
  }

  #use(found: Companion | undefined): void {
    if (found !== undefined) this.#users.set(found.slot, (this.#users.get(found.slot) ?? 0) + 1);
  }

  /** The first file of that name and one of these ends; links and pipes do not count (04 attacks 6, 22). */
  #find(name: ByteName, ends: readonly ByteName[]): Companion | undefined {
    for (const end of ends) {
      const slot = this.#table.slotOf(`${name}${end}`);
      if (slot !== undefined && this.#table.at.sort[slot] === ENTRY.file) {
        return { name: `${name}${end}`, slot };
      }
    }
    return undefined;
  }
}
