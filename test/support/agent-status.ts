/** A status of an agent that is well, to be changed in what a test is about. @module */
import { CONDITIONS } from "#agent/health/catalogue.ts";
import type { ConditionName } from "#agent/health/conditions.ts";
import { NO_LATENCY } from "#agent/health/latency.ts";
import type { AgentStatus, AlarmStatus, ChannelStatus } from "#agent/status.ts";

export const NOW_MS = Date.UTC(2025, 5, 1, 3, 0, 0);
export const at = (secondsAgo: number): string =>
  new Date(NOW_MS - secondsAgo * 1_000).toISOString();

export function channelStatus(change: Partial<ChannelStatus> = {}): ChannelStatus {
  return {
    ...{ name: "adt", kind: "mllp-listener", configured: true, listening: true },
    ...{ host: "127.0.0.1", port: 2_575, connections: 1, handshakes: 0, maxConnections: 16 },
    ...{ ackMode: "auto", tls: false, epoch: 1n, lastSeq: 5n, stored: 5n, ackedSeq: 5n },
    ...{ draining: [], movingTo: undefined, waiting: 0n, waitingBytes: 0 },
    ...{ oldestWaitingAt: undefined, quarantineCount: 0, quarantineBytes: 0, folder: undefined },
    observed: {
      peers: [],
      pairs: [],
      warnings: [],
      lastReply: { code: "AA", at: at(3) },
      lastMessageAt: at(3),
    },
    replyLatency: NO_LATENCY,
    counters: {},
    ...change,
  };
}

export function agentStatus(change: Partial<AgentStatus> = {}): AgentStatus {
  return {
    ...{ version: "1.2.3", pid: 4_711, startedAt: at(86_400), health: "ok" },
    ...{
      conditions: [],
      alarms: [],
      deliveries: [],
      missing: [],
      support: undefined,
      updates: undefined,
      configuration: undefined,
    },
    tunnel: {
      ...{ state: "streaming", since: at(3_600), nextAttemptInSeconds: undefined, session: 7 },
      ...{ windowBytes: 131_072, clockSkewMs: 12, lastError: undefined, reason: undefined },
      ...{ summary: undefined, remedy: undefined, facts: {} },
    },
    identity: {
      ...{ source: "enrolled", serial: "ab12", notAfter: at(-2_000_000), generation: 3 },
      ...{ renewalDueAt: at(-1_000_000), hasNext: false, lastError: undefined },
      ...{ reason: undefined, remedy: undefined },
    },
    channels: [channelStatus()],
    store: {
      ...{ databaseBytes: 1_000_000, quarantineCount: 0, quarantineBytes: 0, duplicateKeys: 5 },
      ...{ duplicatesKnownSince: undefined, budgetBytes: 1_000_000_000, usedBytes: 1_000_000 },
      ...{ usedPercent: 0, freeBytes: 5_000_000_000, retainHours: 72, oldestRetainedAt: at(600) },
      ...{ walBytes: 0, ballastBytes: 1_048_576, ballastHeld: true },
    },
    memoryBytes: 150_000_000,
    ...change,
  };
}

/** An alarm of the catalogue, and the condition below it. */
export function alarmed(
  code: ConditionName,
  subject: string,
  facts: AlarmStatus["facts"] = {},
): Pick<AgentStatus, "alarms" | "conditions"> {
  const { severity, means, remedy, whose, runbook } = CONDITIONS[code];
  const alarm: AlarmStatus = {
    ...{ code, subject, severity, since: at(120), facts, summary: means, remedy, whose, runbook },
    suppressed: [],
  };
  const condition = { condition: code, subject, sinceMs: NOW_MS - 120_000, facts: {}, remedy };
  return { alarms: [alarm], conditions: [condition] };
}
