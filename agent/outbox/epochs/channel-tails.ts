/** Where each channel stands: what the next seq is, and how far the receiver has confirmed. @module */
import type { Sealer } from "../../sealing/sealer.ts";
import { CHAIN_START } from "../format/chain.ts";
import { RecordReader } from "../format/record-reader.ts";
import type { Prepared } from "../writing/prepared.ts";

/** A channel as the store knows it from the configuration. */
export interface StoreChannel {
  readonly name: string;
  /** 03 E7: what its quarantine may hold; the default where absent. */
  readonly quarantineMaxBytes?: number;
  /** 04 P26: for how long a dropped file's content is recognised, if it takes files. */
  readonly fileWindowMs?: number;
}

/** One epoch of a channel (05 S6). */
export interface EpochStanding {
  readonly epoch: bigint;
  lastSeq: bigint;
  ackedSeq: bigint;
  /** Bytes of all messages of the epoch up to `lastSeq`, and up to `ackedSeq`. */
  lastBytes: number;
  ackedBytes: number;
  /** Bodies up to here are pruned. */
  trimmedSeq: bigint;
  ended: EpochEnd;
  /** The last seq that the receiver is told it had (06 TP17); `null` where nobody knows, or the receiver never heard of it. */
  final: bigint | null;
  /** While its messages are appended again in `ChannelTail.filling`: up to which they are. */
  moved: bigint | undefined;
}

/** How an epoch ended, if it did. */
export const EPOCH_END = {
  /** It is the channel's current one. */
  current: 0,
  /** Another has begun; what is unsettled here leaves first (06 TP17). */
  draining: 1,
  /** What was unsettled was appended again in a later epoch; nothing of it leaves (06 TP18). */
  reissued: 2,
  /** Not yet begun: what earlier ones have unsettled is being appended to it (06 TP18). */
  filling: 3,
} as const;
export type EpochEnd = (typeof EPOCH_END)[keyof typeof EPOCH_END];

/** One channel in its current epoch, and what is known of earlier ones. The writer holds these; others get copies. */
export interface ChannelTail extends EpochStanding, GrowingEpoch {
  readonly channel: number;
  readonly name: string;
  /** Oldest first; all that are not current. */
  readonly earlier: readonly EpochStanding[];
  /** The epoch that takes over once everything unsettled stands in it; it may have begun before a crash. */
  readonly filling: GrowingEpoch | undefined;
}

/** An epoch that messages are appended to. */
export interface GrowingEpoch {
  readonly epoch: bigint;
  lastSeq: bigint;
  lastBytes: number;
  /** The chain after `lastSeq`; `undefined` where the last record does not open: a new epoch has to begin. */
  lastChain: Uint8Array | undefined;
}

type CursorRow = [
  bigint,
  bigint,
  bigint,
  bigint,
  bigint,
  Uint8Array | null,
  bigint,
  bigint | null,
  bigint | null,
];
type TailRow = [bigint, bigint, bigint, bigint];

/** A new store numbers from here (05 S6). */
const FIRST_EPOCH = 1n;

/** Finds the channel's row, or makes it with its first epoch; inside the caller's transaction. */
export function ensureChannel(prepared: Prepared, name: string): number {
  const rows = prepared.channelList.all() as [number, string][];
  const known = rows.find((row) => row[1] === name);
  if (known !== undefined) return known[0];
  const channel = Number(prepared.channelInsert.run(name).lastInsertRowid);
  prepared.cursorInsert.run(channel, FIRST_EPOCH);
  return channel;
}

