/**
 * Looks through the inbox for a control id, newest first, in short steps: it stands in the bytes of each message alone,
 * and those that were pruned cannot be found.
 *
 * @module
 */
import { controlIdOf } from "#reconcile/control-id.ts";
import { flagsFrom } from "./delivery-step.ts";
import { type BodyParts, readSlice } from "./inbox-bodies.ts";
import type { InboxSearched, TracedDelivery } from "./inbox-messages.ts";
import { rowAt } from "./inbox-rows.ts";
import { INBOX_STATE } from "./row-states.ts";

/** Each opens a slice of up to 128 KiB. */
const ROWS = 50;

const STATES = {
  [INBOX_STATE.waiting]: "waiting",
  [INBOX_STATE.awaiting]: "awaiting",
  [INBOX_STATE.accepted]: "delivered",
  [INBOX_STATE.aside]: "aside",
  [INBOX_STATE.repeat]: "repeat",
  [INBOX_STATE.discarded]: "discarded",
} as const;

/** @param controlId MSH-10, a character each byte */
export function searchInbox(parts: BodyParts, controlId: string, beforeId: number): InboxSearched {
  const ids = parts.prepared.inboxKeptBefore.all(beforeId, ROWS) as number[];
  const matches = ids
    .filter((id) => controlIdOf(readSlice(parts, id, 0) ?? new Uint8Array(0)) === controlId)
    .flatMap((id) => traced(parts, id) ?? []);
  return { matches, nextId: ids.length < ROWS ? 0 : (ids.at(-1) ?? 0) };
}

type Times = [storedAtMs: number, settledAtMs: number | null, reason: string | null];

function traced(parts: BodyParts, id: number): TracedDelivery | undefined {
  const row = rowAt(parts, id);
  const times = parts.prepared.inboxTimes.get(id) as Times | undefined;
  if (row === undefined || times === undefined) return undefined;
  const { channel, epoch, seq, length, state, code, flags } = row;
  const [storedAtMs, settledAtMs, reason] = times;
  return {
    channel: (parts.prepared.inboxChannelName.get(channel) as string | undefined) ?? "",
    ...{ epoch, seq, length, storedAtMs, settledAtMs: settledAtMs ?? undefined },
    state: STATES[state as keyof typeof STATES],
    ...{ reason: reason ?? undefined, code: code ?? undefined, flags: flagsFrom(flags) },
  };
}
