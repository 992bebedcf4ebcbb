/** Which names in the archive or error folder are free for a file, or ours already from an earlier try. @module */
import type { BigIntStats } from "node:fs";
import { FOLDER_NAMES_MAX_COUNT } from "../limits.ts";
import type { WorkerVoice } from "./conversation.ts";
import { hashOf } from "./copying.ts";
import { fileStateOf, isEmpty } from "./file-state.ts";
import type { Folder } from "./folder.ts";
import type { FileState, Move, Reason } from "./messages.ts";
import type { Source } from "./move-sources.ts";
import { type ByteName, byteNameOf } from "./names.ts";
import { isReasonOf, REASON_END, reasonName } from "./reason-file.ts";
import type { Visit } from "./roots.ts";
import { collisionMark, targetNames } from "./target-names.ts";

/** In the order of the files; `""` for one that has vanished. */
export interface Layout {
  readonly names: readonly ByteName[];
  readonly isThere: readonly boolean[];
  readonly isReasonThere: boolean;
}

/** Of one worker. */
export interface MoveMemory {
  /** Found when the folder was opened; turned off once the system refuses one. */
  canLink: boolean;
  /** By `keyOf`: which collision mark was free last. So that 10,000 files of one name cost one look each. */
  readonly nextMark: Map<string, number>;
}

const REMEMBERED_MAX_COUNT = 1_000;
/** Nothing of ours under so many names in a row: there is nothing. */
const FREE_IN_A_ROW = 3;
/** FAT keeps every second second; a copy's time is set by a number with microseconds at best. */
const SAME_TIME_NS = 2_000_000_000n;

export class TargetSearch {
  readonly #visit: Visit;
  readonly #memory: MoveMemory;
  readonly #voice: WorkerVoice;
  #lastIndex = 0;

  constructor(visit: Visit, memory: MoveMemory, voice: WorkerVoice) {
    this.#visit = visit;
    this.#memory = memory;
    this.#voice = voice;
  }

  /** @returns `vanished`: the data is neither here nor there; `none`: no name is free */
  find(
    move: Move,
    reason: Reason | undefined,
    sources: readonly Source[],
    folder: Folder,
    path: ByteName,
  ): Layout | "vanished" | "none" {
    const isWhole = sources.every(({ status }) => status?.nlink === 1n);
    const first = isWhole ? (this.#memory.nextMark.get(keyOf(move, path)) ?? 0) : 0;
    const hash = hashOfMove(move);
    let freeCount = 0;
    for (let index = first; index < FOLDER_NAMES_MAX_COUNT; index++) {
      const mark = collisionMark(move.atMs, hash, index) + (move.duplicate ? ".dup" : "");
      const spareBytes = reason === undefined ? 0 : REASON_END.length;
      const names = targetNames(
        sources.map(({ part }) => ({ part: part.file.part, name: part.name })),
        mark,
        spareBytes,
      );
      const layout = this.look(move, reason, sources, folder, names);
      if (layout === "foreign") continue;
      const [data] = sources;
      if (data?.place !== undefined || layout.isThere[0] === true) {
        const isKnown = (at: number): boolean =>
          sources[at]?.place !== undefined || layout.isThere[at] === true;
        this.#lastIndex = index;
        return { ...layout, names: names.map((name, at) => (isKnown(at) ? name : "")) };
      }
      freeCount += 1;
      if (freeCount >= FREE_IN_A_ROW) return "vanished";
    }
    return "none";
  }

  /** The next file of this name need not try the marks before. */
  remember(move: Move, path: ByteName): void {
    if (this.#lastIndex === 0) return;
    if (this.#memory.nextMark.size >= REMEMBERED_MAX_COUNT) this.#memory.nextMark.clear();
    this.#memory.nextMark.set(keyOf(move, path), this.#lastIndex + 1);
  }

  /** What is under these names; the empty file of a planned name counts as nothing. @returns `foreign` if one of them is another file's */
  look(
    move: Move,
    reason: Reason | undefined,
    sources: readonly Source[],
    folder: Folder,
    names: readonly ByteName[],
  ): Layout | "foreign" {
    const isThere: boolean[] = [];
    for (const [index, source] of sources.entries()) {
      const name = names[index] ?? "";
      const status = name === "" ? undefined : folder.look(name);
      const isReserved = isPlanned(move) && isEmpty(status);
      if (status === undefined) isThere.push(false);
      else if (this.#isOurs(move, source, index, folder, name, status)) isThere.push(true);
      else if (isReserved) isThere.push(false);
      else return "foreign";
    }
    if (reason === undefined) return { names, isThere, isReasonThere: false };
    const name = reasonName(names[0] ?? "");
    const status = folder.look(name);
    const isReserved = isPlanned(move) && isEmpty(status);
    if (status === undefined || isReserved) return { names, isThere, isReasonThere: false };
    const isOurs = isReasonOf(folder, name, move.claim, reason.code);
    return isOurs ? { names, isThere, isReasonThere: true } : "foreign";
  }

  #isOurs(
    move: Move,
    source: Source,
    index: number,
    folder: Folder,
    name: ByteName,
    there: BigIntStats,
  ): boolean {
    if (!there.isFile()) return false;
    const { part, status } = source;
    const found = fileStateOf(there);
    if (status !== undefined) {
      if (status.ino === there.ino && status.dev === there.dev) return true;
      // A second name cannot be a copy on the same file system.
      if (status.dev === there.dev) return false;
      return (
        isCopy(found, fileStateOf(status)) &&
        this.#hashOf(source) === hashOf(folder, name, { voice: this.#voice })
      );
    }
    const isOnDisk = there.dev === this.#visit.root("work").status().dev;
    if (isOnDisk && found.inode === part.file.inode) return true;
    if (found.size !== part.file.size) return false;
    const sha256 = index === 0 ? move.sha256 : undefined;
    if (sha256 === undefined) return isCopy(found, part.file);
    return hashOf(folder, name, { voice: this.#voice }) === Buffer.from(sha256).toString("hex");
  }

  #hashOf({ place }: Source): string | undefined {
    return place === undefined
      ? undefined
      : hashOf(place.folder, place.name, { voice: this.#voice });
  }
}

const hashOfMove = ({ sha256, claim }: Move): string =>
  sha256 === undefined ? claim : Buffer.from(sha256).toString("hex");

/**
 * All that a collision mark is made of: of a key no mark is left out that is free, so that a name that was taken
 * before the process ended is found again by trying all from the first.
 */
function keyOf(move: Move, path: ByteName): string {
  const name = byteNameOf(move.files[0]?.name ?? new Uint8Array());
  return `${path}/${name}/${move.duplicate}/${collisionMark(move.atMs, hashOfMove(move), 1)}`;
}

function isCopy(found: FileState, of: FileState): boolean {
  const apart = found.modifiedNs - of.modifiedNs;
  return found.size === of.size && apart <= SAME_TIME_NS && apart >= -SAME_TIME_NS;
}

const isPlanned = ({ targets }: Move): boolean => targets.length > 0;
