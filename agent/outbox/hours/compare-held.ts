/**
 * What the receiver says that it holds, against what is here, message by message: by the keyed digest that stays as long
 * as the row (08 2.1), so also of messages whose body was pruned.
 *
 * @module
 */
import { EPOCH_END, standingIn } from "../epochs/channel-tails.ts";
import { TOKEN_OF_CONTENT } from "../format/tokens.ts";
import type { ReadParts } from "../reader.ts";
import { FLAG_REFUSED } from "../writing/appender.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import type { HeldElsewhere, Unlike } from "./hour-messages.ts";

/** Rows of one question: some milliseconds. */
export const HELD_MAX_COUNT = 1_000;

type Columns = [...numbers: bigint[], control: Uint8Array, content: Uint8Array];

interface Row {
  readonly seq: bigint;
  readonly receivedAtMs: number;
  readonly flags: number;
  readonly segment: number;
  readonly at: number;
  readonly contentToken: Uint8Array;
}

/**
 * @returns those that are not the same, in order; at most as many as were said, and {@link HELD_MAX_COUNT} that are
 *   here alone
 */
export function compareHeld(store: GroupCommit, held: HeldElsewhere): Unlike[] {
  const tail = [...store.tails.values()].find(({ name }) => name === held.channel);
  const there = new Map(held.rows.map(({ seq, sha256 }) => [seq, sha256]));
  const here = tail === undefined ? [] : rowsOf(store, tail.channel, held);
  const standing = standingIn(tail, held.epoch);
  const isMoved = standing?.ended === EPOCH_END.reissued;
  const found: Unlike[] = [];
  for (const row of here) {
    const sha256 = there.get(row.seq);
    there.delete(row.seq);
    // Where the parted history says otherwise, its numbers are not ours (06 TP18).
    const isAcked = row.seq <= (standing?.ackedSeq ?? 0n);
    const isSettled = isAcked || isMoved || (row.flags & FLAG_REFUSED) !== 0;
    if (sha256 !== undefined && isSame(store, row, sha256)) continue;
    if (isMoved && !isAcked) continue;
    const controlId = controlIdOf(store.readParts, tail?.channel ?? 0, held.epoch, row);
    const kind = sha256 === undefined ? "absentThere" : "other";
    found.push({ seq: row.seq, kind, controlId, receivedAtMs: row.receivedAtMs, isSettled });
  }
  const unknown = { controlId: undefined, receivedAtMs: undefined, isSettled: true };
  for (const seq of there.keys()) found.push({ seq, kind: "absentHere", ...unknown });
  return found.sort((a, b) => (a.seq < b.seq ? -1 : 1));
}

function rowsOf(store: GroupCommit, channel: number, held: HeldElsewhere): Row[] {
  const { epoch, afterSeq, throughSeq } = held;
  const range = [channel, epoch, afterSeq, throughSeq, HELD_MAX_COUNT];
  return (store.prepared.messageSelect.all(...range) as Columns[]).map((columns) => {
    const [, , , seq = 0n, receivedAtMs, , flags, segment, at] = columns as bigint[];
    const numbers = { receivedAtMs: Number(receivedAtMs), flags: Number(flags) };
    const place = { segment: Number(segment), at: Number(at) };
    return { seq, ...numbers, ...place, contentToken: columns[12] as Uint8Array };
  });
}

/** Of damaged rows the token was taken away: nothing is claimed of them. */
function isSame({ sealer }: GroupCommit, { contentToken }: Row, sha256: Uint8Array): boolean {
  const token = sealer.token(TOKEN_OF_CONTENT, sha256);
  return contentToken.length === 0 || Buffer.compare(contentToken, token) === 0;
}

function controlIdOf(
  { records }: ReadParts,
  channel: number,
  epoch: bigint,
  { seq, segment, at }: Row,
): Uint8Array | undefined {
  const controlId = records.read({ channel, epoch, seq, segment, at })?.controlId;
  return controlId === undefined ? undefined : new Uint8Array(controlId);
}
