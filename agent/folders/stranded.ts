/**
 * Files that could not be put back into the drop folder. Their claims are withdrawn, so that nobody asks for them again
 * before the next start (04 P20): they are tried again here, and said, and keep nobody from the others (P32).
 *
 * @module
 */
import { STRANDED_MAX_COUNT } from "../limits.ts";
import { stepFaultOf } from "./faults.ts";
import type { StepFault } from "./messages.ts";
import { type Part, type Place, placeOf } from "./placement.ts";
import { putBack } from "./put-back.ts";
import type { Visit } from "./roots.ts";

const AGAIN_MS = 60_000;
const TELL_AGAIN_MS = 3_600_000;

type Group = readonly Part[];

export class Stranded {
  readonly #folderMode: number;
  #groups: Group[] = [];
  /** Above what is kept in mind: they wait for the next start. */
  #othersCount = 0;
  #againMs = 0;
  #freshCount = 0;
  #toldMs = 0;
  /** Why one of them could not go back. */
  lastFault: StepFault | undefined;

  constructor(folderMode: number) {
    this.#folderMode = folderMode;
  }

  /**
   * Puts files that belong together back, or keeps them in mind. The caller flushes.
   *
   * @param find where each of them is
   * @returns how many went back
   * @throws {AgentError} what concerns the folders, not these files
   */
  putBack(visit: Visit, parts: Group, find: (part: Part) => Place | undefined): number {
    try {
      const files = parts.flatMap((part) => {
        const place = find(part);
        return place === undefined ? [] : [[part, place] as const];
      });
      putBack(visit, files, this.#folderMode);
      return files.length;
    } catch (error) {
      this.lastFault = stepFaultOf(error);
      this.#note(parts);
      return 0;
    }
  }

  /** Before all that has no row is looked for anew. */
  clear(): void {
    this.#groups = [];
    this.#othersCount = 0;
    this.#freshCount = 0;
  }

  tryAgain(visit: Visit, nowMs: number): void {
    if (this.#groups.length === 0 || nowMs < this.#againMs) return;
    this.#againMs = nowMs + AGAIN_MS;
    const [groups, freshCount] = [this.#groups, this.#freshCount];
    this.#groups = [];
    for (const parts of groups) this.putBack(visit, parts, (part) => placeOf(visit, part));
    // They are known.
    this.#freshCount = freshCount;
    visit.flush();
  }

  /** How many files there are, and how many of them that was not said of within the last hour. */
  told(nowMs: number): { readonly count: number; readonly fresh: number } {
    const count = this.#groups.reduce((sum, { length }) => sum + length, this.#othersCount);
    const isOld = nowMs - this.#toldMs >= TELL_AGAIN_MS;
    const fresh = Math.min(count, isOld ? count : this.#freshCount);
    if (fresh > 0) this.#toldMs = nowMs;
    this.#freshCount = 0;
    return { count, fresh };
  }

  #note(parts: Group): void {
    this.#freshCount += parts.length;
    if (this.#groups.length < STRANDED_MAX_COUNT) this.#groups.push(parts);
    else this.#othersCount += parts.length;
  }
}
