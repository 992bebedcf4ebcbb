/** When the ballast is given up, and when it is made again (05 S13). @module */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../host/clock.ts";
import type { Chore } from "../writing/chores.ts";
import { Ballast } from "./ballast.ts";

/** A step writes a MiB and flushes it: between them commits have the disk for themselves. */
const IDLE_GAP_MS = 20;
const BUSY_GAP_MS = 200;
const LOOK_MS = 1_000;
/** After a disk that had no room for it, or none for a commit. */
const RETRY_MS = 60_000;

export interface BallastKeeperOptions {
  /** Of the store. */
  readonly folder: string;
  /** 0: none is kept. */
  readonly bytes: number;
  readonly clock: Pick<Clock, "monotonicMs">;
}

export class BallastKeeper implements Chore {
  readonly name = "ballast";
  readonly #options: BallastKeeperOptions;
  readonly #ballast: Ballast;
  /** `undefined`: nobody has looked at the disk yet, and none is made. */
  #diskLow: boolean | undefined;
  #notBeforeMs = 0;

  constructor(options: BallastKeeperOptions) {
    this.#options = options;
    this.#ballast = new Ballast(options);
  }

  get held(): boolean {
    return this.#options.bytes > 0 && this.#ballast.held;
  }

  get isDiskLow(): boolean {
    return this.#diskLow === true;
  }

  /** What the watch of free space says. @throws {AgentError} as `Ballast.release` */
  diskIs(low: boolean): void {
    this.#diskLow = low;
    if (low) this.#ballast.release();
    // There is room for it, and as much besides.
    else this.#notBeforeMs = 0;
  }

  /** A commit found no room on the disk. @returns whether there is room now @throws {AgentError} as `Ballast.release` */
  release(): boolean {
    this.#notBeforeMs = this.#options.clock.monotonicMs() + RETRY_MS;
    return this.#ballast.release();
  }

  step(busy: boolean): number {
    const { bytes, folder, clock } = this.#options;
    if (bytes === 0) return Number.POSITIVE_INFINITY;
    if (this.#diskLow !== false || clock.monotonicMs() < this.#notBeforeMs) return LOOK_MS;
    if (this.#ballast.held || this.#ballast.step()) return LOOK_MS;
    // It deletes what it began where there is no room for all of it.
    if (!existsSync(join(folder, "ballast"))) return RETRY_MS;
    return busy ? BUSY_GAP_MS : IDLE_GAP_MS;
  }
}
