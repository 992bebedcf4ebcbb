/** The one snapshot of how the agent is doing: what `status` prints and later pages show. @module */

import type { ChannelConfig } from "#config/local.ts";
import type { ConfigurationStatus } from "./configuration-desk.ts";
import type { SenderStatus } from "./deliver/senders.ts";
import { type DeliveryStatus, deliveriesOf } from "./delivery-status.ts";
import { type FolderStatus, folderStatus } from "./drop-status.ts";
import type { Facts } from "./errors.ts";
import type { OpenAlarm, PlainFacts } from "./health/alarm-step.ts";
import { CONDITIONS, type ConditionName } from "./health/catalogue.ts";
import type { ObservedChannel } from "./health/channel-record.ts";
import type { OpenCondition } from "./health/conditions.ts";
import type { LatencyCounts } from "./health/latency.ts";
import type { Severity, Whose } from "./health/warning.ts";
import { EPOCH_END, type EpochStanding } from "./outbox/epochs/channel-tails.ts";
import { END_UNKNOWN } from "./outbox/epochs/missing.ts";
import type { InboxStanding } from "./outbox/inbox/inbox-messages.ts";
import { isReservedChannel } from "./outbox/inbox/outcome-report.ts";
import type { StoreStanding } from "./outbox/writing/writer-messages.ts";
import type { RunningDrop } from "./running/running-drops.ts";
import type { RunningListener } from "./running/running-listeners.ts";
import type { SupportStatus } from "./support-desk.ts";
import { remedyFor } from "./tunnel/refusal-reasons.ts";
import type { TunnelStanding } from "./tunnel/tunnel.ts";
import type { UpdateStatus } from "./update-desk.ts";

/**
 * As JSON. Times are RFC 3339; seqs are integers. Holds no message content; control ids only where 08 PL4
 * allows them. Does not leave the machine as it is.
 */
export interface AgentStatus {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  /** `ok`: nothing is open in `conditions` that is more than information. */
  readonly health: "ok" | "attention";
  readonly conditions: readonly OpenCondition[];
  /** What a person should act on, gravest first: each opens once, and closes once (08 PL9). */
  readonly alarms: readonly AlarmStatus[];
  readonly tunnel: {
    readonly state: string;
    /** Since when it is in that state. */
    readonly since: string;
    /** Until it dials again; `undefined` where it does not wait. */
    readonly nextAttemptInSeconds: number | undefined;
    readonly session: number | undefined;
    readonly windowBytes: number;
    readonly clockSkewMs: number | undefined;
    readonly lastError: string | undefined;
    /** What the receiver, TLS or the operating system said: a code, never a text. */
    readonly reason: string | undefined;
    /** What went wrong, in words, and what a person does about it. */
    readonly summary: string | undefined;
    readonly remedy: string | undefined;
    /** Of the last error. */
    readonly facts: Facts;
  };
  /** Who the agent is; its end by its certificate, the rest by the receiver's clock. */
  readonly identity: {
    /** `enrolled`: kept and renewed by the agent; `files`: imported, as the configuration names them. */
    readonly source: "enrolled" | "files";
    readonly serial: string;
    readonly notAfter: string;
    readonly generation: number | undefined;
    readonly renewalDueAt: string | undefined;
    /** A newer one is there, and no receiver has welcomed it yet. */
    readonly hasNext: boolean;
    /** Of the latest renewal, if it failed. */
    readonly lastError: string | undefined;
    readonly reason: string | undefined;
    readonly remedy: string | undefined;
  };
  /** Signed configuration; absent where the agent was not enrolled. */
  readonly configuration: ConfigurationStatus | undefined;
  /** What support may ask. */
  readonly support: SupportStatus | undefined;
  /** Updates of this program; absent where they are off and always were. */
  readonly updates: UpdateStatus | undefined;
  readonly channels: readonly ChannelStatus[];
  /** Channels that deliver to hospital systems. */
  readonly deliveries: readonly DeliveryStatus[];
  /** Messages that are gone for good, newest first: an old copy of the store was put back, or storage damaged them. */
  readonly missing: readonly MissingStatus[];
  readonly store: {
    readonly databaseBytes: number;
    readonly quarantineCount: number;
    readonly quarantineBytes: number;
    readonly duplicateKeys: number;
    /** Repeats are recognised from here on only: memory shortens the window (03 D1). */
    readonly duplicatesKnownSince: string | undefined;
    /** 05 S12: what it may take of the disk, what it uses of that, and how many percent that is. */
    readonly budgetBytes: number;
    readonly usedBytes: number;
    readonly usedPercent: number;
    /** Of its disk; `undefined` until somebody has looked. */
    readonly freeBytes: number | undefined;
    /** 05 S14: so long bodies stay after they were settled, room permitting. */
    readonly retainHours: number;
    /** When the oldest message came whose body is still here. */
    readonly oldestRetainedAt: string | undefined;
    readonly walBytes: number;
    /** 05 S13: the room that is kept for a full disk, and whether it is there now. */
    readonly ballastBytes: number;
    readonly ballastHeld: boolean;
  };
  readonly memoryBytes: number;
}

