/** One poll: list, judge, choose, in order (04 P12 to P15). @module */
import type { Clock } from "../host/clock.ts";
import { endsOf } from "./content-gate.ts";
import type { WorkerVoice } from "./conversation.ts";
import { FAILURE } from "./entry-table.ts";
import { stepFaultOf } from "./faults.ts";
import { Gatekeeper } from "./gatekeeper.ts";
import { type Complete, Judge } from "./judge.ts";
import type { LeftFiles } from "./left-files.ts";
import { type ListingRules, listing } from "./listing.ts";
import type { Candidate, PickupSettings, PollResult } from "./messages.ts";
import { baseOf, byteNameOf, parentOf } from "./names.ts";
import { compareFor, FirstOf, type Ordered } from "./order.ts";
import type { Patterns } from "./patterns.ts";
import type { Visit } from "./roots.ts";
import { openSafely } from "./safe-open.ts";
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
  readonly listing: ListingRules;
  readonly clock: Clock;
  readonly voice: WorkerVoice;
}

export class Poll {
  readonly #parts: PollParts;
  readonly #judge: Judge;
  readonly #gate: Gatekeeper;
  #candidates = new Map<number, Candidate>();
  #nextToken = 1;

  constructor(parts: PollParts) {
    this.#parts = parts;
    const { settings, stableForMs, tracker, patterns } = parts;
    this.#judge = new Judge({ ...settings, stableForMs }, tracker, patterns);
    this.#gate = new Gatekeeper(settings, tracker.table);
  }

  poll(visit: Visit): PollResult {
    const { tracker, left, clock, settings } = this.#parts;
    const nowMs = clock.monotonicMs();
    this.#list(visit, nowMs);
    const troubles = new TroubleCount(tracker.table, nowMs);
    const compare = compareFor(settings.order);
    // Those that a gate stops leave room for others.
    const spare = this.#gate.isOff ? 0 : settings.maxFilesPerPoll;
    const complete = new FirstOf<Complete>(compare, settings.maxFilesPerPoll + spare);
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
      isLeft: (name, state) => left.has(name, state),
    });
    const leftGone = left.end();
    const before = firstWaiting;
    const inOrder = complete
      .take()
      .filter((found) => before === undefined || compare(found, before) < 0);
    waitingCount += this.#choose(visit, inOrder, nowMs);
    const candidates = [...this.#candidates.values()];
    return {
      candidates,
      fileCount: tracker.fileCount,
      waitingCount,
      troubles: troubles.result(),
      leftGone,
    };
  }

  candidate(token: number): Candidate | undefined {
    return this.#candidates.get(token);
  }

  /** It is gone from the folder, or no candidate any more until it is seen anew. */
  forget({ files }: Candidate): void {
    for (const { name } of files) this.#parts.tracker.table.remove(byteNameOf(name));
  }

  /** It could not be claimed: tried again later and later. */
  failed({ files }: Candidate, failure: (typeof FAILURE)["busy" | "denied" | "unreadable"]): void {
    const { table } = this.#parts.tracker;
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

  #list(visit: Visit, nowMs: number): void {
    const { tracker, left, voice } = this.#parts;
    tracker.begin(nowMs);
    left.begin();
    for (const listed of listing(visit.root("drop"), this.#parts.listing)) {
      tracker.see(listed);
      voice.touched();
    }
    tracker.end();
  }

  /** @returns how many of them are not complete after all */
  #choose(visit: Visit, inOrder: readonly Complete[], nowMs: number): number {
    const { settings } = this.#parts;
    this.#candidates = new Map();
    let closedCount = 0;
    for (const found of inOrder) {
      if (this.#candidates.size >= settings.maxFilesPerPoll) break;
      const passed = this.#gate.pass(found, nowMs, () => this.#endsOf(visit, found));
      this.#parts.voice.touched();
      if (passed === "closed") {
        closedCount += 1;
        if (settings.strictOrder) break;
        continue;
      }
      const unfit = passed === "contentGate" ? passed : found.unfit;
      const token = this.#nextToken++;
      this.#candidates.set(token, { token, files: found.files, unfit });
    }
    return closedCount;
  }

  #endsOf(visit: Visit, { files: [data], name }: Complete): ReturnType<typeof endsOf> | undefined {
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
