/** A claimed file that had changed goes back to P7, in `work/` (04 P23). @module */
import type { Clock } from "../host/clock.ts";
import { fileStateOf, isPlainFile, isSameState } from "./file-state.ts";
import type { ClaimedFiles, DroppedFile, FileState, PickupMethods } from "./messages.ts";
import { type Part, partsOf, placeOf } from "./placement.ts";
import type { Visit } from "./roots.ts";

const STABLE_LOOKS = 2;
/** More than are worked on at a time; beyond it the oldest begins anew. */
const REMEMBERED_MAX_COUNT = 10_000;

interface Watched {
  states: readonly FileState[];
  changedMs: number;
  count: number;
}

export class Settling {
  readonly #clock: Clock;
  readonly #stableForMs: number;
  readonly #rejectHardLinks: boolean;
  readonly #watched = new Map<string, Watched>();

  constructor(clock: Clock, stableForMs: number, rejectHardLinks: boolean) {
    this.#clock = clock;
    this.#stableForMs = stableForMs;
    this.#rejectHardLinks = rejectHardLinks;
  }

  /** @returns the files as they are now; nothing if one has gone, or is no file any more */
  settled(visit: Visit, { claim, files }: ClaimedFiles): PickupMethods["settled"]["answer"] {
    const found = partsOf(claim, files).map((part) => this.#fileOf(visit, part));
    const now = found.filter((file) => file !== undefined);
    if (now.length < found.length) {
      this.#watched.delete(claim);
      return undefined;
    }
    const nowMs = this.#clock.monotonicMs();
    const before = this.#watched.get(claim);
    const isSame = before?.states.every((state, index) => {
      const file = now[index];
      return file !== undefined && isSameState(state, file);
    });
    const watched =
      before !== undefined && isSame === true
        ? { ...before, count: before.count + 1 }
        : { states: now, changedMs: nowMs, count: 1 };
    const stable = watched.count >= STABLE_LOOKS && nowMs - watched.changedMs >= this.#stableForMs;
    this.#remember(claim, stable ? undefined : watched);
    return { files: now, stable };
  }

  #fileOf(visit: Visit, part: Part): DroppedFile | undefined {
    const place = placeOf(visit, part);
    const status = place?.folder.look(place.name);
    if (status === undefined || !isPlainFile(status, this.#rejectHardLinks)) return undefined;
    return { part: part.file.part, name: part.file.name, ...fileStateOf(status) };
  }

  #remember(claim: string, watched: Watched | undefined): void {
    this.#watched.delete(claim);
    if (watched === undefined) return;
    const [oldest] = this.#watched.keys();
    if (this.#watched.size >= REMEMBERED_MAX_COUNT && oldest !== undefined) {
      this.#watched.delete(oldest);
    }
    this.#watched.set(claim, watched);
  }
}
