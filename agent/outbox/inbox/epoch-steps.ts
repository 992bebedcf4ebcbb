/**
 * OPEN and SKIP at the agent as the sink (06 TP14 to TP17, TP31), inside the writer's transaction.
 *
 * @module
 */
import { CHAIN_START } from "../format/chain.ts";
import { dropBody } from "./inbox-bodies.ts";
import type {
  ChannelCall,
  GapKind,
  InboxOpenCall,
  InboxOpenResult,
  InboxPartial,
  InboxPosition,
  InboxResult,
  InboxSkipCall,
} from "./inbox-calls.ts";
import { channelAt, type InboxChannel, moveChannel, partialOf } from "./inbox-rows.ts";
import { locate, ok, type StepParts } from "./locate.ts";

const SEQ_MAX = 2n ** 63n - 1n;

/** Answers where the channel stands here; begins an epoch where the rules allow it. */
export function open(parts: StepParts, call: InboxOpenCall): InboxOpenResult {
  // TP34: the hospital decides which channels there are.
  if (!parts.named.has(call.channel)) return { kind: "unknown" };
  const known = channelAt(parts, call.channel);
  if (known === undefined) return takeAsGiven(parts, call);
  if (call.epoch === known.epoch) {
    noteRepeats(parts, call, known);
    const partial = partialIn(parts, known);
    return { kind: "ok", position: { ...positionOf(known), partial }, gap: null };
  }
  // TP16: the epoch of the call is closed here.
  if (call.epoch < known.epoch) return { kind: "behind", position: positionOf(known), gap: null };
  // TP16: the source drained an epoch of which nothing is known here; ours comes first.
  if (call.previous !== null && call.previous.epoch > known.epoch) {
    return { kind: "ahead", position: positionOf(known), gap: null };
  }
  return beginEpoch(parts, call, known);
}

/** TP17: nothing is known of the channel, so the epoch is taken as given, from seq 1. */
function takeAsGiven(parts: StepParts, call: InboxOpenCall): InboxOpenResult {
  const { prepared } = parts;
  const id = Number(prepared.inboxChannelInsert.run(call.channel, call.epoch).lastInsertRowid);
  const channel = started(id, call);
  moveChannel(parts, channel);
  noteRepeats(parts, call, channel);
  let gap: GapKind | null = null;
  // A previous epoch that ended at 0 held nothing, so that nothing is missing.
  if (call.previous !== null && call.previous.finalSeq !== 0n) {
    gap = "storeReplaced";
    const { epoch, finalSeq } = call.previous;
    noteGap(parts, call, id, { kind: gap, epoch, first: 1n, last: finalSeq });
  }
  return { kind: "ok", position: positionOf(channel), gap };
}

/**
 * TP17: closes the epoch that stands here and begins the one of the call. What the source had in the old one
 * and we have not is a gap; so is what nobody knows: a final seq of null, or a source that does not name our
 * epoch as its previous one.
 */
function beginEpoch(parts: StepParts, call: InboxOpenCall, old: InboxChannel): InboxOpenResult {
  const { prepared, sealer } = parts;
  const named = call.previous?.epoch === old.epoch ? call.previous.finalSeq : null;
  let gap: GapKind | null = null;
  // Behind the last possible seq nothing can be missing.
  if (old.lastSeq < SEQ_MAX && (named === null || named > old.lastSeq)) {
    gap = "rolledBack";
    const first = old.lastSeq + 1n;
    noteGap(parts, call, old.id, { kind: gap, epoch: old.epoch, first, last: named });
  }
  const place = { column: "inbox_epoch.final_chain", channel: old.id, row: old.epoch } as const;
  const finalChain = old.chain === null ? null : sealer.seal([old.chain], place);
  prepared.inboxEpochInsert.run(old.id, old.epoch, old.lastSeq, finalChain);
  forgetPartial(parts, old.id);
  prepared.inboxChannelRepeats.run(0, old.id);
  const channel = started(old.id, call);
  moveChannel(parts, channel);
  noteRepeats(parts, call, channel);
  return { kind: "ok", position: positionOf(channel), gap };
}

/**
 * What the source settled was here once, and is not now: this store was put back to an older state. What comes
 * again may have been delivered since, and so may what waits here.
 */
function noteRepeats({ prepared }: StepParts, call: InboxOpenCall, channel: InboxChannel): void {
  const through = call.nextSeq - 1n;
  if (through <= channel.lastSeq || through <= channel.repeatThrough) return;
  prepared.inboxChannelRepeats.run(through, channel.id);
  prepared.inboxMayRepeatOf.run(channel.id);
}

/**
 * TP31: closes the seqs that will never come, with a gap record. Over seqs already stored it is `ok` and
 * writes nothing, so that a repeated SKIP has no second effect.
 */
export function skip(parts: StepParts, call: InboxSkipCall): InboxResult {
  const found = locate(parts, call);
  if (found.at === "refused") return { kind: found.kind };
  if (found.at === "closed") {
    return call.last <= found.finalSeq ? ok(found.finalSeq) : { kind: "staleEpoch" };
  }
  const { channel } = found;
  if (call.first > channel.lastSeq + 1n) return { kind: "gap", last: channel.lastSeq };
  if (call.last <= channel.lastSeq) return ok(channel.lastSeq);
  const range = { epoch: call.epoch, first: channel.lastSeq + 1n, last: call.last };
  noteGap(parts, call, channel.id, { kind: call.reason, ...range });
  forgetPartial(parts, channel.id);
  channel.lastSeq = call.last;
  channel.chain = call.chain;
  moveChannel(parts, channel);
  return { ...ok(call.last), gap: call.reason };
}

/** What has arrived of a message that will not end. */
export function forgetPartial(parts: StepParts, channel: number): void {
  const partial = partialOf(parts, channel);
  if (partial === undefined) return;
  parts.prepared.inboxPartialDelete.run(partial.id);
  dropBody(parts.prepared, partial.id, partial.durable);
}

/** TP14: of this epoch and of the next seq, or it has been forgotten. */
function partialIn(parts: StepParts, { id, epoch, lastSeq }: InboxChannel): InboxPartial | null {
  const found = partialOf(parts, id);
  if (found?.sha256 === undefined || found.epoch !== epoch || found.seq !== lastSeq + 1n) {
    return null;
  }
  const { seq, sha256, total, durable } = found;
  return { seq, sha256, totalBytes: total, durableBytes: durable };
}

interface GapRange {
  readonly kind: GapKind;
  readonly epoch: bigint;
  readonly first: bigint;
  readonly last: bigint | null;
}

/** RI8. */
function noteGap(
  { prepared, storeId }: StepParts,
  { atMs, sourceStore }: ChannelCall & { readonly sourceStore: Uint8Array | null },
  channel: number,
  { kind, epoch, first, last }: GapRange,
): void {
  prepared.inboxGapInsert.run(channel, epoch, first, last, kind, atMs, sourceStore, storeId);
}

const started = (id: number, { channel, epoch }: ChannelCall): InboxChannel => ({
  ...{ id, name: channel, epoch, lastSeq: 0n, chain: CHAIN_START, repeatThrough: 0n },
});

const positionOf = ({ epoch, lastSeq, chain }: InboxChannel): InboxPosition => ({
  ...{ epoch, lastSeq, chain, partial: null },
});
