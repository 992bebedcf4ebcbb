/** What `status` shows of the store; small look-ups only, whatever the backlog. @module */
import { type ChannelTail, EPOCH_END, waitingIn } from "./epochs/channel-tails.ts";
import { missingRanges } from "./epochs/missing.ts";
import type { FileCounts } from "./files/file-messages.ts";
import { FILE_STATE } from "./files/file-states.ts";
import type { Database } from "./format/database.ts";
import type { Space } from "./space/space.ts";
import type { GroupCommit } from "./writing/group-commit.ts";
import type { StoreStanding } from "./writing/writer-messages.ts";

export function standing(store: GroupCommit, database: Database, space: Space): StoreStanding {
  const quarantine = store.prepared.quarantineTotals.all() as [number, number, number][];
  const pageCount = Number(database.pragma("page_count", { simple: true }));
  const pageBytes = Number(database.pragma("page_size", { simple: true }));
  return {
    channels: [...store.tails.values()].map((tail) => {
      const [, quarantineCount = 0, quarantineBytes = 0] =
        quarantine.find(([channel]) => channel === tail.channel) ?? [];
      const waiting = waitingIn(tail);
      const oldestWaitingAtMs = oldestWaiting(store, tail);
      const files = fileCounts(store, tail.channel);
      return { ...tail, waiting, oldestWaitingAtMs, quarantineCount, quarantineBytes, files };
    }),
    missing: missingRanges(store.prepared),
    recentKeyCount: store.recent.count,
    recentSinceMs: store.recent.sinceMs,
    databaseBytes: pageCount * pageBytes,
    space: space.standing(),
  };
}

/** Of small indexes: rows of files that were archived are not in them. */
function fileCounts({ prepared }: GroupCommit, channel: number): FileCounts {
  const count = (state: number): number => prepared.fileCount.get(channel, state) as number;
  const { claimed, committed, aside } = FILE_STATE;
  const movedAside = prepared.fileAsideCount.get(channel) as number;
  return { claimed: count(claimed), committed: count(committed), aside: count(aside), movedAside };
}

function oldestWaiting(store: GroupCommit, tail: ChannelTail): number | undefined {
  const draining = tail.earlier.filter(({ ended }) => ended === EPOCH_END.draining);
  for (const { epoch, ackedSeq } of [...draining, tail]) {
    const atMs = receivedAt(store, tail.channel, epoch, ackedSeq + 1n);
    if (atMs !== undefined) return atMs;
  }
  return undefined;
}

function receivedAt(
  store: GroupCommit,
  channel: number,
  epoch: bigint,
  seq: bigint,
): number | undefined {
  const row = store.prepared.messageAt.get(channel, epoch, seq) as
    | [bigint, bigint, bigint]
    | undefined;
  return row === undefined ? undefined : Number(row[2]);
}
