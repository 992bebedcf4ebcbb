/**
 * The ingest step (06 section 12, RI2 to RI6) and SKIP (TP31), inside the writer's transaction. The
 * caller commits (RI7), or rolls the call back if it is anything but `ok`.
 *
 * @module
 */
import { hash } from "node:crypto";
import { chainInput } from "#protocol/chain.ts";
import type { ChannelCall, IngestItem, IngestResult, SkipCall } from "#streams/sink/sink-store.ts";
import type { CheckedBody } from "./body-check.ts";
import type { PackedIngestCall } from "./calls.ts";
import { type Closed, locate, type Position } from "./locate.ts";
import { unpackItems } from "./packed-items.ts";
import { findPartial, forgetPartial } from "./partial-step.ts";
import type { Prepared } from "./prepared.ts";

/**
 * RI2 to RI6 for one batch of consecutive messages of one channel.
 *
 * @param checked what was read of the body of a large message, before the transaction
 */
export function ingest(
  sql: Prepared,
  call: PackedIngestCall,
  checked?: CheckedBody | undefined,
): IngestResult {
  const found = locate(sql, call);
  if ("kind" in found) return found;
  const items = unpackItems(call.packed);
  if (found.at === "closed") return ingestIntoClosed(sql, call, items, found);

  // RI4
  if (call.first > found.lastSeq + 1n) return { kind: "gap", last: found.lastSeq };
  // RI5, all of it before anything is appended
  const repeats = items.slice(0, Number(found.lastSeq + 1n - call.first));
  const unverifiedCount = countUnverified(sql, call, repeats);
  if (typeof unverifiedCount === "bigint") return { kind: "conflict", seq: unverifiedCount };
  // RI6
  const isNew = repeats.length < items.length;
  const large = isNew && call.packed.isLarge ? takeLarge(sql, call, items, checked) : null;
  if (large === "hash") return { kind: "hash", seq: call.first };
  for (const item of items.slice(repeats.length)) append(sql, call, found, item, large);
  if (isNew) {
    forgetPartial(sql, call);
    sql.advanceChannel.run(found.lastSeq, found.chain, call.agent, call.channel);
  }
  return { ...ok(found.lastSeq), unverifiedCount };
}

/**
 * TP31: closes the seqs that will never come, with a gap record. Over seqs already stored it is
 * `ok` and writes nothing, so that a repeated SKIP has no second effect.
 */
export function skip(sql: Prepared, call: SkipCall, sinkStore: Uint8Array): IngestResult {
  const found = locate(sql, call);
  if ("kind" in found) return found;
  if (found.at === "closed") {
    const inside = call.last <= found.finalSeq;
    return inside ? ok(found.finalSeq) : { kind: "staleEpoch" };
  }
  if (call.first > found.lastSeq + 1n) return { kind: "gap", last: found.lastSeq };
  if (call.last <= found.lastSeq) return ok(found.lastSeq);

  const [sourceStore = null] = sql.readSourceStore.get(call.agent) ?? [];
  const from = found.lastSeq + 1n;
  const key = [call.agent, call.channel] as const;
  sql.insertGap.run(
    ...key,
    call.epoch,
    from,
    call.last,
    call.reason,
    call.atMs,
    sourceStore,
    sinkStore,
  );
  sql.advanceChannel.run(call.last, call.chain, ...key);
  forgetPartial(sql, call);
  return { ...ok(call.last), gap: call.reason };
}

/**
 * RI1: the partial becomes the body if it is what was read, and that is what the item announces.
 *
 * @returns its body; otherwise "hash", and it is forgotten
 */
function takeLarge(
  sql: Prepared,
  call: PackedIngestCall,
  [item]: readonly IngestItem[],
  checked: CheckedBody | undefined,
): bigint | "hash" {
  const partial = findPartial(sql, call);
  const isWhole =
    item !== undefined &&
    checked !== undefined &&
    partial?.body === checked.body &&
    partial.totalBytes === BigInt(checked.bytes) &&
    checked.sha256.equals(item.sha256);
  if (!isWhole) {
    forgetPartial(sql, call);
    return "hash";
  }
  sql.takePartial.get(call.agent, call.channel);
  return partial.body;
}

