/**
 * A folder while its worker serves it: poll, take what was found, look back, in one loop (04 section 1). Ends only
 * by a fault of the worker, or because the agent stops.
 *
 * @module
 */
import type { PollResult } from "../../folders/messages.ts";
import { LookBacks } from "./look-backs.ts";
import { Moves } from "./moves.ts";
import type { ServedParts } from "./parts.ts";
import { Pipeline } from "./pipeline.ts";
import { recover } from "./recovery.ts";
import { Retention } from "./retention.ts";
import { Takes } from "./takes.ts";
import { hearTroubles } from "./troubles.ts";

/** What `status` shows of a folder. */
export interface FolderCounts {
  /** In the drop folder, as of the last poll. */
  readonly fileCount: number;
  readonly waitingCount: number;
  /** Claimed and not decided; decided and not moved. */
  readonly inWorkCount: number;
  readonly toMoveCount: number;
  readonly lastPollAtMs: number | undefined;
}

/** After the store refused, it is asked again so often, should nobody say that it may be. */
const BLOCKED_LOOK_MS = 1_000;
/** After a listing hints are not heeded for so many times as long as it took: they cost a tenth of a processor at most. */
const HINT_REST = 9;

export class Service {
  readonly #parts: ServedParts;
  readonly #onServed: () => void;
  readonly #lookBacks: LookBacks;
  readonly #retention: Retention;
  readonly #moves: Moves;
  readonly #takes: Takes;
  readonly #pipeline: Pipeline;
  /** Monotonic, as both here. */
  #pollDueMs = 0;
  /** When a hint makes it due. */
  #hintedPollMs = 0;
  #isHinted = false;
  #lastPoll: PollResult | undefined;
  #lastPollAtMs: number | undefined;

  /** @param onServed called when the folder was listed: what was in work before has been looked at by then */
  constructor(parts: ServedParts, onServed: () => void) {
    this.#parts = parts;
    this.#onServed = onServed;
    this.#lookBacks = new LookBacks(parts);
    this.#retention = new Retention(parts);
    this.#moves = new Moves(parts, (archived) => this.#lookBacks.add(archived));
    this.#takes = new Takes(parts, this.#moves);
    this.#pipeline = new Pipeline(parts, this.#takes, this.#moves);
  }

  get counts(): FolderCounts {
    const { fileCount = 0, waitingCount = 0 } = this.#lastPoll ?? {};
    return {
      ...{ fileCount, waitingCount, lastPollAtMs: this.#lastPollAtMs },
      inWorkCount: this.#takes.count,
      toMoveCount: this.#moves.count,
    };
  }

  /** Claims that the worker reads now. */
  get reading(): readonly string[] {
    return this.#takes.reading;
  }

  /**
   * Goes on until the agent stops.
   *
   * @param isSuspect of a claim: it was in hand when the process, or the worker, ended
   * @throws {AgentError} what the worker, or the store, cannot do
   */
  async run(isSuspect: (claim: string) => boolean): Promise<void> {
    const { stopping, room, clock, hand } = this.#parts;
    const { inWork, toMove } = await recover(this.#parts, isSuspect);
    this.#takes.add(inWork);
    this.#moves.add(toMove);
    await this.#lookBacks.resume();
    using _hints = hand.onHint(() => {
      this.#isHinted = true;
      room.now();
    });
    while (!stopping.aborted) {
      await this.#turn();
      const delayMs = this.#dueMs - clock.monotonicMs();
      if (delayMs > 0 && !stopping.aborted) await room.wait(delayMs);
    }
  }

  get #dueMs(): number {
    const { clock, doorway } = this.#parts;
    const nowMs = clock.monotonicMs();
    // Files that the store refused wait for it, not for a time.
    const takesMs =
      doorway.isOpen && this.#takes.mayClaim ? this.#takes.dueMs : nowMs + BLOCKED_LOOK_MS;
    const others = [this.#moves.dueMs, this.#lookBacks.dueMs, this.#retention.dueMs];
    return Math.min(this.#nextPollMs, takesMs, ...others);
  }

  get #nextPollMs(): number {
    return this.#isHinted ? Math.min(this.#pollDueMs, this.#hintedPollMs) : this.#pollDueMs;
  }

  async #turn(): Promise<void> {
    const { clock, settings, doorway } = this.#parts;
    if (doorway.isOpen) await this.#takes.run();
    await this.#moves.run();
    if (clock.monotonicMs() >= this.#nextPollMs) {
      this.#isHinted = false;
      this.#pollDueMs = clock.monotonicMs() + settings.pollMs;
      const hasMore = await this.#poll();
      if (hasMore) this.#pollDueMs = 0;
    }
    await this.#lookBacks.run();
    await this.#retention.run();
  }

  /** @returns whether the folder held more than one poll hands out */
  async #poll(): Promise<boolean> {
    const { hand, clock, settings } = this.#parts;
    const beganMs = clock.monotonicMs();
    const found = await hand.call("poll", undefined);
    const endedMs = clock.monotonicMs();
    this.#onServed();
    this.#hintedPollMs = endedMs + HINT_REST * (endedMs - beganMs);
    this.#lastPoll = found;
    this.#lastPollAtMs = clock.nowMs();
    hearTroubles(this.#parts, found);
    await this.#forgetLeft(found.leftGone);
    const { candidates } = found;
    await this.#pipeline.run(candidates, beganMs + settings.pollMs);
    return candidates.length >= settings.pickup.maxFilesPerPoll && this.#pipeline.mayClaim;
  }

  /** P19: a row of a file that is gone, or is another one now, is not needed any more. */
  async #forgetLeft(gone: readonly string[]): Promise<void> {
    if (gone.length === 0) return;
    const { claims } = this.#parts;
    const names = new Set(gone);
    const rows = (await claims.left()).filter(({ claim }) => names.has(claim));
    await claims.forget(rows.map(({ id }) => id));
  }
}
