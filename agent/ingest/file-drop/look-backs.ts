/**
 * Archived files are looked at once more: on Linux a writer that still holds a file writes on after any rename,
 * and nothing else tells (04 P11).
 *
 * @module
 */
import { identifierFrom } from "../../errors.ts";
import { FILE_GROUP_MAX_COUNT, LOOK_BACK_MAX_COUNT } from "../../limits.ts";
import { isAbout } from "./folder-fault.ts";
import { type FileToMove, RULE_OF, toMoveFrom } from "./in-work.ts";
import type { Archived } from "./moves.ts";
import type { ServedParts } from "./parts.ts";

const ALARM_MS = 3_600_000;

/** After a start: what was archived so shortly before the agent ended that it may not have been looked at. */
const RESUME_MS = 3_600_000;
const TRIES = 5;

interface LookBack {
  readonly file: FileToMove;
  readonly targets: readonly Uint8Array[];
  /** Monotonic. */
  readonly dueMs: number;
  readonly tries: number;
}

export class LookBacks {
  readonly #parts: ServedParts;
  /** In the order in which they are due. */
  #waiting: LookBack[] = [];

  constructor(parts: ServedParts) {
    this.#parts = parts;
  }

  /** Monotonic; infinite where nothing waits. */
  get dueMs(): number {
    const [first] = this.#waiting;
    // Too many to hold: the oldest are looked at early.
    if (this.#waiting.length > LOOK_BACK_MAX_COUNT) return 0;
    return first?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  /** Those that were archived shortly before the agent stopped. */
  async resume(): Promise<void> {
    const { claims, clock, settings } = this.#parts;
    if (settings.lateWriteCheckMs === 0) return;
    const sinceMs = clock.nowMs() - Math.max(settings.lateWriteCheckMs, RESUME_MS);
    const rows = await claims.movedSince(sinceMs);
    const archived = rows.filter(
      ({ reason, targets }) => reason === undefined && targets.length > 0,
    );
    this.add(archived.map((row) => ({ file: toMoveFrom(row), targets: row.targets })));
  }

  add(archived: readonly Archived[]): void {
    const { clock, settings } = this.#parts;
    if (settings.lateWriteCheckMs === 0) return;
    const dueMs = clock.monotonicMs() + settings.lateWriteCheckMs;
    for (const one of archived) this.#waiting.push({ ...one, dueMs, tries: 0 });
  }

  async run(): Promise<void> {
    const nowMs = this.#parts.clock.monotonicMs();
    while (this.dueMs <= nowMs) {
      const group = this.#waiting.slice(0, FILE_GROUP_MAX_COUNT);
      const early = this.#waiting.length > LOOK_BACK_MAX_COUNT;
      const due = early ? group : group.filter(({ dueMs }) => dueMs <= nowMs);
      this.#waiting.splice(0, due.length);
      await this.#look(due);
    }
  }

  #again(one: LookBack | undefined): void {
    const { clock, settings } = this.#parts;
    if (one === undefined || one.tries + 1 >= TRIES) return;
    const dueMs = clock.monotonicMs() + settings.lateWriteCheckMs;
    this.#waiting.push({ ...one, dueMs, tries: one.tries + 1 });
  }

  async #look(due: readonly LookBack[]): Promise<void> {
    const { hand, channel, log, conditions, clock } = this.#parts;
    const reason = { code: "lateWrite", rule: RULE_OF.lateWrite, channel: channel.name };
    const asked = due.map(
      ({ file: { claim, claimedAtMs, files, sha256, duplicate }, targets }) => ({
        ...{ claim, files, sha256, duplicate, targets, reason, atMs: claimedAtMs },
      }),
    );
    const late = await hand.call("lookBack", asked).catch((error: unknown) => {
      if (!isAbout("archive", error) && !isAbout("error", error)) throw error;
      return asked.map(({ claim }) => ({ claim, found: "unread" as const }));
    });
    for (const { claim, found } of late) {
      if (found === "unread") {
        this.#again(due.find(({ file }) => file.claim === claim));
        continue;
      }
      const facts = {
        ...{ channel: identifierFrom(channel.name), claim: identifierFrom(claim) },
        copied: found === "copied",
      };
      channel.record.counters.add("lateWrites");
      log.write("lateWrite", facts);
      conditions.openFor("lateWrite", channel.name, facts, clock, ALARM_MS);
    }
  }
}
