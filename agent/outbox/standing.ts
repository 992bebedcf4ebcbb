/** What `status` shows of the store; small look-ups only, whatever the backlog. @module */
import type { Database } from "./database.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { StoreStanding } from "./writer-messages.ts";

export function standing(store: GroupCommit, database: Database): StoreStanding {
  const quarantine = store.prepared.quarantineTotals.all() as [number, number, number][];
  const pageCount = Number(database.pragma("page_count", { simple: true }));
  const pageBytes = Number(database.pragma("page_size", { simple: true }));
  return {
    channels: [...store.tails.values()].map((tail) => {
      const [, quarantineCount = 0, quarantineBytes = 0] =
        quarantine.find(([channel]) => channel === tail.channel) ?? [];
      const oldestWaitingAtMs = receivedAt(store, tail.channel, tail.epoch, tail.ackedSeq + 1n);
      return { ...tail, oldestWaitingAtMs, quarantineCount, quarantineBytes };
    }),
    recentKeyCount: store.recent.count,
    recentSinceMs: store.recent.sinceMs,
    databaseBytes: pageCount * pageBytes,
  };
}

function receivedAt(
  store: GroupCommit,
  channel: number,
  epoch: bigint,
  seq: bigint,
): number | undefined {
  const row = store.prepared.messageAt.get(channel, epoch, seq) as [Uint8Array, bigint] | undefined;
  return row === undefined ? undefined : Number(row[1]);
}
