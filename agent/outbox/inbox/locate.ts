/** Where the epoch of a call stands (06 RI3), and what every step needs. @module */
import type { HourBook } from "../hours/hour-book.ts";
import type { BodyParts } from "./inbox-bodies.ts";
import type { ChannelCall, InboxResult } from "./inbox-calls.ts";
import { channelAt, type InboxChannel } from "./inbox-rows.ts";

export interface StepParts extends BodyParts {
  /** This store's, 16 bytes. */
  readonly storeId: Uint8Array;
  /** Downstream channels that the configuration names. */
  readonly named: ReadonlySet<string>;
  /** A number for the next row: never given out twice. */
  readonly newId: () => number;
  readonly hours: HourBook;
}

export type Located =
  | { readonly at: "refused"; readonly kind: "staleEpoch" | "unopened" }
  | { readonly at: "open"; readonly channel: InboxChannel }
  | { readonly at: "closed"; readonly channel: InboxChannel; readonly finalSeq: bigint };

export function locate(parts: StepParts, { channel: name, epoch }: ChannelCall): Located {
  // Since it was opened the hospital has taken it out: the source opens it again, and hears so.
  if (!parts.named.has(name)) return { at: "refused", kind: "staleEpoch" };
  const channel = channelAt(parts, name);
  // Only `open` changes epochs.
  if (channel === undefined || epoch > channel.epoch) return { at: "refused", kind: "unopened" };
  if (epoch === channel.epoch) return { at: "open", channel };
  const finalSeq = parts.prepared.inboxEpochFinal.get(channel.id, epoch) as bigint | undefined;
  if (finalSeq === undefined) return { at: "refused", kind: "staleEpoch" };
  return { at: "closed", channel, finalSeq };
}

export const ok = (last: bigint): Extract<InboxResult, { readonly kind: "ok" }> => ({
  ...{ kind: "ok", last, arrivedCount: 0, unverifiedCount: 0, gap: null },
});
