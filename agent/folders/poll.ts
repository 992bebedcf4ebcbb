/** One poll: list, judge, choose, in order (04 P12 to P15). @module */
import type { Clock } from "../host/clock.ts";
import { FOLDER_AHEAD_MAX_COUNT } from "../limits.ts";
import { endsOf } from "./content-gate.ts";
import type { WorkerVoice } from "./conversation.ts";
import { FAILURE } from "./entry-table.ts";
import { stepFaultOf } from "./faults.ts";
import { Gatekeeper } from "./gatekeeper.ts";
import { type Complete, Judge } from "./judge.ts";
import type { LeftFiles } from "./left-files.ts";
import { type ListingRules, listing } from "./listing.ts";
import type { Candidate, PickupSettings, PollResult, StepFault } from "./messages.ts";
import { baseOf, byteNameOf, parentOf } from "./names.ts";
import { compareFor, FirstOf, type Ordered } from "./order.ts";
import type { Patterns } from "./patterns.ts";
import type { Visit } from "./roots.ts";
import { openSafely } from "./safe-open.ts";
import type { Stranded } from "./stranded.ts";
import type { Tracker } from "./tracker.ts";
import { TroubleCount } from "./trouble-count.ts";

const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 300_000;

export interface PollParts {
  readonly settings: PickupSettings;
  readonly stableForMs: number;
  readonly patterns: Patterns;
  readonly tracker: Tracker;
  readonly left: LeftFiles;
  readonly stranded: Stranded;
  readonly listing: ListingRules;
  readonly clock: Clock;
  readonly voice: WorkerVoice;
}

export class Poll {
  readonly #parts: PollParts;
  readonly #judge: Judge;
  readonly #gate: Gatekeeper;
  readonly #candidates = new Map<number, Candidate>();
  /** Of the last listing, in order: complete, and not handed out yet. */
  #ahead: readonly Complete[] = [];
  #nextToken = 1;

  constructor(parts: PollParts) {
    this.#parts = parts;
    const { settings, stableForMs, tracker, patterns } = parts;
    this.#judge = new Judge({ ...settings, stableForMs }, tracker, patterns);
    this.#gate = new Gatekeeper(settings, tracker.table);
  }

