/**
 * Bounds what others can have recorded at will, such as refusals (A02): of one source and kind so many become entries, of
 * the rest their number, once a minute. Nothing is ever pushed out of the audit for them.
 *
 * A person at this machine has 30 entries back after a minute. Whoever sends documents has them back after an hour: 30 a
 * minute of each kind, for ever, would be 130 MB a day.
 *
 * @module
 */
import type { AuditDraft } from "./entry.ts";

/** Entries of one actor and action at once. */
const ADMITTED_MAX_COUNT = 30;
/** After so long he has one of them back. */
const LOCAL_REFILL_MS = 2_000;
const REFILL_MS = 120_000;
const WINDOW_MS = 60_000;
/** Sources that are told apart; all others count as one. */
const SOURCES_MAX_COUNT = 256;
const OTHERS = "others";

interface Source {
  readonly draft: AuditDraft;
  /** Since when `suppressed` counts. */
  sinceMs: number;
  suppressed: number;
  /** Of {@link ADMITTED_MAX_COUNT}; a fraction is on its way back. */
  spent: number;
  spentAtMs: number;
}

export class Flood {
  readonly #sources = new Map<string, Source>();

  /** Whether the draft becomes an entry; if not, it is counted. @param nowMs monotonic */
  admits(draft: AuditDraft, nowMs: number): boolean {
    const source = this.#sourceOf(draft, nowMs);
    const spent = spentAt(source, nowMs);
    if (spent > ADMITTED_MAX_COUNT - 1) {
      source.suppressed += 1;
      return false;
    }
    source.spent = spent + 1;
    source.spentAtMs = nowMs;
    return true;
  }

  /** What is to be said of windows that have ended; who has all of his back is forgotten. @param all of those that have not, too */
  summaries(nowMs: number, all = false): AuditDraft[] {
    const drafts: AuditDraft[] = [];
    for (const [key, source] of this.#sources) {
      const { sinceMs, draft, suppressed } = source;
      if (!all && nowMs - sinceMs < WINDOW_MS) continue;
      source.sinceMs = nowMs;
      source.suppressed = 0;
      if (spentAt(source, nowMs) === 0) this.#sources.delete(key);
      if (suppressed === 0) continue;
      const actor = key === OTHERS ? ({ kind: "system", id: OTHERS } as const) : draft.actor;
      drafts.push({
        ...{ actor, action: "audit.suppressed", subject: draft.action },
        reason: `${suppressed} more`,
      });
    }
    return drafts;
  }

  get isEmpty(): boolean {
    return this.#sources.size === 0;
  }

  #sourceOf(draft: AuditDraft, nowMs: number): Source {
    const own = `${draft.actor.kind} ${draft.action} ${draft.actor.id}`;
    const isRoom = this.#sources.size < SOURCES_MAX_COUNT;
    const key = isRoom || this.#sources.has(own) ? own : OTHERS;
    const known = this.#sources.get(key);
    if (known !== undefined) return known;
    const source = { draft, sinceMs: nowMs, suppressed: 0, spent: 0, spentAtMs: nowMs };
    this.#sources.set(key, source);
    return source;
  }
}

function spentAt({ draft, spent, spentAtMs }: Source, nowMs: number): number {
  const refillMs = draft.actor.kind === "local" ? LOCAL_REFILL_MS : REFILL_MS;
  return Math.max(0, spent - (nowMs - spentAtMs) / refillMs);
}
