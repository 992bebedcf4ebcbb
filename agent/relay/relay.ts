/**
 * The relay: the only part that knows both the outbox and the tunnel. That sentence is the architecture.
 *
 * @module
 */
import type { Conditions } from "../health/conditions.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { Tasks } from "../host/tasks.ts";
import type { ChannelTail } from "../outbox/epochs/channel-tails.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { Tunnel } from "../tunnel/tunnel.ts";
import { ChannelFeed } from "./channel-feed.ts";
import { downstreamInbox } from "./inbox-store.ts";
import type { DamagedAt } from "./read-ahead.ts";
import type { RelayRules } from "./relay-rules.ts";

export interface RelayOptions {
  readonly outbox: Outbox;
  readonly tunnel: Tunnel;
  readonly clock: Clock;
  readonly log: Log;
  readonly conditions: Conditions;
  readonly tasks: Tasks;
  readonly delivered: Relayed["delivered"];
  readonly rules?: Relayed["rules"];
  /** Channels that a person has stopped by hand. */
  readonly holds?: {
    isHeld(channel: string): boolean;
    onChange(tell: (channel: string) => void): Disposable;
  };
}

const UNCONFIGURED: RelayRules = { priority: "normal", onReceiverReject: "hold" };
/** 06 TP35: nothing of a hospital system waits for what support asked. */
const ANSWERS_CHANNEL = "$answers";
const ANSWERS: RelayRules = { priority: "bulk", onReceiverReject: "quarantine" };

/** What the configuration says of channels that are on their way, or come from the receiver. */
export interface Relayed {
  /** Channels whose messages come from the receiver. */
  readonly delivered: readonly string[];
  /** Of channels that are configured, by name. */
  readonly rules: ReadonlyMap<string, RelayRules>;
}

/** The channels on their way. */
export interface Relay {
  /** The configuration says this from now on; those that are not named any more go on leaving. */
  follow(relayed: Relayed): void;
  /** The unreadable message that a channel stops before; `undefined` if it does not. */
  stoppedAt(channel: number): DamagedAt | undefined;
  /** That message was given up, or can be read again. */
  goOn(channel: number): void;
}

/** Joins every channel of the outbox, configured or not, to a stream of the tunnel: its messages must leave. */
export function openRelay(options: RelayOptions): Relay {
  const {
    outbox,
    tunnel,
    delivered: first,
    rules: firstRules = new Map(),
    holds,
    ...parts
  } = options;
  let delivered: ReadonlySet<string> = new Set(first);
  let rules: Relayed["rules"] = firstRules;
  const rulesOf = (channel: string): RelayRules =>
    rules.get(channel) ?? (channel === ANSWERS_CHANNEL ? ANSWERS : UNCONFIGURED);
  tunnel.deliverTo(downstreamInbox(outbox.inbox, (channel) => delivered.has(channel)));
  outbox.inbox.onRoom(() => tunnel.roomChanged());
  const feeds = new Map<number, ChannelFeed>();
  const add = (tail: ChannelTail): void => {
    const feed = new ChannelFeed(tail, {
      ...{ ...parts, outbox, rules: rulesOf(tail.name) },
      isHeld: () => holds?.isHeld(tail.name) === true,
      wake: (source) => tunnel.wake(source),
      reopen: (source) => tunnel.reopen(source),
    });
    feeds.set(feed.id, feed);
    tunnel.add(feed);
  };
  for (const tail of outbox.epochs.tails) add(tail);
  outbox.epochs.onChannel(add);
  outbox.onAppended((channel, lastSeq) => feeds.get(channel)?.appended(lastSeq));
  outbox.epochs.onEpoch((tail) => feeds.get(tail.channel)?.begun(tail));
  holds?.onChange((channel) => {
    for (const feed of feeds.values()) if (feed.channel === channel) tunnel.wake(feed);
  });
  return {
    follow: (relayed) => {
      delivered = new Set(relayed.delivered);
      ({ rules } = relayed);
      for (const feed of feeds.values()) feed.follow(rulesOf(feed.channel));
    },
    stoppedAt: (channel) => feeds.get(channel)?.stoppedAt,
    goOn: (channel) => feeds.get(channel)?.goOn(),
  };
}
