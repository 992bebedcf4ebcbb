/**
 * Three groups of files are under way at a time: one is claimed while the one before it is read and committed, and
 * the one before that is moved (04 P17, P24, P25). The worker's calls and the store's commits would else
 * wait for each other by turns.
 *
 * Each file still takes its steps one after another, each durable before the next, and groups are committed in
 * order, one after another. A stop finds files further apart than it would otherwise; where each is, its row says.
 *
 * @module
 */
import type { Candidate, ClaimOutcome } from "../../folders/messages.ts";
import { FILE_GROUP_MAX_BYTES, FILE_GROUP_MAX_COUNT } from "../../limits.ts";
import { beside } from "./beside.ts";
import type { Claimed, NewClaim } from "./claims.ts";
import { type FileInWork, NOT_TRIED } from "./in-work.ts";
import type { Moves } from "./moves.ts";
import type { ServedParts } from "./parts.ts";
import type { Takes } from "./takes.ts";

const CLAIM_BYTES = 8;

type Group = readonly Candidate[];

export class Pipeline {
  readonly #parts: ServedParts;
  readonly #takes: Takes;
  readonly #moves: Moves;

  constructor(parts: ServedParts, takes: Takes, moves: Moves) {
    this.#parts = parts;
    this.#takes = takes;
    this.#moves = moves;
  }

  /**
   * Takes what a listing found, and what `more` of it there is, as far as the store has room.
   *
   * @param untilMs monotonic: then the listing is too old
   * @throws {AgentError} what the worker, or the store, cannot do; nothing goes on in the background then
   */
  async run(found: readonly Candidate[], untilMs: number): Promise<void> {
    const groups = this.#groups(found, untilMs);
    const { settings, stopping } = this.#parts;
    const isAhead = !settings.pickup.strictOrder;
    let claiming = beside(this.#claimNext(groups));
    let moving = beside(Promise.resolve());
    try {
      for (;;) {
        const inWork = await claiming;
        if (inWork === undefined) break;
        this.#takes.add(inWork);
        if (!this.#takes.mayTake || stopping.aborted) break;
        if (isAhead) claiming = beside(this.#claimNext(groups));
        await this.#takes.run();
        await moving;
        moving = beside(this.#moves.run());
        if (!isAhead) claiming = beside(this.#claimNext(groups));
      }
      await moving;
    } finally {
      await Promise.allSettled([claiming, moving]);
    }
  }

  async *#groups(found: readonly Candidate[], untilMs: number): AsyncGenerator<Group, undefined> {
    const { hand, clock, settings } = this.#parts;
    let candidates = found;
    for (;;) {
      yield* groupsOf(candidates, this.#parts.groupMaxCount ?? FILE_GROUP_MAX_COUNT);
      const isLast = candidates.length < settings.pickup.maxFilesPerPoll;
      if (isLast || clock.monotonicMs() >= untilMs) return undefined;
      candidates = await hand.call("more", undefined);
    }
  }

  /** @returns `undefined` where nothing more is claimed */
  async #claimNext(
    groups: AsyncGenerator<Group, undefined>,
  ): Promise<readonly FileInWork[] | undefined> {
    // P4: nothing is claimed that could not be stored; the growing folder is the back-pressure.
    if (!this.mayClaim) return undefined;
    const { value } = await groups.next();
    return value === undefined ? undefined : await this.#claim(value);
  }

  /** Whether the store takes what would be claimed now. */
  get mayClaim(): boolean {
    const { doorway, channel, stopping } = this.#parts;
    const mayStore = doorway.isOpen && doorway.room.mayRead(channel, 0);
    return mayStore && this.#takes.mayClaim && !stopping.aborted;
  }

  /** @returns those that are in `work/` now, in the order of the list */
  async #claim(candidates: Group): Promise<readonly FileInWork[]> {
    const { claims, hand, chance } = this.#parts;
    const fresh = candidates.map(({ files, unfit }): NewClaim => {
      const claim = Buffer.from(chance.bytes(CLAIM_BYTES)).toString("hex");
      return { claim, files, unfit };
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
    if (notTaken.length > 0) await claims.withdraw(notTaken);
    return inWork;
  }
}

/** In order; no more bytes together than a commit, so that a few large files are not claimed long before their turn. */
function* groupsOf(candidates: readonly Candidate[], maxCount: number): Generator<Group> {
  let group: Candidate[] = [];
  let bytes = 0;
  for (const candidate of candidates) {
    const more = bytesOf(candidate);
    if (group.length >= maxCount || (group.length > 0 && bytes + more > FILE_GROUP_MAX_BYTES)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(candidate);
    bytes += more;
  }
  if (group.length > 0) yield group;
}

/** To be read. */
function bytesOf({ files, unfit }: Candidate): number {
  return unfit === undefined ? files.reduce((sum, { size }) => sum + size, 0) : 0;
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