/** An alarm that is open (08 PL9). */
export interface AlarmStatus {
  /** Of the catalogue, `agent/health/catalogue.ts`. */
  readonly code: ConditionName;
  /** What it is about: a channel's name, or empty. */
  readonly subject: string;
  readonly severity: Severity;
  readonly since: string;
  readonly facts: PlainFacts;
  /** In one line, what it means. */
  readonly summary: string;
  readonly remedy: string;
  /** Who can mend it. */
  readonly whose: Whose;
  /** Path of its runbook in the repository and in every package. */
  readonly runbook: string;
  /** What is wrong because of it, and is no alarm of its own. */
  readonly suppressed: readonly {
    readonly code: ConditionName;
    readonly subject: string;
    readonly since: string;
  }[];
}

export interface ChannelStatus {
  readonly name: string;
  /** `undefined` for a channel that is only in the store. */
  readonly kind: "mllp-listener" | "file-drop" | undefined;
  /** False for a channel that is only in the store: it is drained, and takes nothing. */
  readonly configured: boolean;
  /** On its port; or it watches its folder. */
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
  /** Of all epochs, without those that came again in a later one. */
  readonly stored: bigint;
  readonly ackedSeq: bigint;
  /** Epochs that have ended and leave before the current one (06 TP17), oldest first. */
  readonly draining: readonly {
    readonly epoch: bigint;
    readonly lastSeq: bigint;
    readonly ackedSeq: bigint;
  }[];
  /** The epoch to which everything unsettled is being moved: the receiver held other messages (06 TP18). */
  readonly movingTo: bigint | undefined;
  /** Stored here and not yet acked by the receiver. */
  readonly waiting: bigint;
  readonly waitingBytes: number;
  readonly oldestWaitingAt: string | undefined;
  readonly quarantineCount: number;
  readonly quarantineBytes: number;
  /** Of a channel that takes files. */
  readonly folder: FolderStatus | undefined;
  readonly observed: ObservedChannel | undefined;
  /** From the last byte of a block to its reply in the hands of TCP; only where there are connections. */
  readonly replyLatency: LatencyCounts | undefined;
  readonly counters: Readonly<Record<string, number>>;
}

/** A range of an epoch, or of rows of quarantine. */
export interface MissingStatus {
  /** Absent: rows of quarantine. */
  readonly channel: string | undefined;
  readonly epoch: bigint;
  readonly firstSeq: bigint;
  /** Absent: nobody knows how far it went. */
  readonly lastSeq: bigint | undefined;
  readonly cause: "rollback" | "damaged";
  readonly foundAt: string;
}

export interface StatusParts {
  readonly version: string;
  readonly startedAtMs: number;
  readonly conditions: readonly OpenCondition[];
  readonly alarms: readonly OpenAlarm[];
  readonly tunnel: TunnelStanding;
  readonly identity: AgentStatus["identity"];
  readonly configuration: AgentStatus["configuration"];
  readonly support?: AgentStatus["support"];
  readonly updates?: AgentStatus["updates"];
  readonly store: StoreStanding;
  /** Of the store's disk. */
  readonly freeBytes?: number | undefined;
  readonly senders: readonly SenderStatus[];
  readonly inbox: readonly InboxStanding[];
  readonly running: readonly RunningListener[];
  readonly drops: readonly RunningDrop[];
}

export function statusOf(parts: StatusParts): AgentStatus {
  const { tunnel, store, conditions } = parts;
  return {
    version: parts.version,
    pid: process.pid,
    startedAt: new Date(parts.startedAtMs).toISOString(),
    health: conditions.some(needsAttention) ? "attention" : "ok",
    conditions,
    alarms: alarmsOf(parts.alarms),
    tunnel: tunnelStatus(tunnel),
    identity: parts.identity,
    configuration: parts.configuration,
    support: parts.support,
    updates: parts.updates,
    channels: store.channels
      .filter(({ name }) => !isReservedChannel(name))
      .map((tail) => channelStatus(tail, parts)),
    deliveries: deliveriesOf(parts.senders, parts.inbox),
    missing: store.missing.map(({ channel, foundAtMs, lastSeq, ...range }) => ({
      channel: store.channels.find((tail) => tail.channel === channel)?.name,
      ...range,
      lastSeq: lastSeq === END_UNKNOWN ? undefined : lastSeq,
      foundAt: new Date(foundAtMs).toISOString(),
    })),
    store: {
      databaseBytes: store.databaseBytes,
      quarantineCount: sum(store.channels.map(({ quarantineCount }) => quarantineCount)),
      quarantineBytes: sum(store.channels.map(({ quarantineBytes }) => quarantineBytes)),
      duplicateKeys: store.recentKeyCount,
      duplicatesKnownSince: isoOf(store.recentSinceMs),
      ...roomOf(parts),
    },
    memoryBytes: process.memoryUsage.rss(),
  };
}

