/** Whether the receiver has what a file brought (04 P30). @module */
import { type ChannelTail, EPOCH_END, standingIn } from "../epochs/channel-tails.ts";
import type { MessageIdentity } from "../format/record.ts";
import type { Prepared } from "../writing/prepared.ts";

export interface SettledParts {
  readonly prepared: Prepared;
  readonly tails: ReadonlyMap<number, ChannelTail>;
}

/**
 * Whether the receiver has every message of a channel up to `at`, as far as is known for sure.
 *
 * Messages leave in the order of their epochs. What was appended again in another epoch (06 TP18) is waited for
 * there, all of it; while that goes on, nothing counts as settled.
 */
export function isSettled(
  { prepared, tails }: SettledParts,
  channel: number,
  at: MessageIdentity,
): boolean {
  const tail = tails.get(channel);
  if (tail === undefined || tail.filling !== undefined) return false;
  let { epoch, seq } = at;
  for (;;) {
    const standing = standingIn(tail, epoch);
    if (standing === undefined) return false;
    if (standing.ended !== EPOCH_END.reissued) {
      return seq <= standing.ackedSeq && areDrained(tail, epoch);
    }
    const next = prepared.fileEpochAt.get(channel, epoch) as [bigint, bigint] | undefined;
    // Always a later one: a bit that storage has altered must not lead in a circle.
    if (next === undefined || next[0] <= epoch) return false;
    [epoch, seq] = next;
  }
}

/** Whether nothing is left of the epochs before. */
const areDrained = ({ earlier }: ChannelTail, before: bigint): boolean =>
  earlier.every(
    ({ epoch, ended, ackedSeq, lastSeq }) =>
      epoch >= before || ended !== EPOCH_END.draining || ackedSeq >= lastSeq,
  );
