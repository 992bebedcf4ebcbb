/** Which files have something in quarantine, and what becomes of it: inside the caller's transaction (04 P30). @module */
import type { ChannelTail } from "../epochs/channel-tails.ts";
import type { MessageIdentity } from "../format/record.ts";
import type { Prepared } from "../writing/prepared.ts";

/** Rows of the files that a block of quarantine belongs to. */
export const filesOfBlock = (prepared: Prepared, block: number): readonly number[] =>
  prepared.fileBlockClaims.all(block) as number[];

/** A block of files became a message, the last one of its channel: they are settled when that is. */
export function waitFor(
  prepared: Prepared,
  files: readonly number[],
  tail: ChannelTail | undefined,
  seq: bigint,
): void {
  if (tail === undefined) return;
  for (const file of files) prepared.fileWait.run(tail.epoch, seq, file);
}

/**
 * A message that the receiver has refused is in quarantine now (06 TP30): if it came in a file, that stays.
 *
 * @param identities its number, and the one that it had before
 */
export function noteBlock(
  prepared: Prepared,
  channel: number,
  identities: readonly (MessageIdentity | undefined)[],
  block: number,
): void {
  for (const identity of identities) {
    if (identity === undefined) continue;
    const claim = fileOf(prepared, channel, identity);
    if (claim === undefined) continue;
    prepared.fileBlockInsert.run(claim, block);
    return;
  }
}

function fileOf(
  { fileOfMessage, fileOfStep }: Prepared,
  channel: number,
  { epoch, seq }: MessageIdentity,
): bigint | undefined {
  for (const ranges of [fileOfMessage, fileOfStep]) {
    const row = ranges.get(channel, epoch, seq) as [bigint, bigint] | undefined;
    if (row !== undefined && row[1] <= seq) return row[0];
  }
  return undefined;
}
