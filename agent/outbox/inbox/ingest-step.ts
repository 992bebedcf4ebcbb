/**
 * The ingest step at the agent as the sink (06 section 12, RI3 to RI6), inside the writer's transaction; the same
 * results as at the receiver. Everything is checked before anything is written, so that a call which is refused
 * leaves no trace in a transaction that it shares with others.
 *
 * @module
 */
import { nextChain } from "../format/chain.ts";
import { TOKEN_OF_CONTENT } from "../format/tokens.ts";
import { DOWN } from "../hours/hour-book.ts";
import { forgetPartial } from "./epoch-steps.ts";
import { appendBody, dropBody } from "./inbox-bodies.ts";
import type { InboxIngestCall, InboxItem, InboxResult } from "./inbox-calls.ts";
import {
  type InboxChannel,
  moveChannel,
  type PartialRow,
  partialOf,
  sealHead,
} from "./inbox-rows.ts";
import { type Located, locate, ok, type StepParts } from "./locate.ts";
import { isReservedChannel } from "./outcome-report.ts";
import { INBOX_STATE } from "./row-states.ts";

type Closed = Extract<Located, { readonly at: "closed" }>;

/**
 * RI3 to RI6 for one batch of consecutive messages of one channel, verified before (RI1).
 *
 * @param isPartialWhole where the body is the partial: whether it is what the item says
 */
export function ingest(
  parts: StepParts,
  call: InboxIngestCall,
  isPartialWhole: boolean,
): InboxResult {
  // RI3
  const found = locate(parts, call);
  if (found.at === "refused") return { kind: found.kind };
  if (found.at === "closed") return ingestIntoClosed(parts, call, found);
  const { channel } = found;
  // RI4
  if (call.first > channel.lastSeq + 1n) return { kind: "gap", last: channel.lastSeq };
  // RI5, all of it before anything is appended
  const repeats = call.items.slice(0, Number(channel.lastSeq + 1n - call.first));
  const unverifiedCount = countUnverified(parts, call, channel.id, repeats);
  if (typeof unverifiedCount === "bigint") return { kind: "conflict", seq: unverifiedCount };
  const fresh = call.items.slice(repeats.length);
  const large = fresh.some(({ body }) => body === null) ? partialOf(parts, channel.id) : undefined;
  if (fresh.some(({ body }) => body === null) && (large === undefined || !isPartialWhole)) {
    forgetPartial(parts, channel.id);
    return { kind: "hash", seq: call.first };
  }
  // RI6
  if (large !== undefined) parts.prepared.inboxPartialDelete.run(large.id);
  let arrivedCount = 0;
  for (const item of fresh) {
    if (append(parts, call, channel, item, large)) arrivedCount += 1;
  }
  if (fresh.length > 0) {
    forgetPartial(parts, channel.id);
    moveChannel(parts, channel);
  }
  return { ...ok(channel.lastSeq), arrivedCount, unverifiedCount };
}

/** RI3: a late repeat of what a closed epoch holds is a repeat; anything else is too late. */
function ingestIntoClosed(
  parts: StepParts,
  call: InboxIngestCall,
  { channel, finalSeq }: Closed,
): InboxResult {
  const last = call.first + BigInt(call.items.length) - 1n;
  if (last > finalSeq) return { kind: "staleEpoch" };
  const unverifiedCount = countUnverified(parts, call, channel.id, call.items);
  if (typeof unverifiedCount === "bigint") return { kind: "staleEpoch" };
  return { ...ok(finalSeq), unverifiedCount };
}

/**
 * RI5: compares repeats with what is stored.
 *
 * @returns how many had no row to compare with because it was forgotten, or the first seq that holds another
 *   content. A number inside a gap record was never stored here: to accept a message under it would lose the
 *   message, so it counts as another content, and the source gives it a new one
 */
function countUnverified(
  parts: StepParts,
  { first, epoch }: InboxIngestCall,
  channel: number,
  repeats: readonly InboxItem[],
): number | bigint {
  let count = 0;
  for (const [index, { sha256 }] of repeats.entries()) {
    const seq = first + BigInt(index);
    const stored = findRow(parts, channel, epoch, seq);
    if (stored === undefined) {
      if (isInGap(parts, channel, epoch, seq)) return seq;
      count += 1;
    } else if (!hasContent(parts, stored, sha256)) return seq;
  }
  return count;
}

