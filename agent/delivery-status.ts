/** What `status` shows of a channel that delivers to a hospital system (03 section 8, 04 section 11). @module */
import type { ObservedDelivery } from "./deliver/delivery-record.ts";
import type { SenderStatus } from "./deliver/senders.ts";
import type { InboxStanding } from "./outbox/inbox/inbox-messages.ts";
import { isReservedChannel } from "./outbox/inbox/outcome-report.ts";

export interface DeliveryStatus extends ObservedDelivery {
  readonly name: string;
  /** False for a channel that is only in the store: its messages stay, and go to nobody. */
  readonly configured: boolean;
  readonly kind: SenderStatus["kind"] | undefined;
  readonly state: SenderStatus["state"] | undefined;
  /** Of a folder: since when it is in that state. */
  readonly since: string | undefined;
  /** Of a folder: it was well when it was last used or looked at. */
  readonly connected: boolean;
  readonly epoch: bigint | undefined;
  /** The last one that came from the receiver. */
  readonly lastSeq: bigint | undefined;
  /** Stored and not settled; those that wait for an application acknowledgment among them. */
  readonly waiting: number;
  readonly waitingBytes: number;
  readonly oldestWaitingAt: string | undefined;
  readonly awaitingAcknowledgment: number;
  /** Files that nobody has taken for longer than `pickupAlarmSeconds` (04 P58). */
  readonly uncollected: number;
  /** Set aside instead of being delivered. */
  readonly asideCount: number;
}

export function deliveriesOf(
  senders: readonly SenderStatus[],
  inbox: readonly InboxStanding[],
): DeliveryStatus[] {
  const names = new Set([...senders.map(({ channel }) => channel), ...inbox.map(nameOf)]);
  return [...names]
    .filter((name) => !isReservedChannel(name))
    .sort()
    .map((name) => {
      const sender = senders.find(({ channel }) => channel === name);
      const kept = inbox.find((one) => one.name === name);
      const oldest = kept?.oldestWaitingAtMs;
      return {
        name,
        configured: sender !== undefined,
        kind: sender?.kind,
        state: sender?.state,
        since: sender?.kind === "folder" ? sender.since : undefined,
        connected: sender?.isConnected ?? false,
        epoch: kept?.epoch,
        lastSeq: kept?.lastSeq,
        waiting: kept?.openCount ?? 0,
        waitingBytes: kept?.openBytes ?? 0,
        oldestWaitingAt: oldest === undefined ? undefined : new Date(oldest).toISOString(),
        awaitingAcknowledgment: sender?.awaitingCount ?? 0,
        uncollected: sender?.kind === "folder" ? sender.uncollectedCount : 0,
        asideCount: kept?.asideCount ?? 0,
        counters: sender?.counters ?? {},
        lastReply: sender?.lastReply,
        lastAcceptedAt: sender?.lastAcceptedAt,
      };
    });
}

const nameOf = ({ name }: InboxStanding): string => name;
