/**
 * Bounds what others can have recorded at will, such as refusals (A02): of one source and kind so many a minute
 * become entries, of the rest their number. Nothing is ever pushed out of the audit for them.
 *
 * @module
 */
import type { AuditDraft } from "./entry.ts";

/** Entries of one actor and action in a window. */
const ADMITTED_MAX_COUNT = 30;
const WINDOW_MS = 60_000;
/** Sources that are told apart; all others count as one. */
const SOURCES_MAX_COUNT = 256;
const OTHERS = "others";

interface Source {
  readonly sinceMs: number;
  readonly draft: AuditDraft;
  count: number;
  suppressed: number;
}

export class Flood {
  readonly #sources = new Map<string, Source>();

  /** Whether the draft becomes an entry; if not, it is counted. @param nowMs monotonic */
  admits(draft: AuditDraft, nowMs: number): boolean {
    const source = this.#sourceOf(draft, nowMs);
    source.count += 1;
    if (source.count <= ADMITTED_MAX_COUNT) return true;
    source.suppressed += 1;
    return false;
  }

  /** What is to be said of windows that have ended; they are forgotten. @param all those that have not, too */
  summaries(nowMs: number, all = false): AuditDraft[] {
    const drafts: AuditDraft[] = [];
    for (const [key, { sinceMs, draft, suppressed }] of this.#sources) {
      if (!all && nowMs - sinceMs < WINDOW_MS) continue;
      this.#sources.delete(key);
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
    const source = { sinceMs: nowMs, draft, count: 0, suppressed: 0 };
    this.#sources.set(key, source);
    return source;
  }
}
