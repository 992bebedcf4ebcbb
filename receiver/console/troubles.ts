/** What is wrong with an agent: since when, whose it is, what to do. Pure; the gravest first. @module */
import type { Tone } from "#pages/tone.ts";
import { duration } from "#pages/words.ts";
import { alarmWords } from "../alarm-words.ts";
import type { AgentAlarm } from "../downstream/alarm-records.ts";
import { PRESENCE_LIVE_MS } from "../limits.ts";
import type { AgentStanding } from "../store/console.ts";
import type { AgentRecord } from "../store/store.ts";

export interface Trouble {
  readonly code: string;
  /** A channel, or empty. */
  readonly channel: string;
  readonly tone: Exclude<Tone, "good">;
  readonly sentence: string;
  /** Null: nobody can say. */
  readonly sinceMs: number | null;
  readonly whose: string;
  readonly todo: string;
  readonly runbook: string | undefined;
  readonly facts: AgentAlarm["facts"];
  /** How many more are explained by it. */
  readonly suppressed: number;
}

export interface Known {
  readonly record: AgentRecord;
  readonly standing: AgentStanding | undefined;
  readonly alarms: readonly AgentAlarm[];
  readonly isDenied: boolean;
  /** When its certificate ends, where it was issued here. */
  readonly certificateEndMs: number | undefined;
  /** How long its newest message had waited, by the receiver's clock. */
  readonly waitedMs: number | undefined;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A restart, a new certificate or another network takes no longer. */
const HICCUP_MS = MINUTE_MS;
const ENDS_SOON_MS = 7 * DAY_MS;
const LATE_MS = 10 * MINUTE_MS;

const TONES = { critical: "critical", warning: "warning", information: "notice" } as const;
const RANKS: Readonly<Record<Tone, number>> = { critical: 0, warning: 1, notice: 2, good: 3 };
export const rankOf = (tone: Tone): number => RANKS[tone];

const PLAIN = { channel: "", facts: {}, suppressed: 0, runbook: undefined } as const;

export const lastSeenMs = ({ record, standing }: Known): number | null =>
  standing?.seenMs ?? record.helloAtMs;

export function isLive({ standing }: Known, nowMs: number): boolean {
  if (standing === undefined || standing.seenMs === null || standing.goneMs !== null) return false;
  return nowMs - standing.seenMs < PRESENCE_LIVE_MS;
}

export function troublesOf(known: Known, nowMs: number): Trouble[] {
  const own = [...doorTroubles(known, nowMs), ...identityTroubles(known, nowMs)];
  const late = lateTrouble(known, nowMs);
  return [...own, ...(late ?? []), ...known.alarms.map(alarmTrouble)].toSorted(
    (a, b) => rankOf(a.tone) - rankOf(b.tone) || (a.sinceMs ?? 0) - (b.sinceMs ?? 0),
  );
}

function alarmTrouble(alarm: AgentAlarm): Trouble {
  const { code, channel, severity, since, facts, suppressed } = alarm;
  const tone = TONES[severity];
  return {
    ...alarmWords(code),
    code,
    channel,
    tone,
    sinceMs: Date.parse(since),
    facts,
    suppressed,
  };
}

/** Why it is not here. */
function doorTroubles(known: Known, nowMs: number): Trouble[] {
  const { record, isDenied } = known;
  if (isDenied) {
    return [
      {
        ...{ ...PLAIN, code: "agentDenied", tone: "notice", sinceMs: null, whose: "vendor" },
        sentence: "Kept out by a decision of ours",
        todo: "Nothing, or let it in again: holdfast-receiver agent deny --undo",
      },
    ];
  }
  if (record.lockedAtMs !== null) {
    return [
      {
        ...{ ...PLAIN, code: "agentLocked", tone: "critical", sinceMs: record.lockedAtMs },
        ...{ whose: "vendor", sentence: "Two copies of it were alive: nobody is let in" },
        todo: "Ask the hospital which machine is to stay and stop the other for good; then holdfast-receiver agent unlock",
      },
    ];
  }
  const token = record.identity.token;
  if (token !== null && token.claim !== null && token.confirmedAtMs === null) {
    return [
      {
        ...{ ...PLAIN, code: "agentUnconfirmed", tone: "warning", sinceMs: token.claim.atMs },
        ...{ whose: "vendor", sentence: "A machine waits to be confirmed as this agent" },
        todo: "Compare the code with the hospital by telephone; then holdfast-receiver agent confirm",
      },
    ];
  }
  if (isLive(known, nowMs)) return [];
  return [awayTrouble(known, nowMs)];
}

function awayTrouble(known: Known, nowMs: number): Trouble {
  const seenMs = lastSeenMs(known);
  if (seenMs === null) {
    return {
      ...{ ...PLAIN, code: "agentNeverSeen", tone: "notice", sinceMs: known.record.addedAtMs },
      ...{ whose: "hospital IT", sentence: "Was never connected" },
      todo: "Nothing, until the hospital has installed it: holdfast doctor there says what is in the way",
    };
  }
  const sinceMs = known.standing?.goneMs ?? seenMs;
  const isNew = nowMs - sinceMs < HICCUP_MS;
  return {
    ...{ ...PLAIN, code: "agentAway", tone: isNew ? "notice" : "critical", sinceMs },
    ...{ whose: "hospital IT", runbook: "docs/runbooks/tunnel-down.md" },
    sentence: isNew
      ? "The connection has just ended"
      : "Not connected: its messages wait in the hospital",
    todo: isNew
      ? "Wait a minute: it dials again by itself"
      : "Call the hospital's IT: does the machine run, and may it reach this receiver? holdfast doctor there says which",
  };
}

function identityTroubles({ certificateEndMs }: Known, nowMs: number): Trouble[] {
  if (certificateEndMs === undefined || certificateEndMs - nowMs > ENDS_SOON_MS) return [];
  const isOver = certificateEndMs <= nowMs;
  return [
    {
      ...{ ...PLAIN, code: isOver ? "certificateEnded" : "certificateEnding", whose: "vendor" },
      ...{ tone: isOver ? "critical" : "warning", sinceMs: isOver ? certificateEndMs : null },
      runbook: "docs/runbooks/certificate-expiring.md",
      sentence: isOver
        ? "Its certificate has ended"
        : `Its certificate ends in ${duration(certificateEndMs - nowMs)}`,
      todo: "It renews by itself while it is connected; if it does not, look at its log for renewalRefused",
    },
  ];
}

/** It is here, and what it brings is old: an outage is being worked off, or the line is too slow. */
function lateTrouble(known: Known, nowMs: number): Trouble[] | undefined {
  const { waitedMs, standing } = known;
  const storedMs = standing?.lastStoredMs ?? null;
  if (waitedMs === undefined || waitedMs < LATE_MS || storedMs === null) return undefined;
  if (!isLive(known, nowMs) || nowMs - storedMs > LATE_MS) return undefined;
  return [
    {
      ...{ ...PLAIN, code: "messagesLate", tone: "warning", sinceMs: storedMs - waitedMs },
      ...{ whose: "hospital IT", runbook: "docs/runbooks/queue-age.md" },
      sentence: `Messages come late: the newest had waited ${duration(waitedMs)}`,
      todo: "After an outage wait until this number falls; if it rises, the hospital's line is too slow",
    },
  ];
}
