/** Where each channel stands: what the next seq is, and how far the receiver has confirmed. @module */
import { CHAIN_START } from "./chain.ts";
import type { Prepared } from "./prepared.ts";

/** A channel as the store knows it from the configuration. */
export interface StoreChannel {
  readonly name: string;
  /** 03 E7: what its quarantine may hold; the default where absent. */
  readonly quarantineMaxBytes?: number;
}

/** One channel in its latest epoch. The writer holds these; others get copies. */
export interface ChannelTail {
  readonly channel: number;
  readonly name: string;
  readonly epoch: bigint;
  lastSeq: bigint;
  lastChain: Uint8Array;
  ackedSeq: bigint;
  /** Bytes of all messages of the epoch up to `lastSeq`, and up to `ackedSeq`. */
  lastBytes: number;
  ackedBytes: number;
  readonly trimmedSeq: bigint;
}

type CursorRow = [bigint, bigint, bigint, bigint, Uint8Array | null, Uint8Array | null, bigint];
type TailRow = [bigint, bigint, Uint8Array, bigint];

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
export function readTails(prepared: Prepared): Map<number, ChannelTail> {
  const tails = new Map<number, ChannelTail>();
  for (const [channel, name] of prepared.channelList.all() as [number, string][]) {
    const cursor = prepared.cursorLatest.get(channel) as CursorRow | undefined;
    if (cursor === undefined) continue;
    const [epoch, , ackedSeq, trimmedSeq, , trimmedChain, ackedBytes] = cursor;
    const last = prepared.messageTail.get(channel, epoch) as TailRow | undefined;
    tails.set(channel, {
      channel,
      name,
      epoch,
      lastSeq: last?.[1] ?? trimmedSeq,
      lastChain: last?.[2] ?? trimmedChain ?? CHAIN_START,
      ackedSeq,
      lastBytes: Number(last?.[3] ?? ackedBytes),
      ackedBytes: Number(ackedBytes),
      trimmedSeq,
    });
  }
  return tails;
}

/** Per row of a backlog besides its bytes: an index entry, the digests, the ledger's part. */
const BACKLOG_ROW_BYTES = 256;

/** Pairs of channel and bytes: what the store holds for the receiver (03 C5). */
export function backlogsOf(tails: ReadonlyMap<number, ChannelTail>): Float64Array<ArrayBuffer> {
  const backlogs = new Float64Array(tails.size * 2);
  let at = 0;
  for (const { channel, lastSeq, ackedSeq, lastBytes, ackedBytes } of tails.values()) {
    backlogs[at++] = channel;
    backlogs[at++] = lastBytes - ackedBytes + Number(lastSeq - ackedSeq) * BACKLOG_ROW_BYTES;
  }
  return backlogs;
}