/** RI3: a late repeat of what a closed epoch holds is a repeat; anything else is too late. */
function ingestIntoClosed(
  sql: Prepared,
  call: PackedIngestCall,
  items: readonly IngestItem[],
  closed: Closed,
): IngestResult {
  const last = call.first + BigInt(items.length) - 1n;
  if (last > closed.finalSeq) return { kind: "staleEpoch" };
  const unverifiedCount = countUnverified(sql, call, items);
  if (typeof unverifiedCount === "bigint") return { kind: "staleEpoch" };
  return { ...ok(closed.finalSeq), unverifiedCount };
}

/**
 * RI5: compares repeats with what is stored.
 *
 * @returns how many had no row to compare with because it was pruned, or the first seq that holds
 *   another content. A number inside a gap record was never stored here: to accept a message under
 *   it would lose the message, so it counts as another content, and the source gives it a new one.
 */
function countUnverified(
  sql: Prepared,
  call: PackedIngestCall,
  repeats: readonly IngestItem[],
): number | bigint {
  let count = 0;
  for (const [index, item] of repeats.entries()) {
    const seq = call.first + BigInt(index);
    const [, stored] = sql.findMessage.get(call.agent, call.channel, call.epoch, seq) ?? [];
    if (stored === undefined) {
      if (isInGap(sql, call, call.epoch, seq)) return seq;
      count += 1;
    } else if (Buffer.compare(stored, item.sha256) !== 0) return seq;
  }
  return count;
}

/** RI6 for one message: moves `position` to it. */
function append(
  sql: Prepared,
  call: PackedIngestCall,
  position: Position,
  item: IngestItem,
  large: bigint | null,
): void {
  const seq = position.lastSeq + 1n;
  const origin = item.replaces === null ? NEW : originOf(sql, call, item, item.replaces);
  sql.insertMessage.run(
    call.agent,
    call.channel,
    call.epoch,
    seq,
    item.sha256,
    item.receivedAtMs,
    call.atMs,
    item.meta,
    origin.repeatOf,
    origin.possibleRepeat ? 1 : 0,
    item.body ?? NOTHING,
    large,
  );
  position.lastSeq = seq;
  // After a SKIP without a chain there is none to go on from, until the epoch ends.
  if (position.chain !== null) {
    const input = chainInput(position.chain, call.epoch, seq, item.sha256);
    position.chain = hash("sha256", input, "buffer");
  }
}

const NOTHING = new Uint8Array(0);
const NEW = { repeatOf: null, possibleRepeat: false } as const;

/** RI6: is the message that this one replaces here already? */
function originOf(
  sql: Prepared,
  call: PackedIngestCall,
  item: IngestItem,
  replaces: { readonly epoch: bigint; readonly seq: bigint },
): { readonly repeatOf: bigint | null; readonly possibleRepeat: boolean } {
  const { agent, channel } = call;
  const row = sql.findMessage.get(agent, channel, replaces.epoch, replaces.seq);
  if (row !== undefined) {
    const [id, sha256] = row;
    return Buffer.compare(sha256, item.sha256) === 0
      ? { repeatOf: id, possibleRepeat: false }
      : NEW;
  }
  const [finalSeq] = sql.readEpoch.get(agent, channel, replaces.epoch) ?? [];
  const pruned =
    finalSeq !== undefined &&
    replaces.seq <= finalSeq &&
    !isInGap(sql, call, replaces.epoch, replaces.seq);
  return { repeatOf: null, possibleRepeat: pruned };
}

function isInGap(sql: Prepared, call: ChannelCall, epoch: bigint, seq: bigint): boolean {
  return sql.findGap.get(call.agent, call.channel, epoch, seq, seq) !== undefined;
}

function ok(last: bigint): Extract<IngestResult, { readonly kind: "ok" }> {
  return { kind: "ok", last, unverifiedCount: 0, gap: null };
}