/** Reads every channel's tail: a few index look-ups each, whatever the backlog (05 S18). */
export function readTails(prepared: Prepared, sealer: Sealer): Map<number, ChannelTail> {
  const records = new RecordReader(prepared, sealer);
  const tails = new Map<number, ChannelTail>();
  for (const [channel, name] of prepared.channelList.all() as [number, string][]) {
    const cursors = prepared.cursorEpochs.all(channel) as CursorRow[];
    const epochs = cursors.map((cursor) => standingOf(prepared, channel, cursor));
    const growing = (ended: EpochEnd): (EpochStanding & GrowingEpoch) | undefined => {
      const at = epochs.findIndex((one) => one.ended === ended);
      const [standing, cursor] = [epochs[at], cursors[at]];
      if (standing === undefined || cursor === undefined) return undefined;
      const lastChain = chainAfter(prepared, records, sealer, { channel, cursor });
      return { ...standing, lastChain };
    };
    const current = growing(EPOCH_END.current);
    if (current === undefined) continue;
    const earlier = epochs.filter(
      ({ ended }) => ended === EPOCH_END.draining || ended === EPOCH_END.reissued,
    );
    tails.set(channel, { ...current, channel, name, earlier, filling: growing(EPOCH_END.filling) });
  }
  return tails;
}

function standingOf(prepared: Prepared, channel: number, cursor: CursorRow): EpochStanding {
  const [epoch, ackedSeq, trimmedSeq, ackedBytes, trimmedBytes, , ended, final, moved] = cursor;
  const last = prepared.messageTail.get(channel, epoch) as TailRow | undefined;
  return {
    epoch,
    lastSeq: last?.[0] ?? trimmedSeq,
    ackedSeq,
    lastBytes: Number(last?.[1] ?? trimmedBytes),
    ackedBytes: Number(ackedBytes),
    trimmedSeq,
    ended: Number(ended) as EpochEnd,
    final,
    moved: moved ?? undefined,
  };
}

function chainAfter(
  prepared: Prepared,
  records: RecordReader,
  sealer: Sealer,
  { channel, cursor }: { readonly channel: number; readonly cursor: CursorRow },
): Uint8Array | undefined {
  const [epoch, , trimmedSeq, , , trimmedChain] = cursor;
  const last = prepared.messageTail.get(channel, epoch) as TailRow | undefined;
  if (last !== undefined && last[0] > trimmedSeq) {
    const [seq, , segment, at] = last;
    const place = { channel, epoch, seq, segment: Number(segment), at: Number(at) };
    return copyOf(records.read(place)?.chain);
  }
  if (trimmedChain === null) return trimmedSeq === 0n ? CHAIN_START : undefined;
  return copyOf(sealer.open(trimmedChain, { column: "cursor.trimmed_chain", channel, row: epoch }));
}

const copyOf = (bytes: Uint8Array | undefined): Uint8Array | undefined =>
  bytes === undefined ? undefined : new Uint8Array(bytes);

/** Per row of a backlog besides its bytes: an index entry, the record's head, the ledger's part. */
const BACKLOG_ROW_BYTES = 256;

/** Pairs of channel and bytes: what the store holds for the receiver (03 C5). */
export function backlogsOf(tails: ReadonlyMap<number, ChannelTail>): Float64Array<ArrayBuffer> {
  const backlogs = new Float64Array(tails.size * 2);
  let at = 0;
  for (const tail of tails.values()) {
    backlogs[at++] = tail.channel;
    const { count, bytes } = waitingIn(tail);
    backlogs[at++] = bytes + Number(count) * BACKLOG_ROW_BYTES;
  }
  return backlogs;
}

/** What waits for the receiver in all epochs of a channel. */
export function waitingIn(tail: ChannelTail): { readonly count: bigint; readonly bytes: number } {
  let count = tail.lastSeq - tail.ackedSeq;
  let bytes = tail.lastBytes - tail.ackedBytes;
  for (const { ended, lastSeq, ackedSeq, lastBytes, ackedBytes } of tail.earlier) {
    if (ended !== EPOCH_END.draining) continue;
    count += lastSeq - ackedSeq;
    bytes += lastBytes - ackedBytes;
  }
  return { count, bytes };
}

/** An epoch of a channel, as far as it is known. */
export function standingIn(
  tail: ChannelTail | undefined,
  epoch: bigint,
): EpochStanding | undefined {
  if (tail?.epoch === epoch) return tail;
  return tail?.earlier.find((one) => one.epoch === epoch);
}
