/** Where each channel of an agent stands here, in both directions, with its gaps. @module */
import type { Direction } from "#reconcile/hour-record.ts";
import { isReserved } from "../served-channels.ts";
import type { ChannelWay } from "../store/hours.ts";
import type { GapRecord } from "../store/store.ts";
import { allChannels, allGaps, allOutgoingChannels } from "../store/walk.ts";
import type { WholeStore } from "../store/whole-store.ts";

export interface Way extends ChannelWay {
  /** What is expected here comes up to this one; what lies behind it is still on its way. */
  readonly epoch: bigint;
  readonly lastSeq: bigint;
  /** Up only: numbers whose messages will not come (RI8). */
  readonly gaps: readonly GapRecord[];
}

/** @param only this channel; null: all but reserved ones */
export async function waysOf(
  store: WholeStore,
  agent: number,
  only: string | null,
): Promise<Map<string, Way>> {
  const ways = new Map<string, Way>();
  const isAsked = (channel: string): boolean =>
    !isReserved(channel) && (only === null || channel === only);
  for await (const { channel, epoch, lastSeq } of allChannels(store, agent)) {
    if (!isAsked(channel)) continue;
    const gaps: GapRecord[] = [];
    for await (const gap of allGaps(store, agent, channel)) gaps.push(gap);
    const way: Way = { agent, direction: "up", channel, epoch, lastSeq, gaps };
    ways.set(wayKey(way), way);
  }
  for await (const { channel, epoch, lastSeq } of allOutgoingChannels(store, agent)) {
    if (!isAsked(channel)) continue;
    const way: Way = { agent, direction: "down", channel, epoch, lastSeq, gaps: [] };
    ways.set(wayKey(way), way);
  }
  return ways;
}

export const wayKey = (way: { readonly direction: Direction; readonly channel: string }): string =>
  `${way.direction}/${way.channel}`;

/** Whether a message with this number is behind what has come so far. */
export const isToCome = (way: Way | undefined, epoch: bigint, seq: bigint): boolean =>
  way === undefined || epoch > way.epoch || (epoch === way.epoch && seq > way.lastSeq);

/** Why it will never come, if that is known. */
export const gapAt = (way: Way | undefined, epoch: bigint, seq: bigint): GapRecord | undefined =>
  way?.gaps.find(
    (gap) =>
      gap.epoch === epoch &&
      (gap.firstSeq === null || gap.firstSeq <= seq) &&
      (gap.lastSeq === null || gap.lastSeq >= seq),
  );
