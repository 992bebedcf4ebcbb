/**
 * OPEN at the sink (TP14 to TP17), inside the writer's transaction.
 *
 * @module
 */
import { CHAIN_START } from "#protocol/chain.ts";
import type {
  ChannelPosition,
  GapKind,
  OpenCall,
  OpenPosition,
  OpenResult,
} from "#streams/sink/sink-store.ts";
import { AGENT_CHANNELS_MAX_COUNT } from "../../limits.ts";
import { isFenced } from "./locate.ts";
import { findPartial, forgetPartial, partialPosition } from "./partial-step.ts";
import type { Prepared } from "./prepared.ts";

const SEQ_MAX = 2n ** 63n - 1n;

/** Answers where the channel stands here; begins an epoch where the rules allow it. */
export function open(sql: Prepared, call: OpenCall, sinkStore: Uint8Array): OpenResult {
  if (isFenced(sql, call.agent, call.session)) return { kind: "fenced" };
  const row = sql.readChannel.get(call.agent, call.channel);
  if (row === undefined) {
    const [count = 0n] = sql.countChannels.get(call.agent) ?? [];
    if (count >= BigInt(AGENT_CHANNELS_MAX_COUNT)) return { kind: "unknown" };
    return takeAsGiven(sql, call, sinkStore);
  }

  const [epoch, lastSeq, chain] = row;
  const position = { epoch, lastSeq, chain, partial: null };
  if (call.epoch === epoch) {
    // TP14: a partial is of this epoch and of the next seq, or it has been forgotten.
    const partial = partialPosition(findPartial(sql, call));
    return { kind: "ok", position: { ...position, partial }, gap: null };
  }
  // TP16: the epoch of the call is closed here.
  if (call.epoch < epoch) return { kind: "behind", position, gap: null };
  // TP16: the source drained an epoch of which nothing is known here; ours comes first.
  if (call.previous !== null && call.previous.epoch > epoch) {
    return { kind: "ahead", position, gap: null };
  }
  return beginEpoch(sql, call, position, sinkStore);
}

/** TP17: nothing is known of the channel, so the epoch is taken as given, from seq 1. */
function takeAsGiven(sql: Prepared, call: OpenCall, sinkStore: Uint8Array): OpenResult {
  sql.insertChannel.run(call.agent, call.channel, call.epoch, CHAIN_START);
  let gap: GapKind | null = null;
  // A previous epoch that ended at 0 held nothing, so that nothing is missing.
  if (call.previous !== null && call.previous.finalSeq !== 0n) {
    gap = "storeReplaced";
    recordGap(sql, call, sinkStore, gap, {
      epoch: call.previous.epoch,
      first: 1n,
      last: call.previous.finalSeq,
    });
  }
  return { kind: "ok", position: start(call.epoch), gap };
}

/**
 * TP17: closes the epoch that stands here and begins the one of the call. What the source had in
 * the old one and the sink has not is a gap; so is what nobody knows: a final seq of null, or a
 * source that does not name our epoch as its previous one.
 */
function beginEpoch(
  sql: Prepared,
  call: OpenCall,
  old: ChannelPosition,
  sinkStore: Uint8Array,
): OpenResult {
  const { agent, channel } = call;
  const named = call.previous?.epoch === old.epoch ? call.previous.finalSeq : null;
  let gap: GapKind | null = null;
  // Behind the last possible seq nothing can be missing.
  if (old.lastSeq < SEQ_MAX && (named === null || named > old.lastSeq)) {
    gap = "rolledBack";
    recordGap(sql, call, sinkStore, gap, {
      epoch: old.epoch,
      first: old.lastSeq + 1n,
      last: named,
    });
  }
  sql.closeEpoch.run(agent, channel, old.epoch, old.lastSeq, old.chain);
  sql.changeEpoch.run(call.epoch, CHAIN_START, agent, channel);
  forgetPartial(sql, call);
  return { kind: "ok", position: start(call.epoch), gap };
}

function recordGap(
  sql: Prepared,
  call: OpenCall,
  sinkStore: Uint8Array,
  kind: GapKind,
  range: { readonly epoch: bigint; readonly first: bigint; readonly last: bigint | null },
): void {
  const [sourceStore = null] = sql.readSourceStore.get(call.agent) ?? [];
  sql.insertGap.run(
    call.agent,
    call.channel,
    range.epoch,
    range.first,
    range.last,
    kind,
    call.atMs,
    sourceStore,
    sinkStore,
  );
}

function start(epoch: bigint): OpenPosition {
  return { epoch, lastSeq: 0n, chain: CHAIN_START, partial: null };
}
