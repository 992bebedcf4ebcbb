/**
 * Large messages while they arrive (TP14, TP25), inside the writer's transaction.
 *
 * Their bytes lie in rows of `body_slice`, so that a slice costs one insert and the message becomes
 * visible by one row, whatever its size. A body that nobody will name any more is doomed first and
 * deleted in steps afterwards: to delete 512 MiB in one transaction would hold up every other call.
 *
 * @module
 */

import type { PartialCall, PartialPosition, PartialResult } from "#streams/sink/sink-store.ts";
import { BODY_SLICE_MAX_BYTES, SWEEP_SLICES } from "../../limits.ts";
import type { ReadBodyCall } from "../store.ts";
import { locate } from "./locate.ts";
import type { Prepared } from "./prepared.ts";

/** The one unfinished message of a channel. */
export interface Partial {
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly sha256: Uint8Array;
  readonly totalBytes: bigint;
  readonly durableBytes: bigint;
  /** Of `large_body`. */
  readonly body: bigint;
}

const NOTHING = new Uint8Array(0);

/** A message that begins anew, or is not the one that was there, makes the old one forgotten, also where it is refused. */
export function savePartial(sql: Prepared, call: PartialCall): PartialResult {
  const found = locate(sql, call);
  if ("kind" in found) return found;
  if (found.at === "closed") return { kind: "staleEpoch" };
  if (call.seq !== found.lastSeq + 1n) return { kind: "restart" };
  let partial = findPartial(sql, call);
  if (partial !== undefined && (call.offset === 0 || !isOf(partial, call))) {
    forgetPartial(sql, call);
    partial = undefined;
  }
  const durableBytes = Number(partial?.durableBytes ?? 0n);
  if (call.offset !== durableBytes) return { kind: "restart" };
  const body = partial?.body ?? begin(sql, call);
  const endBytes = call.offset + call.bytes.length;
  for (let at = call.offset; at < endBytes; at += BODY_SLICE_MAX_BYTES) {
    const from = at - call.offset;
    sql.insertSlice.run(body, at, call.bytes.subarray(from, from + BODY_SLICE_MAX_BYTES));
  }
  sql.growPartial.run(endBytes, call.agent, call.channel);
  return { kind: "ok", durableBytes: endBytes };
}

export function findPartial(
  sql: Prepared,
  { agent, channel }: { readonly agent: number; readonly channel: string },
): Partial | undefined {
  const row = sql.readPartial.get(agent, channel);
  if (row === undefined) return undefined;
  const [epoch, seq, sha256, totalBytes, durableBytes, body] = row;
  return { epoch, seq, sha256, totalBytes, durableBytes, body };
}

/** What OPENED may say of it; null where there is none. */
export function partialPosition(partial: Partial | undefined): PartialPosition | null {
  if (partial === undefined) return null;
  const { seq, sha256, totalBytes, durableBytes } = partial;
  return { seq, sha256, totalBytes: Number(totalBytes), durableBytes: Number(durableBytes) };
}

/** Forgets the unfinished message of a channel, if there is one. */
export function forgetPartial(
  sql: Prepared,
  { agent, channel }: { readonly agent: number; readonly channel: string },
): void {
  const [body] = sql.takePartial.get(agent, channel) ?? [];
  if (body !== undefined) sql.doomBody.run(body);
}

/** @returns the slice that holds `from`, from there on and of at most `maxBytes`; empty behind the end */
export function readBody(sql: Prepared, call: ReadBodyCall): Uint8Array {
  const { agent, channel, epoch, seq, from, maxBytes } = call;
  const bytes = Math.min(maxBytes, BODY_SLICE_MAX_BYTES);
  // In SQL the first byte has number 1.
  const [body, part] = sql.readBodyPart.get(from + 1, bytes, agent, channel, epoch, seq) ?? [];
  if (body === undefined || part === undefined) return NOTHING;
  // SQLite gives NULL for a part of an empty body.
  if (body === null) return part ?? NOTHING;
  return new Uint8Array(sliceAt(sql, body, from).subarray(0, bytes));
}

/** @returns the bytes of a large body from `from` to the end of the slice that holds it */
export function sliceAt(sql: Prepared, body: bigint, from: number): Uint8Array {
  const [at, bytes] = sql.readSlice.get(body, from) ?? [];
  return at === undefined || bytes === undefined ? NOTHING : bytes.subarray(from - Number(at));
}

/** @returns whether a body is doomed */
export function isSweepDue(sql: Prepared): boolean {
  return sql.nextDoomed.get() !== undefined;
}

/** Deletes some slices of doomed bodies: 2 MiB. */
export function sweep(sql: Prepared): void {
  const [body] = sql.nextDoomed.get() ?? [];
  if (body === undefined) return;
  const { changes } = sql.deleteSlices.run(body, SWEEP_SLICES);
  if (changes < SWEEP_SLICES) sql.deleteBody.run(body);
}

function isOf(partial: Partial, call: PartialCall): boolean {
  return (
    partial.epoch === call.epoch &&
    partial.seq === call.seq &&
    partial.totalBytes === BigInt(call.totalBytes) &&
    Buffer.compare(partial.sha256, call.sha256) === 0
  );
}

function begin(sql: Prepared, call: PartialCall): bigint {
  const { agent, channel, epoch, seq, sha256, totalBytes } = call;
  const [body = 0n] = sql.insertBody.get(totalBytes) ?? [];
  sql.insertPartial.run(agent, channel, epoch, seq, sha256, totalBytes, body);
  return body;
}
