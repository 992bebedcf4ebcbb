/**
 * Retention (TP38), inside the writer's transaction: bodies and metadata go, the row stays as the ledger.
 *
 * @module
 */
import { PAGE_MAX_COUNT } from "../../limits.ts";
import { isReserved } from "../../served-channels.ts";
import type { Place } from "../outlets.ts";
import type { PruneCall, PruneResult, WaitingOutlet } from "../store.ts";
import { findPosition } from "./outlet-step.ts";
import type { Prepared } from "./prepared.ts";

export const PRUNE_SCHEMA = `ALTER TABLE inbox ADD COLUMN pruned_bytes INTEGER;
  CREATE INDEX inbox_kept ON inbox (id) WHERE pruned_bytes IS NULL;`;

/** Prunes what may go among the next page of rows, in the order of storing. */
export function prune(sql: Prepared, call: PruneCall): PruneResult {
  const rows = sql.nextKept.all(call.after ?? 0, PAGE_MAX_COUNT);
  for (const [id, agent, channel, epoch, seq, isRepeat, large, storedMs] of rows) {
    // The rest is younger: rows are stored in the order of time, but for a clock that was set back.
    if (storedMs >= call.beforeMs) return { kind: "ok", next: null };
    // Repeats are not handed on (RI6), and no position waits for them.
    if (isRepeat === 0n && !mayGo(sql, call, { agent: Number(agent), channel, epoch, seq })) {
      continue;
    }
    sql.pruneMessage.run(id);
    if (large !== null) sql.doomBody.run(large);
  }
  const [last] = rows.at(-1) ?? [];
  return { kind: "ok", next: last === undefined ? null : Number(last) };
}

function mayGo(
  sql: Prepared,
  { outlets, keepsUntaken = false }: PruneCall,
  { agent, channel, epoch, seq }: Place & { readonly agent: number; readonly channel: string },
): boolean {
  const takers = outlets.filter((outlet) => takes(outlet, channel));
  if (takers.length === 0) return !keepsUntaken;
  return takers.every(({ outlet }) => {
    const place = findPosition(sql.outlets, { outlet, agent, channel });
    if (place === null) return false;
    return place.epoch > epoch || (place.epoch === epoch && place.seq >= seq);
  });
}

function takes({ channels }: WaitingOutlet, channel: string): boolean {
  return channels?.includes(channel) ?? !isReserved(channel);
}
