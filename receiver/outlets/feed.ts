/**
 * One channel as an outlet reads it: messages and gaps, one page after the other, by epoch and seq and
 * never by a row number, which is not the order of commits (06 section 12, traps).
 *
 * A gap is written at the end of what its channel held, and what follows it comes after it. So behind
 * a message nobody will ever find a gap that lies before it; and of what lies before a gap everything
 * is there once the gap is. That is all that is used here: no call has to see what another one saw.
 *
 * @module
 */

import { storedMetaFrom } from "#streams/sink/stored-meta.ts";
import type { OutletStore, Place } from "../store/outlets.ts";
import type { GapRecord, MessageRecord, Store } from "../store/store.ts";
import { isGone, slicesOf } from "./body.ts";
import {
  comparePlaces,
  END,
  type OutletChannel,
  type OutletEvent,
  type OutletGap,
  type OutletMessage,
} from "./event.ts";

/** What a feed asks. */
export type FeedStore = Pick<Store, "readMessages" | "readBody"> & Pick<OutletStore, "findGaps">;

/**
 * Reads on.
 *
 * @returns what follows `after` without a hole, in order; empty if there is nothing yet. Bodies above
 *   1 MiB are left in the store; of the others it holds one page
 */
export async function readEvents(
  store: FeedStore,
  channel: OutletChannel,
  after: Place,
): Promise<readonly OutletEvent[]> {
  const call = { agent: channel.agent, channel: channel.channel, after };
  let messages = await store.readMessages({ ...call, upTo: END, withBody: true });
  const gaps = await store.findGaps({ ...call, upTo: messages.at(-1) ?? END });
  const lastGap = gaps.at(-1);
  if (lastGap === undefined) return await toEvents(store, channel, messages, []);
  // Messages may have come between the two calls: everything before the gap, now that it is there.
  const upTo = endOf(lastGap);
  if (messages.length === 0) {
    messages = await store.readMessages({ ...call, upTo, withBody: true });
    const last = messages.at(-1);
    if (last !== undefined) {
      const before = gaps.filter((gap) => comparePlaces(endOf(gap), last) < 0);
      return await toEvents(store, channel, messages, before);
    }
  }
  // Behind the last gap of a page there may be another one before the next message.
  const known = messages.filter((message) => comparePlaces(message, upTo) < 0);
  return await toEvents(store, channel, known, gaps);
}

/** @returns where a gap ends in the order of its channel */
export function endOf({ epoch, firstSeq, lastSeq }: GapRecord): Place {
  return { epoch, seq: lastSeq ?? firstSeq ?? 0n };
}

async function toEvents(
  store: FeedStore,
  channel: OutletChannel,
  messages: readonly MessageRecord[],
  gaps: readonly GapRecord[],
): Promise<readonly OutletEvent[]> {
  const events: OutletEvent[] = gaps.map((gap) => gapEvent(channel, gap));
  for (const message of messages) {
    const isMissing = await isGone(store, channel, message);
    events.push((isMissing ? goneEvent : messageEvent)(channel, message, store));
  }
  return events.sort((a, b) => comparePlaces(a.end, b.end));
}

function gapEvent({ agentName, channel }: OutletChannel, gap: GapRecord): OutletGap {
  const { epoch, firstSeq, lastSeq, kind, recordedAtMs } = gap;
  return {
    kind: "gap",
    agent: agentName,
    channel,
    epoch,
    end: endOf(gap),
    firstSeq,
    lastSeq,
    reason: kind,
    recordedAtMs,
  };
}

/** A message whose body was pruned before this outlet came: it learns that there was one. */
function goneEvent({ agentName, channel }: OutletChannel, message: MessageRecord): OutletGap {
  const { epoch, seq, storedAtMs } = message;
  return {
    kind: "gap",
    agent: agentName,
    channel,
    epoch,
    end: { epoch, seq },
    firstSeq: seq,
    lastSeq: seq,
    reason: "pruned",
    recordedAtMs: storedAtMs,
  };
}

/** @returns a message, with its body still to be read */
export function messageEvent(
  channel: OutletChannel,
  message: MessageRecord,
  store: FeedStore,
): OutletMessage {
  const { epoch, seq, sha256, bytes, receivedAtMs, storedAtMs, possibleRepeat } = message;
  // The store holds what the receiver wrote.
  const meta = storedMetaFrom(message.meta);
  const slices = (): AsyncIterable<Uint8Array> => slicesOf(store, channel, message);
  const body = async (): Promise<Uint8Array> => {
    const parts: Uint8Array[] = [];
    for await (const slice of slices()) parts.push(slice);
    return new Uint8Array(Buffer.concat(parts));
  };
  return {
    kind: "message",
    agent: channel.agentName,
    channel: channel.channel,
    epoch,
    seq,
    end: { epoch, seq },
    sha256,
    bytes,
    receivedAtMs,
    storedAtMs,
    mediaType: meta.mediaType ?? null,
    source: meta.source ?? null,
    traceparent: meta.traceparent ?? null,
    attributes: meta.attributes ?? {},
    possibleRepeat,
    slices,
    body,
  };
}
