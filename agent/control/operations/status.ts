/** `status.get` and `outbox.stats`: states and counts out of the one snapshot, each named here (08 4.4, 5.3). @module */
import { type Facts, identifierFrom } from "../../errors.ts";
import type { AgentStatus } from "../../status.ts";
import {
  type Answer,
  type AnswerFact,
  bigFact,
  nameFact,
  optional,
  timeFact,
  writtenTime,
} from "../answer.ts";

/** States, versions, time since the start, alarms. */
export function statusAnswer(status: AgentStatus): Answer {
  return {
    version: identifierFrom(status.version),
    node: identifierFrom(process.version),
    startedAt: writtenTime(status.startedAt),
    health: identifierFrom(status.health),
    alarms: alarmsAnswer(status),
    tunnel: tunnelAnswer(status),
    identity: identityAnswer(status),
    configuration: configurationAnswer(status),
    channels: status.channels.map(({ name, kind, configured, listening, connections }) => ({
      ...{ name: nameFact(name), kind: kind === undefined ? null : identifierFrom(kind) },
      ...{ configured, listening, connections },
    })),
    deliveries: status.deliveries.map(({ name, kind, configured, state, waiting, asideCount }) => ({
      ...{ name: nameFact(name), kind: kind === undefined ? null : identifierFrom(kind) },
      ...{ configured, state: state === undefined ? null : identifierFrom(state) },
      ...{ waiting: Number(waiting), asideCount },
    })),
    memoryBytes: status.memoryBytes,
  };
}

/** Codes, since when, and the numbers of each; of words only those that are codes. */
export const alarmsAnswer = ({ conditions }: AgentStatus): Answer =>
  conditions.map(({ condition, subject, sinceMs, facts }) => ({
    code: identifierFrom(condition),
    channel: subject === "" ? null : nameFact(subject),
    since: timeFact(sinceMs),
    facts: shownFacts(facts),
  }));

/** Facts that are words of our own; any other identifier could be a control id or an address (08 PL4, PL5). */
const WORDS: ReadonlySet<string> = new Set([
  ...["code", "sysCode", "state", "reason", "channel", "decision", "kind", "op", "result", "why"],
  ...["outcome", "verdict", "task", "event", "cause", "freeze", "step", "custody"],
]);

/** Numbers, yes and no, and codes; nothing else of a line or an alarm leaves. */
export function shownFacts(facts: Facts): { readonly [name: string]: AnswerFact } {
  const shown = Object.entries(facts).flatMap(([name, value]): [string, AnswerFact][] => {
    if (typeof value === "bigint") return [[name, bigFact(value)]];
    if (typeof value !== "string" || WORDS.has(name)) return [[name, value]];
    return [];
  });
  return Object.fromEntries(shown);
}

export function tunnelAnswer({ tunnel }: AgentStatus): Answer {
  const { state, since, nextAttemptInSeconds, session, windowBytes, clockSkewMs } = tunnel;
  return {
    ...{ state: identifierFrom(state), since: writtenTime(since), windowBytes },
    nextAttemptInSeconds: optional(nextAttemptInSeconds),
    session: optional(session),
    clockSkewMs: optional(clockSkewMs),
    lastError: tunnel.lastError === undefined ? null : identifierFrom(tunnel.lastError),
  };
}

export function identityAnswer({ identity }: AgentStatus): Answer {
  const { source, serial, notAfter, generation, renewalDueAt, hasNext, lastError } = identity;
  return {
    ...{ source: identifierFrom(source), serial: nameFact(serial) },
    ...{ notAfter: writtenTime(notAfter), renewalDueAt: writtenTime(renewalDueAt), hasNext },
    generation: optional(generation),
    lastError: lastError === undefined ? null : identifierFrom(lastError),
  };
}

function configurationAnswer({ configuration }: AgentStatus): Answer {
  if (configuration === undefined) return null;
  const { source, trustVersion, epoch, seqHigh, effective, newest, freeze } = configuration;
  return {
    ...{ source: identifierFrom(source), trustVersion, epoch, seqHigh },
    effective: effective === undefined ? null : identifierFrom(effective.digest),
    newest:
      newest === undefined
        ? null
        : { digest: identifierFrom(newest.digest), state: identifierFrom(newest.state) },
    freeze: freeze === undefined ? null : identifierFrom(freeze),
  };
}

/** Depth, age, room, and counts for each channel and code. Rates are the differences of two such answers. */
export function outboxAnswer(status: AgentStatus): Answer {
  const { store } = status;
  return {
    at: timeFact(Date.parse(status.startedAt)),
    channels: status.channels.map((channel) => ({
      ...{ name: nameFact(channel.name), epoch: bigFact(channel.epoch) },
      ...{ lastSeq: bigFact(channel.lastSeq), ackedSeq: bigFact(channel.ackedSeq) },
      ...{ stored: bigFact(channel.stored), waiting: bigFact(channel.waiting) },
      ...{ waitingBytes: channel.waitingBytes, draining: channel.draining.length },
      oldestWaitingAt: writtenTime(channel.oldestWaitingAt),
      ...{ quarantineCount: channel.quarantineCount, quarantineBytes: channel.quarantineBytes },
      counters: channel.counters,
    })),
    deliveries: status.deliveries.map((one) => ({
      ...{ name: nameFact(one.name), waiting: Number(one.waiting), asideCount: one.asideCount },
      ...{ oldestWaitingAt: writtenTime(one.oldestWaitingAt), counters: countersOf(one.counters) },
    })),
    missing: status.missing.map(({ channel, epoch, firstSeq, lastSeq, cause, foundAt }) => ({
      ...{ channel: channel === undefined ? null : nameFact(channel), epoch: bigFact(epoch) },
      ...{ firstSeq: bigFact(firstSeq), lastSeq: lastSeq === undefined ? null : bigFact(lastSeq) },
      ...{ cause: identifierFrom(cause), foundAt: writtenTime(foundAt) },
    })),
    store: {
      ...{ databaseBytes: store.databaseBytes, budgetBytes: store.budgetBytes },
      ...{ usedBytes: store.usedBytes, usedPercent: store.usedPercent, walBytes: store.walBytes },
      ...{ retainHours: store.retainHours, oldestRetainedAt: writtenTime(store.oldestRetainedAt) },
      ...{ quarantineCount: store.quarantineCount, quarantineBytes: store.quarantineBytes },
      ...{ duplicateKeys: store.duplicateKeys, ballastHeld: store.ballastHeld },
    },
  };
}

const countersOf = (counters: Readonly<Record<string, number | undefined>>): Answer =>
  Object.fromEntries(Object.entries(counters).map(([name, count]) => [name, count ?? 0]));
