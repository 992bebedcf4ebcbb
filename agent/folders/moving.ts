/**
 * From `work/` to the archive or error folder (04 P27 to P31): under a name that is exclusively ours before anything
 * moves, durable there before it leaves here, and the same when it is asked again after a stop at any point.
 *
 * Where files can be linked, the second name is the exclusive one. Where they cannot, an empty file keeps the
 * name; which name, the asker's row knows by then (`planned`), so that no empty file is left.
 *
 * @module
 */
import { closeSync } from "node:fs";
import type { WorkerVoice } from "./conversation.ts";
import { copyFile } from "./copying.ts";
import { folderFault, stepFaultOf } from "./faults.ts";
import { isEmpty } from "./file-state.ts";
import type { Folder } from "./folder.ts";
import type { Move, MoveOutcome, PickupSettings, Reason } from "./messages.ts";
import { fixMode, removeSource, type Source, sourceOf } from "./move-sources.ts";
import {
  type ByteName,
  baseOf,
  byteNameOf,
  fileNameOf,
  isBelow,
  joined,
  OWN_PREFIX,
  parentOf,
} from "./names.ts";
import { type Part, partsOf, tidyWork } from "./placement.ts";
import { reasonName, reasonTemporary, writeReason } from "./reason-file.ts";
import type { Visit } from "./roots.ts";
import { type Layout, type MoveMemory, TargetSearch } from "./target-search.ts";

export interface MoveRules
  extends Pick<PickupSettings, "claimBy" | "fileMode" | "folderMode" | "maxBytes"> {
  readonly voice: WorkerVoice;
  readonly memory: MoveMemory;
}

export interface Destination {
  readonly role: "archive" | "error";
  /** Below that, such as a day. */
  readonly folder: ByteName;
  readonly reason: Reason | undefined;
}

/** In its new place; what is left to do is to delete it in the old one, once that is durable. */
interface Placed {
  readonly move: Move;
  readonly targets: readonly ByteName[];
  readonly sources: readonly Source[];
}

export class Mover {
  readonly #visit: Visit;
  readonly #rules: MoveRules;
  readonly #search: TargetSearch;

  constructor(visit: Visit, rules: MoveRules) {
    this.#visit = visit;
    this.#rules = rules;
    this.#search = new TargetSearch(visit, rules.memory, rules.voice);
  }

  /** Each by itself; folders are flushed once for all. */
  moveAll(
    moves: readonly { readonly move: Move; readonly to: Destination }[],
  ): readonly MoveOutcome[] {
    const begun = moves.map(({ move, to }) => this.#attempt(move, () => this.#place(move, to)));
    this.#visit.flush();
    const outcomes = begun.map((found) => {
      return "outcome" in found ? found : this.#attempt(found.move, () => this.#finish(found));
    });
    this.#visit.flush();
    return outcomes;
  }

  /** Deletes what is committed. */
  deleteAll(moves: readonly Move[]): readonly MoveOutcome[] {
    const outcomes = moves.map((move) =>
      this.#attempt(move, () =>
        this.#finish({ move, targets: [], sources: this.#sourcesOf(move) }),
      ),
    );
    this.#visit.flush();
    return outcomes;
  }

