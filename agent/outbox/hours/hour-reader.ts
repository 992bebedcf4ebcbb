/** What came in each hour, and what became of it: for a person who asks. Each call is short. @module */
import { larger, smaller } from "../bigints.ts";
import { type ChannelTail, EPOCH_END, standingIn } from "../epochs/channel-tails.ts";
import { missingRanges } from "../epochs/missing.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import { DOWN, UP } from "./hour-book.ts";
import type { Fates, HourCount, HourPage, HourPlace, HourStretch } from "./hour-messages.ts";
import { openChains } from "./stretch-chains.ts";

/** A page: a few milliseconds, for each stretch downstream is a look at its rows. */
const PAGE_ROWS = 100;

/** A row of `stretch`, as far as it is the same for all who read it. */
export interface StretchRow {
  readonly id: number;
  readonly direction: number;
  readonly channel: number;
  readonly epoch: bigint;
  readonly firstSeq: bigint;
  readonly lastSeq: bigint;
  readonly hour: number;
  readonly copies: number;
  readonly chains: Uint8Array;
}

export type StretchColumns = [...ids: bigint[], chains: Uint8Array];

export function stretchRow(columns: StretchColumns): StretchRow {
  const [id, direction, channel, epoch = 0n, firstSeq = 0n, lastSeq = 0n, hour, copies] =
    columns as bigint[];
  return {
    ...{ id: Number(id), direction: Number(direction), channel: Number(channel) },
    ...{ epoch, firstSeq, lastSeq, hour: Number(hour), copies: Number(copies) },
    chains: columns[8] as Uint8Array,
  };
}

export type CountColumns = [number, number, number, number, number, number];

export function countOf(store: GroupCommit, columns: CountColumns): HourCount {
  const [hour, channel, duplicates, quarantined, refused, rejected] = columns;
  const name = store.tails.get(channel)?.name ?? String(channel);
  return { channel: name, hour, duplicates, quarantined, refused, rejected };
}

export function nameOf(store: GroupCommit, { direction, channel }: StretchRow): string {
  const name =
    direction === UP
      ? store.tails.get(channel)?.name
      : (store.prepared.inboxChannelName.get(channel) as string | undefined);
  return name ?? String(channel);
}

/** @param toHour exclusive */
export function hourPage(store: GroupCommit, after: HourPlace, toHour: number): HourPage {
  const { stretchPage, hourCountPage } = store.prepared;
  const columns = stretchPage.all(after.hour, after.id, toHour, PAGE_ROWS) as StretchColumns[];
  const counted = hourCountPage.all(after.countHour, after.countChannel, toHour, PAGE_ROWS);
  const rows = columns.map(stretchRow);
  const counts = counted as CountColumns[];
  const [lastRow, lastCount] = [rows.at(-1), counts.at(-1)];
  const isMore = rows.length === PAGE_ROWS || counts.length === PAGE_ROWS;
  const next = {
    ...{ hour: lastRow?.hour ?? after.hour, id: lastRow?.id ?? after.id },
    ...{
      countHour: lastCount?.[0] ?? after.countHour,
      countChannel: lastCount?.[1] ?? after.countChannel,
    },
  };
  return {
    stretches: rows.map((row) => withFates(store, row)),
    counts: counts.map((one) => countOf(store, one)),
    next: isMore ? next : undefined,
  };
}

function withFates(store: GroupCommit, row: StretchRow): HourStretch {
  const { direction, channel, epoch, firstSeq, lastSeq, hour, copies } = row;
  const chains = openChains(store.sealer, row, row.chains);
  return {
    ...{ direction: direction === DOWN ? "down" : "up", channel: nameOf(store, row) },
    ...{ epoch, firstSeq, lastSeq, hour, copies, after: chains?.after ?? undefined },
    fates: direction === DOWN ? downFates(store, row) : upFates(store, channel, row),
  };
}

type Range = Pick<StretchRow, "epoch" | "firstSeq" | "lastSeq">;

/** The cursor of the epoch says it; nothing is counted when messages are settled. */
function upFates(store: GroupCommit, channel: number, range: Range): Fates {
  const { firstSeq, lastSeq } = range;
  const expected = expectedLast(store.tails.get(channel), range);
  // Of an epoch that is only being filled nothing has left.
  const acked = standingIn(store.tails.get(channel), range.epoch)?.ackedSeq ?? 0n;
  const settled = smaller(acked, expected);
  const count = (from: bigint, to: bigint): number => Number(larger(to - from + 1n, 0n));
  const lost = missingRanges(store.prepared)
    .filter((one) => one.cause === "damaged" && one.channel === channel)
    .filter((one) => one.epoch === range.epoch)
    .reduce((sum, one) => {
      return sum + count(larger(one.firstSeq, firstSeq), smaller(one.lastSeq, settled));
    }, 0);
  return {
    ...{ waiting: count(larger(settled + 1n, firstSeq), expected) },
    ...{
      done: count(firstSeq, settled),
      elsewhere: count(larger(expected + 1n, firstSeq), lastSeq),
    },
    ...{ aside: 0, lost },
  };
}

/** What lies behind it was appended again in a later epoch (06 TP18). */
export function expectedLast(tail: ChannelTail | undefined, { epoch, lastSeq }: Range): bigint {
  if (tail === undefined || tail.filling?.epoch === epoch) return lastSeq;
  const standing = standingIn(tail, epoch);
  return standing?.ended === EPOCH_END.reissued ? smaller(standing.ackedSeq, lastSeq) : lastSeq;
}

function downFates(store: GroupCommit, { channel, epoch, firstSeq, lastSeq }: StretchRow): Fates {
  const found = store.prepared.inboxFates.get(channel, epoch, firstSeq, lastSeq) as (
    | number
    | null
  )[];
  const [, waiting, done, aside, elsewhere] = found.map((one) => one ?? 0);
  return {
    ...{ waiting: waiting ?? 0, done: done ?? 0, aside: aside ?? 0, elsewhere: elsewhere ?? 0 },
    lost: 0,
  };
}
