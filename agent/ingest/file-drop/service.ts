/**
 * A folder while its worker serves it: poll, claim, take, move, look back, in one loop (04 section 1).
 *
 * One thing at a time, so that order and counts are those of a single reader. Ends only by a fault of the worker,
 * or because the agent stops.
 *
 * @module
 */
import type { Candidate, ClaimOutcome, PollResult } from "../../folders/messages.ts";
import { FILE_GROUP_MAX_COUNT } from "../../limits.ts";
import type { Claimed, NewClaim } from "./claims.ts";
import { type FileInWork, NOT_TRIED } from "./in-work.ts";
import { LookBacks } from "./look-backs.ts";
import { Moves } from "./moves.ts";
import type { ServedParts } from "./parts.ts";
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

const CLAIM_BYTES = 8;
/** After the store refused, it is asked again so often, should nobody say that it may be. */
const BLOCKED_LOOK_MS = 1_000;

export class Service {
  readonly #parts: ServedParts;
  readonly #lookBacks: LookBacks;
  readonly #retention: Retention;
  readonly #moves: Moves;
  readonly #takes: Takes;
  #pollDueMs = 0;
  #lastPoll: PollResult | undefined;
  #lastPollAtMs: number | undefined;

  constructor(parts: ServedParts) {
    this.#parts = parts;
    this.#lookBacks = new LookBacks(parts);
    this.#retention = new Retention(parts);
    this.#moves = new Moves(parts, (archived) => this.#lookBacks.add(archived));
    this.#takes = new Takes(parts, this.#moves);
  }

  get counts(): FolderCounts {
    const { fileCount = 0, waitingCount = 0 } = this.#lastPoll ?? {};
    return {
      ...{ fileCount, waitingCount, lastPollAtMs: this.#lastPollAtMs },
      inWorkCount: this.#takes.count,
      toMoveCount: this.#moves.count,
    };
  }

  /**
   * Goes on until the agent stops.
   *
   * @param isStart the process has started, not only the worker
   * @throws {AgentError} what the worker, or the store, cannot do
   */
  async run(isStart: boolean): Promise<void> {
    const { stopping, room, clock, hand } = this.#parts;
    const { inWork, toMove } = await recover(this.#parts, isStart);
    this.#takes.add(inWork);
    this.#moves.add(toMove);
    await this.#lookBacks.resume();
    hand.onHint(() => {
      this.#pollDueMs = 0;
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
    return Math.min(this.#pollDueMs, takesMs, ...others);
  }

  async #turn(): Promise<void> {
    const { clock, settings, doorway } = this.#parts;
    if (doorway.isOpen) await this.#takes.run();
    await this.#moves.run();
    if (clock.monotonicMs() >= this.#pollDueMs) {
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
    const found = await hand.call("poll", undefined);
    this.#lastPoll = found;
    this.#lastPollAtMs = clock.nowMs();
    hearTroubles(this.#parts, found);
    await this.#forgetLeft(found.leftGone);
    const { candidates } = found;
    for (let at = 0; at < candidates.length; at += FILE_GROUP_MAX_COUNT) {
      // P4: nothing is claimed that could not be stored; the growing folder is the back-pressure.
      if (!this.#mayClaim) return false;
      await this.#claim(candidates.slice(at, at + FILE_GROUP_MAX_COUNT));
      await this.#takes.run();
      await this.#moves.run();
    }
    return candidates.length >= settings.pickup.maxFilesPerPoll;
  }

  get #mayClaim(): boolean {
    const { doorway, channel, stopping } = this.#parts;
    const mayStore = doorway.isOpen && doorway.room.mayRead(channel, 0);
    return mayStore && this.#takes.mayClaim && !stopping.aborted;
  }

  async #claim(candidates: readonly Candidate[]): Promise<void> {
    const { claims, hand, chance } = this.#parts;
    const fresh = candidates.map(({ files }): NewClaim => {
      const claim = Buffer.from(chance.bytes(CLAIM_BYTES)).toString("hex");
      return { claim, files };
    });
    const rows = await claims.claim(fresh);
    const outcomes = await hand.call(
      "claim",
      candidates.map(({ token }, index) => ({ token, claim: fresh[index]?.claim ?? "" })),
    );
    const notTaken: number[] = [];
    const inWork: FileInWork[] = [];
    for (const [index, candidate] of candidates.entries()) {
      const [row, claim, outcome] = [rows[index], fresh[index], outcomes[index]];
      if (row === undefined || claim === undefined) continue;
      if (isClaimed(outcome)) inWork.push(inWorkFrom(candidate, claim, row));
      else notTaken.push(row.id);
    }
    // Before anything of them is read, so that order is that of the list.
    this.#takes.add(inWork);
    if (notTaken.length > 0) await claims.withdraw(notTaken);
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

const isClaimed = (outcome: ClaimOutcome | undefined): boolean => outcome?.outcome === "claimed";

function inWorkFrom(
  { files, unfit }: Candidate,
  { claim }: NewClaim,
  { id, claimedAtMs, sameAs }: Claimed,
): FileInWork {
  return {
    ...{ id, claim, claimedAtMs, files, sameAs, unfit, suspect: false },
    ...NOT_TRIED,
  };
}