  #attempt<T>(move: Move, act: () => T): T | Extract<MoveOutcome, { outcome: "failed" }> {
    this.#rules.voice.touched();
    try {
      return act();
    } catch (error) {
      return { claim: move.claim, outcome: "failed", ...stepFaultOf(error) };
    }
  }

  #finish({ move, targets, sources }: Placed): MoveOutcome {
    for (const source of sources) removeSource(this.#visit, source);
    return { claim: move.claim, outcome: "moved", targets: targets.map(fileNameOf) };
  }

  #sourcesOf(move: Move): readonly Source[] {
    return partsOf(move.claim, move.files).map((part) => sourceOf(this.#visit, part, this.#rules));
  }

  #place(move: Move, to: Destination): Placed | MoveOutcome {
    const sources = this.#sourcesOf(move);
    for (const source of sources) fixMode(source, this.#rules.fileMode);
    if (move.targets.length > 0) return this.#placePlanned(move, to, sources);
    const folder = this.#visit.made(to.role, to.folder, this.#rules.folderMode);
    // Again only if somebody was faster with a name.
    for (let tries = 0; tries < 10; tries++) {
      const layout = this.#search.find(move, to.reason, sources, folder, to.folder);
      if (layout === "vanished") return { claim: move.claim, outcome: "vanished" };
      if (layout === "none") break;
      const isAllThere = sources.every(({ place }) => place === undefined);
      if (!this.#rules.memory.canLink && !isAllThere) return this.#planned(move, to, layout);
      const result = this.#placeByLinks(move, to.reason, sources, folder, layout);
      if (result === "refused") this.#rules.memory.canLink = false;
      if (result === "done") {
        this.#search.remember(move, to.folder);
        return {
          move,
          sources,
          targets: layout.names.map((name) => (name === "" ? "" : joined(to.folder, name))),
        };
      }
    }
    throw folderFault(to.role, "link", { code: "EEXIST" });
  }

  #planned(move: Move, to: Destination, { names }: Layout): MoveOutcome {
    const targets = names.map((name) => fileNameOf(name === "" ? "" : joined(to.folder, name)));
    return { claim: move.claim, outcome: "planned", targets };
  }

  #placeByLinks(
    move: Move,
    reason: Reason | undefined,
    sources: readonly Source[],
    folder: Folder,
    layout: Layout,
  ): "done" | "exists" | "refused" {
    const made: ByteName[] = [];
    const undo = <T>(result: T): T => {
      for (const name of made) folder.remove(name);
      return result;
    };
    this.#visit.changed(folder);
    try {
      for (const [index, source] of sources.entries()) {
        const name = layout.names[index] ?? "";
        if (source.place === undefined || layout.isThere[index] === true) continue;
        const linked = this.#link(source, folder, name);
        if (linked !== "done") return undo(linked);
        made.push(name);
      }
      if (reason !== undefined && !layout.isReasonThere) {
        const name = reasonName(layout.names[0] ?? "");
        if (!writeReason(folder, name, move, reason, this.#rules.fileMode)) return undo("exists");
      }
    } catch (error) {
      throw undo(error);
    }
    this.#removeTemporaries(sources, folder, layout);
    return "done";
  }

  #link(source: Source, folder: Folder, name: ByteName): "done" | "exists" | "refused" {
    if (source.place === undefined) return "done";
    const linked = source.place.folder.link(source.place.name, folder, name);
    if (linked !== "otherFileSystem") return linked;
    const temporary = this.#copy(source, folder);
    const named = folder.link(temporary, folder, name);
    folder.remove(temporary);
    return named === "otherFileSystem" ? "refused" : named;
  }

  /** Of an earlier try, that had given a file its name just before the process ended. */
  #removeTemporaries(
    sources: readonly Source[],
    folder: Folder,
    { isThere, isReasonThere }: Layout,
  ): void {
    for (const [index, { part }] of sources.entries()) {
      if (isThere[index] === true) folder.remove(temporaryName(part));
      if (isReasonThere && index === 0) folder.remove(reasonTemporary(part.claim));
    }
  }

  /** @returns the temporary name that it is under */
  #copy({ part, place }: Source, folder: Folder): ByteName {
    const temporary = temporaryName(part);
    if (place !== undefined) copyFile(place, folder, temporary, this.#rules);
    return temporary;
  }

  /** Where an empty file keeps the name: the row has it, so that one of an earlier try is known as ours. */
  #placePlanned(move: Move, to: Destination, sources: readonly Source[]): Placed | MoveOutcome {
    const targets = move.targets.map(byteNameOf);
    if (!targets.every((target) => target === "" || isBelow(target))) {
      throw folderFault(to.role, "name", { code: "EINVAL" });
    }
    const inFolder = parentOf(targets[0] ?? "");
    const folder = this.#visit.made(to.role, inFolder, this.#rules.folderMode);
    const names = targets.map(baseOf);
    const state = this.#search.look(move, to.reason, sources, folder, names);
    if (state === "foreign" || !this.#reserve(sources, folder, names, state.isThere)) {
      return this.#placeAnew(move, to, sources);
    }
    const [data] = sources;
    if (data?.place === undefined && state.isThere[0] !== true) {
      this.#unreserve(sources, folder, names);
      return { claim: move.claim, outcome: "vanished" };
    }
    this.#visit.changed(folder);
    const left = sources.map((source, index) => {
      const isThere = state.isThere[index] === true;
      return isThere || source.place === undefined
        ? source
        : this.#replace(source, folder, names[index] ?? "");
    });
    if (to.reason !== undefined && !state.isReasonThere) {
      const name = reasonName(names[0] ?? "");
      if (isEmpty(folder.look(name))) folder.remove(name);
      if (!writeReason(folder, name, move, to.reason, this.#rules.fileMode)) {
        throw folderFault(to.role, "reason", { code: "EEXIST" });
      }
    }
    this.#removeTemporaries(sources, folder, state);
    return { move, targets, sources: left };
  }

  /** A planned name was taken by somebody else meanwhile. */
  #placeAnew(move: Move, to: Destination, sources: readonly Source[]): MoveOutcome {
    const folder = this.#visit.made(to.role, to.folder, this.#rules.folderMode);
    const layout = this.#search.find(
      { ...move, targets: [] },
      to.reason,
      sources,
      folder,
      to.folder,
    );
    if (layout === "vanished") return { claim: move.claim, outcome: "vanished" };
    if (layout === "none") throw folderFault(to.role, "create", { code: "EEXIST" });
    return this.#planned(move, to, layout);
  }

  /** @returns whether every name is ours now; if not, none is kept that is new */
  #reserve(
    sources: readonly Source[],
    folder: Folder,
    names: readonly ByteName[],
    isThere: readonly boolean[],
  ): boolean {
    const made: ByteName[] = [];
    for (const [index, { place }] of sources.entries()) {
      const name = names[index] ?? "";
      if (place === undefined || isThere[index] === true || name === "") continue;
      const there = folder.look(name);
      if (isEmpty(there)) continue;
      const empty = there === undefined ? folder.create(name, this.#rules.fileMode) : undefined;
      if (empty === undefined) {
        for (const other of made) folder.remove(other);
        return false;
      }
      closeSync(empty);
      made.push(name);
    }
    return true;
  }

  /** The file vanished after its name was kept. */
  #unreserve(sources: readonly Source[], folder: Folder, names: readonly ByteName[]): void {
    for (const [index, { place }] of sources.entries()) {
      const name = names[index] ?? "";
      const there = place === undefined && name !== "" ? folder.look(name) : undefined;
      if (isEmpty(there)) folder.remove(name);
    }
  }

  /** Over its empty file. @returns what is left to delete */
  #replace(source: Source, folder: Folder, name: ByteName): Source {
    const { part, place } = source;
    if (place === undefined) return source;
    const renamed = place.folder.rename(place.name, folder, name);
    if (renamed === "otherFileSystem") {
      folder.rename(this.#copy(source, folder), folder, name);
      return source;
    }
    this.#visit.changed(place.folder);
    tidyWork(this.#visit, part, place);
    return { part, place: undefined, status: undefined };
  }
}

const temporaryName = ({ claim, index }: Part): ByteName => `${OWN_PREFIX}${claim}.${index}.tmp`;
