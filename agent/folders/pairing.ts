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

/** Files by their name without its end; of several the one whose end comes first. */
type ByRest = Map<ByteName, { readonly companion: Companion; readonly rank: number }>;

export class Pairing {
  readonly #table: EntryTable;
  readonly #suffixes: readonly ByteName[];
  readonly #sidecarExtensions: readonly ByteName[];
  /**
   * Looked up by what they may belong to: there are few of them beside 100,000 files that wait for theirs, and
   * making names to look for costs more than a status call.
   */
  readonly #controls: ByRest = new Map();
  readonly #sidecars: ByRest = new Map();
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
    for (const known of [this.#users, this.#owned, this.#controls, this.#sidecars]) known.clear();
    if (this.#suffixes.length === 0 && this.#sidecarExtensions.length === 0) return;
    for (const [name, slot] of this.#table.entries()) {
      // Links and pipes do not count (04 attacks 6, 22).
      if (this.#table.at.sort[slot] !== ENTRY.file) continue;
      note(this.#controls, this.#suffixes, name, slot);
      note(this.#sidecars, this.#sidecarExtensions, name, slot);
    }
    if (this.#controls.size === 0 && this.#sidecars.size === 0) return;
    for (const [name, slot] of this.#table.entries()) {
      if (this.#table.at.sort[slot] !== ENTRY.file) continue;
      const role = this.roleOf(name);
      if (role === "control" || (role === "data" && !includes(name))) continue;
      const control = found(this.#controls, name);
      if (control !== undefined) this.#owned.add(control.slot);
      if (role === "sidecar") continue;
      const stem = stemOf(name);
      if (control === undefined) this.#use(found(this.#controls, stem));
      this.#use(found(this.#sidecars, stem));
    }
  }

  /** Whether a control file or side-car belongs to any data. */
  isUsed(slot: number): boolean {
    return this.#users.has(slot) || this.#owned.has(slot);
  }

  companionsOf(name: ByteName): Companions {
    const own = found(this.#controls, name);
    const sidecar = this.#byStem(name, this.#sidecars, this.#sidecarExtensions);
    return {
      control: own ?? this.#byStem(name, this.#controls, this.#suffixes),
      sidecar,
      sidecarControl: typeof sidecar === "string" ? undefined : found(this.#controls, sidecar.name),
    };
  }

  #byStem(name: ByteName, among: ByRest, ends: readonly ByteName[]): Companions["control"] {
    if (ends.length === 0) return "unneeded";
    const companion = among.size === 0 ? undefined : found(among, stemOf(name));
    if (companion === undefined || this.#owned.has(companion.slot)) return "missing";
    return (this.#users.get(companion.slot) ?? 0) > 1 ? "ambiguous" : companion;
  }

  #use(found: Companion | undefined): void {
    if (found !== undefined) this.#users.set(found.slot, (this.#users.get(found.slot) ?? 0) + 1);
  }
}

function note(by: ByRest, ends: readonly ByteName[], name: ByteName, slot: number): void {
  for (const [rank, end] of ends.entries()) {
    if (!name.endsWith(end)) continue;
    const rest = name.slice(0, -end.length);
    const other = by.get(rest);
    if (other === undefined || rank < other.rank) by.set(rest, { companion: { name, slot }, rank });
  }
}

const found = (by: ByRest, rest: ByteName): Companion | undefined =>
  by.size === 0 ? undefined : by.get(rest)?.companion;