  poll(visit: Visit): PollResult {
    const { tracker, left, stranded, clock, settings } = this.#parts;
    const nowMs = clock.monotonicMs();
    const isWhole = this.#list(visit, nowMs);
    const troubles = new TroubleCount(tracker.table, nowMs);
    troubles.add("unreadable", stranded.told(nowMs));
    const compare = compareFor(settings.order);
    // Those that a gate stops leave room for others.
    const spare = this.#gate.isOff ? 0 : settings.maxFilesPerPoll;
    const ahead = settings.strictOrder ? 0 : FOLDER_AHEAD_MAX_COUNT;
    const complete = new FirstOf<Complete>(compare, settings.maxFilesPerPoll + spare + ahead);
    let waitingCount = tracker.untrackedCount;
    let firstWaiting: Ordered | undefined;
    this.#judge.judge(nowMs, troubles, {
      complete: (found) => complete.add(found),
      waiting: (name, slot) => {
        waitingCount += 1;
        if (!settings.strictOrder) return;
        const waiting = { name, modifiedNs: tracker.table.at.modifiedNs[slot] ?? 0n };
        if (firstWaiting === undefined || compare(waiting, firstWaiting) < 0)
          firstWaiting = waiting;
      },
      isLeft: (name, slot) => left.count > 0 && left.has(name, tracker.table.stateOf(slot)),
    });
    const leftGone = left.end(isWhole);
    const before = firstWaiting;
    this.#ahead = complete
      .take()
      .filter((found) => before === undefined || compare(found, before) < 0);
    this.#candidates.clear();
    const { candidates, closedCount } = this.#choose(visit, nowMs);
    waitingCount += closedCount;
    if (settings.strictOrder) this.#ahead = [];
    return {
      candidates,
      fileCount: tracker.fileCount,
      untrackedCount: tracker.untrackedCount,
      waitingCount,
      troubles: troubles.result(tracker.lastFault ?? stranded.lastFault),
      leftGone,
    };
  }

  /** See `PickupMethods.more`. */
  more(visit: Visit): readonly Candidate[] {
    return this.#choose(visit, this.#parts.clock.monotonicMs()).candidates;
  }

  candidate(token: number): Candidate | undefined {
    return this.#candidates.get(token);
  }

  /** It is gone from the folder, or no candidate any more until it is seen anew. */
  forget({ token, files }: Candidate): void {
    this.#candidates.delete(token);
    for (const { name } of files) this.#parts.tracker.table.remove(byteNameOf(name));
  }

  /** It could not be claimed: tried again later and later. */
  failed(
    { files }: Candidate,
    failure: (typeof FAILURE)["busy" | "denied" | "unreadable"],
    fault?: StepFault,
  ): void {
    const { tracker } = this.#parts;
    const { table } = tracker;
    tracker.lastFault = fault ?? tracker.lastFault;
    const [data] = files;
    const slot = data === undefined ? undefined : table.slotOf(byteNameOf(data.name));
    if (slot === undefined) return;
    const nowMs = this.#parts.clock.monotonicMs();
    const { at } = table;
    const tries = at.tryCount[slot] ?? 0;
    if (at.failure[slot] === FAILURE.none) at.failedSinceMs[slot] = nowMs;
    at.failure[slot] = failure;
    at.tryCount[slot] = Math.min(tries + 1, 255);
    at.retryMs[slot] = nowMs + Math.min(FIRST_RETRY_MS * 2 ** Math.min(tries, 8), LAST_RETRY_MS);
  }

  /** @returns whether every file was listed */
  #list(visit: Visit, nowMs: number): boolean {
    const { tracker, left, voice } = this.#parts;
    tracker.begin(nowMs);
    left.begin();
    let isWhole = true;
    const passedOver = (): void => {
      isWhole = false;
      tracker.passOver();
    };
    for (const listed of listing(visit.root("drop"), this.#parts.listing, passedOver)) {
      left.see(listed.name);
      tracker.see(listed);
      voice.touched();
    }
    tracker.end();
    return isWhole;
  }

  /** The first of those ahead. @returns with how many of them are not complete after all */
  #choose(
    visit: Visit,
    nowMs: number,
  ): { readonly candidates: readonly Candidate[]; readonly closedCount: number } {
    const { settings, tracker } = this.#parts;
    const candidates: Candidate[] = [];
    let closedCount = 0;
    let seenCount = 0;
    for (const found of this.#ahead) {
      if (candidates.length >= settings.maxFilesPerPoll) break;
      seenCount += 1;
      if (tracker.table.slotOf(found.name) !== found.slot) continue;
      const passed = this.#gate.pass(found, nowMs, () => this.#endsOf(visit, found));
      this.#parts.voice.touched();
      if (passed === "closed") {
        closedCount += 1;
        if (settings.strictOrder) break;
        continue;
      }
      const unfit = passed === "contentGate" ? passed : found.unfit;
      const candidate = { token: this.#nextToken++, files: this.#judge.filesOf(found), unfit };
      this.#candidates.set(candidate.token, candidate);
      candidates.push(candidate);
    }
    this.#ahead = this.#ahead.slice(seenCount);
    return { candidates, closedCount };
  }

  #endsOf(visit: Visit, found: Complete): ReturnType<typeof endsOf> | undefined {
    const { name } = found;
    const [data] = this.#judge.filesOf(found);
    const folder = visit.below("drop", parentOf(name));
    if (folder === undefined || data === undefined) return undefined;
    try {
      const opened = openSafely(folder, baseOf(name), data, this.#parts.settings.rejectHardLinks);
      if (typeof opened === "string") return undefined;
      using file = opened;
      return endsOf(file, data.size);
    } catch (error) {
      stepFaultOf(error);
      return undefined;
    }
  }
}
