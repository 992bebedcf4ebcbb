/** The one snapshot of how the agent is doing: what `status` prints and later pages show. @module */

import type { ChannelConfig } from "#config/local.ts";
import type { Facts } from "./errors.ts";
import type { ChannelRecord, ObservedChannel } from "./health/channel-record.ts";
import type { OpenCondition } from "./health/conditions.ts";
import type { MllpListener } from "./ingest/mllp/listener.ts";
import type { StoreStanding } from "./outbox/writer-messages.ts";
import type { TunnelStanding } from "./tunnel/tunnel.ts";

/**
 * As JSON. Times are RFC 3339; seqs are integers. Holds no message content; control ids only where 08 PL4
 * allows them. Does not leave the machine as it is.
 */
export interface AgentStatus {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  /** `ok`: nothing is open in `conditions`. */
  readonly health: "ok" | "attention";
  readonly conditions: readonly OpenCondition[];
  readonly tunnel: {
    readonly state: string;
    readonly session: number | undefined;
    readonly windowBytes: number;
    readonly clockSkewMs: number | undefined;
    readonly lastError: string | undefined;
    /** What the receiver, TLS or the operating system said: a code, never a text. */
    readonly reason: string | undefined;
    readonly remedy: string | undefined;
  };
  readonly channels: readonly ChannelStatus[];
  readonly store: {
    readonly databaseBytes: number;
    readonly quarantineCount: number;
    readonly quarantineBytes: number;
    readonly duplicateKeys: number;
    /** Repeats are recognised from here on only: memory shortens the window (03 D1). */
    readonly duplicatesKnownSince: string | undefined;
  };
  readonly memoryBytes: number;
}

export interface ChannelStatus {
  readonly name: string;
  /** False for a channel that is only in the store: it is drained, and takes nothing. */
  readonly configured: boolean;
  readonly listening: boolean;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly connections: number;
  /** Of TLS handshakes under way, which hold places, too. */
  readonly handshakes: number;
  readonly maxConnections: number | undefined;
  readonly ackMode: ChannelConfig["ackMode"] | undefined;
  readonly tls: boolean;
  readonly epoch: bigint;
  readonly lastSeq: bigint;
  readonly ackedSeq: bigint;
  /** Stored here and not yet acked by the receiver. */
  readonly waiting: bigint;
  readonly waitingBytes: number;
  readonly oldestWaitingAt: string | undefined;
  readonly quarantineCount: number;
  readonly quarantineBytes: number;
  readonly observed: ObservedChannel | undefined;
  readonly counters: Readonly<Record<string, number>>;
}

/** A configured channel with its listener. */
export interface RunningChannel {
  readonly config: ChannelConfig;
  readonly record: ChannelRecord;
  readonly listener: MllpListener;
}

export interface StatusParts {
  readonly version: string;
  readonly startedAtMs: number;
  readonly conditions: readonly OpenCondition[];
  readonly tunnel: TunnelStanding;
  readonly store: StoreStanding;
  readonly running: readonly RunningChannel[];
}

export function statusOf(parts: StatusParts): AgentStatus {
  const { tunnel, store, conditions } = parts;
  return {
    version: parts.version,
    pid: process.pid,
    startedAt: new Date(parts.startedAtMs).toISOString(),
    health: conditions.length === 0 ? "ok" : "attention",
    conditions,
    tunnel: {
      state: tunnel.state,
      session: tunnel.session,
      windowBytes: tunnel.windowBytes,
      clockSkewMs: tunnel.clockSkewMs,
      lastError: tunnel.lastError?.code,
      reason: reasonOf(tunnel.lastError?.facts),
      remedy: tunnel.lastError?.remedy,
    },
    channels: store.channels.map((tail) => channelStatus(tail, parts.running)),
    store: {
      databaseBytes: store.databaseBytes,
      quarantineCount: sum(store.channels.map(({ quarantineCount }) => quarantineCount)),
      quarantineBytes: sum(store.channels.map(({ quarantineBytes }) => quarantineBytes)),
      duplicateKeys: store.recentKeyCount,
      duplicatesKnownSince: isoOf(store.recentSinceMs),
    },
    memoryBytes: process.memoryUsage.rss(),
  };
}

function reasonOf(facts: Facts | undefined): string | undefined {
  const reason = facts?.["code"] ?? facts?.["sysCode"] ?? facts?.["status"];
  return reason === undefined ? undefined : String(reason);
}

function channelStatus(
  tail: StoreStanding["channels"][number],
  running: readonly RunningChannel[],
): ChannelStatus {
  const channel = running.find(({ config }) => config.name === tail.name);
  return {
    name: tail.name,
    configured: channel !== undefined,
    listening: channel?.listener.isListening ?? false,
    host: channel?.config.host,
    port: channel?.listener.port,
    connections: channel?.listener.connectionCount ?? 0,
    handshakes: channel?.listener.handshakeCount ?? 0,
    maxConnections: channel?.config.maxConnections,
    ackMode: channel?.config.ackMode,
    tls: channel?.config.tls !== undefined,
    epoch: tail.epoch,
    lastSeq: tail.lastSeq,
    ackedSeq: tail.ackedSeq,
    waiting: tail.waiting.count,
    waitingBytes: tail.waiting.bytes,
    oldestWaitingAt: isoOf(tail.oldestWaitingAtMs),
    quarantineCount: tail.quarantineCount,
    quarantineBytes: tail.quarantineBytes,
    observed: channel?.record.snapshot(),
    counters: channel?.record.counters.snapshot() ?? {},
  };
}

const isoOf = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString();

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