/** RI6 for one message: moves `channel` to it. @returns whether it is handed on */
function append(
  parts: StepParts,
  call: InboxIngestCall,
  channel: InboxChannel,
  item: InboxItem,
  large: PartialRow | undefined,
): boolean {
  const { prepared, sealer } = parts;
  const { sha256, replaces, meta, body } = item;
  const seq = channel.lastSeq + 1n;
  const { repeatOf, possibleRepeat } = originOf(parts, channel, item);
  const before = channel.chain;
  channel.lastSeq = seq;
  // After a SKIP without a chain there is none to go on from, until the epoch ends.
  channel.chain = channel.chain === null ? null : nextChain(channel.chain, call.epoch, seq, sha256);
  const id = large?.id ?? parts.newId();
  const length = body?.length ?? large?.total ?? 0;
  const isNew = repeatOf === null;
  if (!isReservedChannel(channel.name)) {
    parts.hours.numbered({
      ...{ direction: DOWN, channel: channel.id, epoch: call.epoch, seq },
      ...{ receivedAtMs: call.atMs, isCopy: !isNew, before, after: channel.chain },
    });
  }
  const identity = { epoch: call.epoch, seq };
  const head = { ...identity, sha256, chain: channel.chain, replaces, meta };
  prepared.inboxInsert.run(
    ...[id, channel.id, call.epoch, seq, item.receivedAtMs, call.atMs, length],
    ...[sealer.token(TOKEN_OF_CONTENT, sha256), isNew ? 1 : 0],
    isNew ? sealHead(parts, { channel: channel.id, id }, head) : null,
    ...[repeatOf, possibleRepeat || seq <= channel.repeatThrough ? 1 : 0],
    ...(isNew ? [INBOX_STATE.waiting, null] : [INBOX_STATE.repeat, call.atMs]),
  );
  if (isNew) {
    if (body !== null) appendBody(parts, id, 0, body);
    prepared.inboxChannelCount.run(1, length, 0, 0, channel.id);
  } else if (large !== undefined) dropBody(prepared, id, length);
  return isNew;
}

const NEW = { repeatOf: null, possibleRepeat: false } as const;

/** RI6: is the message that this one replaces here already? */
function originOf(
  parts: StepParts,
  channel: InboxChannel,
  { replaces, sha256 }: InboxItem,
): { readonly repeatOf: number | null; readonly possibleRepeat: boolean } {
  if (replaces === null) return NEW;
  const { epoch, seq } = replaces;
  const row = findRow(parts, channel.id, epoch, seq);
  if (row !== undefined) {
    return hasContent(parts, row, sha256) ? { repeatOf: row.id, possibleRepeat: false } : NEW;
  }
  const finalSeq = parts.prepared.inboxEpochFinal.get(channel.id, epoch) as bigint | undefined;
  const isForgotten =
    finalSeq !== undefined && seq <= finalSeq && !isInGap(parts, channel.id, epoch, seq);
  return { repeatOf: null, possibleRepeat: isForgotten };
}

interface StoredRow {
  readonly id: number;
  readonly contentToken: Uint8Array;
}

function findRow(
  { prepared }: StepParts,
  channel: number,
  epoch: bigint,
  seq: bigint,
): StoredRow | undefined {
  const row = prepared.inboxFind.get(channel, epoch, seq) as [bigint, Uint8Array] | undefined;
  return row === undefined ? undefined : { id: Number(row[0]), contentToken: row[1] };
}

/** The digest is kept as a keyed token for ever, and inside the envelope while the bytes are (08 2.1). */
const hasContent = (
  { sealer }: StepParts,
  { contentToken }: StoredRow,
  sha256: Uint8Array,
): boolean => Buffer.compare(contentToken, sealer.token(TOKEN_OF_CONTENT, sha256)) === 0;

const isInGap = ({ prepared }: StepParts, channel: number, epoch: bigint, seq: bigint): boolean =>
  prepared.inboxGapFind.get(channel, epoch, seq, seq) !== undefined;
