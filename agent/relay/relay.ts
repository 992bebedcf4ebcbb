/**
 * The relay: the only part that knows both the outbox and the tunnel. That sentence is the architecture.
 *
 * @module
 */
import { PRIORITY } from "#protocol/frame.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { Tasks } from "../host/tasks.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { Tunnel } from "../tunnel/tunnel.ts";
import { ChannelFeed } from "./channel-feed.ts";
import { downstreamInbox } from "./inbox-store.ts";
import type { DamagedAt } from "./read-ahead.ts";

export interface RelayOptions {
  readonly outbox: Outbox;
  readonly tunnel: Tunnel;
  readonly clock: Clock;
  readonly log: Log;
  readonly conditions: Conditions;
  readonly tasks: Tasks;
  /** Channels whose messages come from the receiver. */
  readonly delivered: readonly string[];
  /** Of channels that are configured, by name. */
  readonly rules?: ReadonlyMap<string, RelayRules>;
}

/** What the configuration says of one channel. */
export interface RelayRules {
  readonly priority: keyof typeof PRIORITY;
  readonly onReceiverReject: "hold" | "quarantine";
}

const UNCONFIGURED: RelayRules = { priority: "normal", onReceiverReject: "hold" };

/** The channels on their way. */
export interface Relay {
  /** The unreadable message that a channel stops before; `undefined` if it does not. */
  stoppedAt(channel: number): DamagedAt | undefined;
  /** That message was given up, or can be read again. */
  goOn(channel: number): void;
}

/** Joins every channel of the outbox, configured or not, to a stream of the tunnel: its messages must leave. */
export function openRelay({ outbox, tunnel, delivered, rules, ...parts }: RelayOptions): Relay {
  tunnel.deliverTo(downstreamInbox(outbox.inbox, new Set(delivered)));
  outbox.inbox.onRoom(() => tunnel.roomChanged());
  const feeds = new Map<number, ChannelFeed>();
  for (const tail of outbox.epochs.tails) {
    const { priority, onReceiverReject } = rules?.get(tail.name) ?? UNCONFIGURED;
    const feed = new ChannelFeed(tail, {
      ...parts,
      outbox,
      priority: PRIORITY[priority],
      onReceiverReject,
      wake: (source) => tunnel.wake(source),
      reopen: (source) => tunnel.reopen(source),
    });
    feeds.set(feed.id, feed);
    tunnel.add(feed);
  }
  outbox.onAppended((channel, lastSeq) => feeds.get(channel)?.appended(lastSeq));
  outbox.epochs.onEpoch((tail) => feeds.get(tail.channel)?.begun(tail));
  return {
    stoppedAt: (channel) => feeds.get(channel)?.stoppedAt,
    goOn: (channel) => feeds.get(channel)?.goOn(),
  };
}
