/**
 * How each running channel does, in numbers that only go up: who compares two of them sees whether a configuration does
 * worse than the one before it (07 2.11).
 *
 * @module
 */
import type { SenderStatus } from "../deliver/senders.ts";
import type { ChannelRecord } from "../health/channel-record.ts";
import type { CounterName } from "../health/counters.ts";
import type { FileDropState } from "../ingest/file-drop/file-drop.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { RunningDrop } from "./running-drops.ts";
import type { RunningListener } from "./running-listeners.ts";

export interface ChannelHealth {
  readonly name: string;
  readonly kind: "mllp-listener" | "file-drop" | "mllp-sender" | "folder";
  /**
   * Its port is open, its folder is reached. A port that is closed because the store cannot store says nothing of a
   * configuration and counts as working, and so does a hospital system that is not reached.
   */
  readonly isWorking: boolean;
  /** Since the channel runs, whatever was changed of it meanwhile. */
  readonly negativeCount: number;
  readonly errorCount: number;
  /** What it holds for the receiver; 0 for a channel that delivers. */
  readonly backlogBytes: number;
}

export interface HealthSources {
  readonly listeners: readonly RunningListener[];
  readonly drops: readonly RunningDrop[];
  readonly senders: { readonly statuses: readonly SenderStatus[] };
}

/** Of peers that were turned away, and of what was not understood or not kept. */
const LISTENER_ERRORS: readonly CounterName[] = [
  ...(["refusedConnections", "tlsFailures", "notMllp", "tooLarge"] as const),
  ...(["cannotStore", "quarantineFull", "repliesUndelivered"] as const),
];
const DROP_ERRORS: readonly CounterName[] = [
  ...(["filesAside", "filesRefused", "filesVanished", "lateWrites"] as const),
  ...(["cannotStore", "quarantineFull"] as const),
];
const SENDER_ERRORS = [
  ...(["connectFailures", "repliesMissing", "unusableReplies"] as const),
  ...(["applicationAckMissing", "targetFailures", "nameCollisions"] as const),
];

const WORKING_DROPS: readonly FileDropState[] = ["starting", "watching", "storeFailing"];

export function healthOf(
  { listeners, drops, senders }: HealthSources,
  {
    outbox,
    doorway,
  }: {
    readonly outbox: Pick<Outbox, "backlogBytes">;
    readonly doorway: { readonly isOpen: boolean };
  },
): ChannelHealth[] {
  return [
    ...listeners.map(({ config, channel, listener }) => ({
      ...{ name: config.name, kind: config.kind },
      isWorking: listener.isListening || !doorway.isOpen,
      // Where senders are told AA all the same, quarantine says it.
      negativeCount: Math.max(...countsOf(channel.record, ["repliesNegative", "quarantined"])),
      errorCount: sum(countsOf(channel.record, LISTENER_ERRORS)),
      backlogBytes: outbox.backlogBytes(channel.id),
    })),
    ...drops.map(({ name, config, channel, drop }) => ({
      ...{ name, kind: config.kind },
      isWorking: WORKING_DROPS.includes(drop.status.state),
      negativeCount: sum(countsOf(channel.record, ["quarantined"])),
      errorCount: sum(countsOf(channel.record, DROP_ERRORS)),
      backlogBytes: outbox.backlogBytes(channel.id),
    })),
    ...senders.statuses.map(({ channel: name, kind, state, counters }) => ({
      ...{ name, kind, backlogBytes: 0 },
      isWorking: state !== "unreachable" && state !== "full" && state !== "closed",
      negativeCount: (counters.negativeReplies ?? 0) + (counters.quarantined ?? 0),
      errorCount: sum(SENDER_ERRORS.map((counter) => counters[counter] ?? 0)),
    })),
  ];
}

const countsOf = ({ counters }: ChannelRecord, names: readonly CounterName[]): number[] =>
  names.map((name) => counters.value(name));

const sum = (counts: readonly number[]): number => counts.reduce((all, one) => all + one, 0);