const needsAttention = ({ condition }: OpenCondition): boolean =>
  CONDITIONS[condition].severity !== "information";

const GRAVEST_FIRST: readonly Severity[] = ["critical", "warning", "information"];

function alarmsOf(open: readonly OpenAlarm[]): readonly AlarmStatus[] {
  const rank = ({ severity }: AlarmStatus): number => GRAVEST_FIRST.indexOf(severity);
  return open.map(alarmStatus).toSorted((a, b) => rank(a) - rank(b));
}

function alarmStatus({ code, subject, sinceMs, facts, suppressed }: OpenAlarm): AlarmStatus {
  const { severity, means, remedy, whose, runbook } = CONDITIONS[code];
  return {
    ...{ code, subject, severity, since: new Date(sinceMs).toISOString(), facts },
    ...{ summary: means, remedy, whose, runbook },
    suppressed: suppressed.map(({ sinceMs: from, ...one }) => ({
      ...{ ...one, since: new Date(from).toISOString() },
    })),
  };
}

function roomOf({ store: { space }, freeBytes }: StatusParts) {
  return {
    budgetBytes: space.budgetBytes,
    usedBytes: space.usedBytes,
    usedPercent: space.percent,
    freeBytes,
    retainHours: space.retainHours,
    oldestRetainedAt: isoOf(space.oldestRetainedAtMs),
    walBytes: space.walBytes,
    ballastBytes: space.ballastBytes,
    ballastHeld: space.ballastHeld,
  };
}

function tunnelStatus(tunnel: TunnelStanding): AgentStatus["tunnel"] {
  const { lastError, nextAttemptInMs: waitMs } = tunnel;
  return {
    state: tunnel.state,
    since: new Date(tunnel.sinceMs).toISOString(),
    nextAttemptInSeconds: waitMs === undefined ? undefined : Math.ceil(waitMs / 1_000),
    session: tunnel.session,
    windowBytes: tunnel.windowBytes,
    clockSkewMs: tunnel.clockSkewMs,
    lastError: lastError?.code,
    reason: reasonOf(lastError?.facts),
    summary: lastError?.summary,
    remedy: lastError === undefined ? undefined : remedyFor(lastError),
    facts: lastError?.facts ?? {},
  };
}

function reasonOf(facts: Facts | undefined): string | undefined {
  const reason = facts?.["code"] ?? facts?.["sysCode"] ?? facts?.["status"];
  return reason === undefined ? undefined : String(reason);
}

function channelStatus(
  tail: StoreStanding["channels"][number],
  { running, drops }: StatusParts,
): ChannelStatus {
  const drop = drops.find(({ name }) => name === tail.name);
  const folder = drop === undefined ? undefined : folderStatus(drop.drop.status, tail.files);
  const channel = running.find(({ config }) => config.name === tail.name);
  return {
    name: tail.name,
    kind: drop === undefined ? channel?.config.kind : "file-drop",
    configured: channel !== undefined || drop !== undefined,
    listening: channel?.listener.isListening ?? folder?.state === "watching",
    host: channel?.config.host,
    port: channel?.listener.port,
    connections: channel?.listener.connectionCount ?? 0,
    handshakes: channel?.listener.handshakeCount ?? 0,
    maxConnections: channel?.config.maxConnections,
    ackMode: channel?.config.ackMode,
    tls: channel?.config.tls !== undefined,
    epoch: tail.epoch,
    lastSeq: tail.lastSeq,
    stored: storedIn(tail),
    ackedSeq: tail.ackedSeq,
    draining: tail.earlier.filter(isUnsettled).map(({ epoch, lastSeq, ackedSeq }) => ({
      ...{ epoch, lastSeq, ackedSeq },
    })),
    movingTo: tail.filling?.epoch,
    waiting: tail.waiting.count,
    waitingBytes: tail.waiting.bytes,
    oldestWaitingAt: isoOf(tail.oldestWaitingAtMs),
    quarantineCount: tail.quarantineCount,
    quarantineBytes: tail.quarantineBytes,
    folder,
    observed: (channel ?? drop)?.record.snapshot(),
    replyLatency: channel?.record.latency.snapshot(),
    counters: (channel ?? drop)?.record.counters.snapshot() ?? {},
  };
}

const isUnsettled = ({ ended, lastSeq, ackedSeq }: EpochStanding): boolean =>
  ended === EPOCH_END.draining && lastSeq > ackedSeq;

const isoOf = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString();

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);

function storedIn({ earlier, lastSeq }: StoreStanding["channels"][number]): bigint {
  let count = lastSeq;
  for (const one of earlier) {
    // Of one that was moved, what was settled there; the rest is counted where it came again.
    count += one.ended === EPOCH_END.reissued ? one.ackedSeq : one.lastSeq;
  }
  return count;
}
