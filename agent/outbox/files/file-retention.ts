/**
 * Rows of dropped files go when nothing can ask for them any more: neither a file of the same content (04 P26),
 * nor a rename that the disk has forgotten, nor the original, which stays while something of it is unsettled or in
 * quarantine (P30). Of a file that was set aside the row is the lasting report (P31), and goes later. Rows of
 * files that are not moved, or are left where they were, stay.
 *
 * @module
 */
import type { Clock } from "../../host/clock.ts";
import { FILE_ASIDE_KEEP_MS, FILE_ROW_KEEP_MS, FILE_STEP_ROWS } from "../../limits.ts";
import type { Chore } from "../writing/chores.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import { isSettled } from "./file-settled.ts";

/** Rows are a day too old, or not. */
const LOOK_MS = 600_000;

export interface FileRetentionOptions {
  readonly store: GroupCommit;
  readonly clock: Pick<Clock, "nowMs">;
  /** The longest time for which the same content is recognised, of all channels. */
  readonly windowMs?: () => number;
}

type EndedRow = [
  ...[movedAtMs: bigint, id: bigint, waitEpoch: bigint | null, waitSeq: bigint | null],
  ...[isAside: bigint, leftBehind: bigint],
];

/** Where a pass over the rows has come to. */
interface Place {
  readonly channel: number;
  readonly after: readonly [movedAtMs: number, id: number];
}

const START = [Number.MIN_SAFE_INTEGER, 0] as const;

export class FileRetention implements Chore {
  readonly name = "fileRows";
  readonly #options: FileRetentionOptions;
  /** `undefined`: a new pass begins. */
  #at: Place | undefined;

  constructor(options: FileRetentionOptions) {
    this.#options = options;
  }

  /** Looks at some rows: those that have to stay are passed once in each pass. */
  step(): number {
    const at = this.#at ?? this.#next(0);
    if (at === undefined) return LOOK_MS;
    const { store, clock, windowMs } = this.#options;
    const { prepared } = store;
    const beforeMs = clock.nowMs() - Math.max(FILE_ROW_KEEP_MS, windowMs?.() ?? 0);
    const page = prepared.fileEnded.all(at.channel, beforeMs, ...at.after, FILE_STEP_ROWS);
    const rows = page as EndedRow[];
    const going = rows.filter((row) => this.#mayGo(at.channel, row));
    if (going.length > 0) {
      store.inTransaction(() => {
        for (const [, id] of going) {
          prepared.filePrune.run(id);
          prepared.fileStepForget.run(id);
        }
      });
    }
    const last = rows.at(-1);
    const isWhole = last === undefined || rows.length < FILE_STEP_ROWS;
    this.#at = isWhole
      ? this.#next(at.channel)
      : { channel: at.channel, after: [Number(last[0]), Number(last[1])] };
    return this.#at === undefined ? LOOK_MS : 0;
  }

  #mayGo(channel: number, [movedAtMs, id, epoch, seq, isAside, leftBehind]: EndedRow): boolean {
    const { store, clock } = this.#options;
    if (leftBehind === 1n) return false;
    if (isAside === 1n && Number(movedAtMs) > clock.nowMs() - FILE_ASIDE_KEEP_MS) return false;
    // Also of one that was set aside: some of it may have been stored before.
    if (epoch !== null && seq !== null && !isSettled(store, channel, { epoch, seq })) return false;
    return store.prepared.fileBlockOf.get(id) === undefined;
  }

  /** The channel behind one, from its first row. */
  #next(channel: number): Place | undefined {
    const channels = [...this.#options.store.tails.keys()].filter((one) => one > channel);
    return channels.length === 0 ? undefined : { channel: Math.min(...channels), after: START };
  }
}
