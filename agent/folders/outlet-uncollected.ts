/**
 * Which of our files still lie in the target folder (04 P58). Names stay in the worker; what was there before the
 * start is known by the pattern of the channel's names.
 *
 * @module
 */
import type { Clock } from "../host/clock.ts";
import { UNCOLLECTED_MAX_COUNT } from "../limits.ts";
import type { Folder } from "./folder.ts";
import type { Uncollected } from "./outlet-messages.ts";

export class UncollectedFiles {
  readonly #clock: Clock;
  readonly #touched: () => void;
  /** Since when, on the monotonic clock. */
  readonly #sinceMs = new Map<string, number>();

  constructor(clock: Clock, touched: () => void) {
    this.#clock = clock;
    this.#touched = touched;
  }

  /** What lies there from before. Ages are those that the file system says. */
  find(target: Folder, ownNames: RegExp): void {
    for (const { name, kind } of target.list()) {
      this.#touched();
      if (this.#sinceMs.size >= UNCOLLECTED_MAX_COUNT) return;
      if (kind !== "file" || !ownNames.test(name)) continue;
      const status = target.look(name);
      if (status === undefined) continue;
      const ageMs = Math.max(0, this.#clock.nowMs() - Number(status.mtimeMs));
      this.#sinceMs.set(name, this.#clock.monotonicMs() - ageMs);
    }
  }

  add(name: string): void {
    if (this.#sinceMs.size >= UNCOLLECTED_MAX_COUNT) return;
    this.#sinceMs.set(name, this.#clock.monotonicMs());
  }

  /** @param forMs how long a file may lie there */
  look(target: Folder, forMs: number): Uncollected {
    const nowMs = this.#clock.monotonicMs();
    // With many names those that are gone make room, due or not.
    const isCrowded = this.#sinceMs.size > UNCOLLECTED_MAX_COUNT / 2;
    let count = 0;
    let oldestMs = 0;
    for (const [name, sinceMs] of this.#sinceMs) {
      const ageMs = nowMs - sinceMs;
      if (ageMs < forMs && !isCrowded) continue;
      this.#touched();
      if (target.look(name) === undefined) {
        this.#sinceMs.delete(name);
      } else if (ageMs >= forMs) {
        count += 1;
        oldestMs = Math.max(oldestMs, ageMs);
      }
    }
    return { count, oldestMs };
  }
}
