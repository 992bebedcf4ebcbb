/**
 * RI2 and RI3: whether a call may act at all, and where the epoch that it names stands.
 *
 * @module
 */
import type { ChannelCall } from "#streams/sink/sink-store.ts";
import type { Prepared } from "./prepared.ts";

export type Position = { readonly at: "open"; lastSeq: bigint; chain: Uint8Array | null };
export type Closed = { readonly at: "closed"; readonly finalSeq: bigint };

/** @returns whether the session of the call is not the agent's latest (RI2) */
export function isFenced(sql: Prepared, agent: number, session: number): boolean {
  const [latest] = sql.readSession.get(agent) ?? [];
  return latest !== BigInt(session);
}

/** RI2 and RI3: where the epoch of the call stands. */
export function locate(
  sql: Prepared,
  call: ChannelCall,
): { readonly kind: "fenced" | "unopened" | "staleEpoch" } | Position | Closed {
  if (isFenced(sql, call.agent, call.session)) return { kind: "fenced" };
  const row = sql.readChannel.get(call.agent, call.channel);
  if (row === undefined) return { kind: "unopened" };
  const [epoch, lastSeq, chain] = row;
  // Only `open` changes epochs.
  if (call.epoch > epoch) return { kind: "unopened" };
  if (call.epoch === epoch) return { at: "open", lastSeq, chain };
  const [finalSeq] = sql.readEpoch.get(call.agent, call.channel, call.epoch) ?? [];
  return finalSeq === undefined ? { kind: "staleEpoch" } : { at: "closed", finalSeq };
}
