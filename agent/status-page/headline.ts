/**
 * The one sentence on top: what is wrong, since when, whose it is, what to do; or that everything works.
 *
 * It is about the gravest alarm; all others stand below it, with what they explain, and with what is wrong but too new to
 * be an alarm.
 *
 * @module
 */

import type { Tone } from "#pages/tone.ts";
import { spaced } from "#pages/words.ts";
import { CONDITIONS } from "../health/catalogue.ts";
import type { ConditionName, OpenCondition } from "../health/conditions.ts";
import type { Severity, Whose } from "../health/warning.ts";
import type { AgentStatus, AlarmStatus } from "../status.ts";
import type { Snapshot } from "./snapshots.ts";

/** Something that is wrong, in words. */
export interface Trouble {
  readonly code: string;
  /** A channel, or empty. */
  readonly subject: string;
  readonly tone: Exclude<Tone, "good">;
  readonly sentence: string;
  /** The nearest cause that is known, where the sentence does not name it. */
  readonly why: string | undefined;
  /** Wall time, ms since 1970. */
  readonly sinceMs: number;
  readonly whose: Whose;
  readonly todo: string;
  readonly facts: OpenCondition["facts"] | AlarmStatus["facts"];
  readonly runbook: string | undefined;
  /** How far it is an alarm: `over` is watched for a moment before it closes, `new` before it opens. */
  readonly stage: "new" | "open" | "over";
  /** What is wrong because of it. */
  readonly explains: readonly { readonly code: string; readonly subject: string }[];
}

export type Headline =
  | Trouble
  | { readonly tone: "good"; readonly lastMessageAt: string | undefined };

/** Among alarms of one severity these are told first: what keeps messages from being taken. */
const FIRST: readonly ConditionName[] = [
  ...(["diskLow", "storeFailing", "listenerClosed", "storeRolledBack", "messageDamaged"] as const),
  ...(["identityRefused", "tunnelDown", "channelHeld"] as const),
];
const URGENCY = new Map<string, number>(FIRST.map((name, at) => [name, at]));

const TONES = {
  critical: "critical",
  warning: "warning",
  information: "notice",
} as const satisfies Record<Severity, Tone>;
const RANKS: Readonly<Record<Trouble["tone"], number>> = { critical: 0, warning: 100, notice: 200 };

export const isUp = (state: string): boolean => state === "streaming" || state === "throttled";

export function headlineOf({ status, takenAtMs, isOld }: Snapshot): Headline {
  if (isOld) return OLD(takenAtMs);
  const { state, since, summary, remedy } = status.tunnel;
  // What is only to be known stands below: it is no trouble.
  const first = troublesOf(status).find(({ tone }) => tone !== "notice");
  // What keeps the tunnel down is known better than what to do about any tunnel.
  const isExplained = first?.code === "tunnelDown" && summary !== undefined && !isUp(state);
  if (isExplained) return { ...first, why: summary, todo: remedy ?? first.todo };
  if (first !== undefined) return first;
  if (!isUp(state)) return opening(Date.parse(since));
  return { tone: "good", lastMessageAt: lastMessageAt(status) };
}

/** Everything that is wrong, the gravest first. */
export function troublesOf({ alarms, conditions }: AgentStatus): Trouble[] {
  const isIll = (code: string, subject: string): boolean =>
    conditions.some((one) => one.condition === code && one.subject === subject);
  const told = alarms.flatMap((alarm) => [alarm, ...alarm.suppressed]);
  const isTold = ({ condition, subject }: OpenCondition): boolean =>
    told.some((one) => one.code === condition && one.subject === subject);
  return [
    ...alarms.map((alarm) => alarmTrouble(alarm, isIll(alarm.code, alarm.subject))),
    ...conditions.filter((one) => !isTold(one)).map(newTrouble),
  ].toSorted((a, b) => rankOf(a) - rankOf(b) || a.sinceMs - b.sinceMs);
}

function alarmTrouble(alarm: AlarmStatus, isIll: boolean): Trouble {
  const { code, subject, severity, since, summary, remedy, whose, facts, runbook } = alarm;
  return {
    ...{ code, subject, tone: TONES[severity], sentence: summary, sinceMs: Date.parse(since) },
    ...{ whose, todo: remedy, facts, runbook, stage: isIll ? "open" : "over", why: undefined },
    explains: alarm.suppressed,
  };
}

function newTrouble({ condition: code, subject, sinceMs, facts }: OpenCondition): Trouble {
  const { severity, means, remedy, whose, runbook } = CONDITIONS[code];
  return {
    ...{ code, subject, tone: TONES[severity], sentence: means, sinceMs },
    ...{ whose, todo: remedy, facts, runbook, stage: "new", explains: [], why: undefined },
  };
}

const rankOf = ({ tone, code }: Trouble): number =>
  RANKS[tone] + (URGENCY.get(code) ?? FIRST.length);

const OWN = {
  ...({ subject: "", facts: {}, runbook: undefined, stage: "open", why: undefined } as const),
  explains: [],
};

const OLD = (takenAtMs: number): Trouble => ({
  ...{ ...OWN, code: "storeSilent", tone: "critical", whose: "hospital IT" },
  sentence: "The store does not say how it stands; what you see is old",
  sinceMs: takenAtMs,
  todo: "Look at the disk of the state directory: messages are only accepted while it answers",
});

const opening = (sinceMs: number): Trouble => ({
  ...{ ...OWN, code: "tunnelOpening", tone: "notice", whose: "hospital IT", sinceMs },
  sentence: "Messages are taken; the tunnel to the receiver is not open yet",
  todo: "Wait a moment: it is tried again by itself, and messages are kept meanwhile",
});

function lastMessageAt({ channels, deliveries }: AgentStatus): string | undefined {
  const all = [
    ...channels.map(({ observed }) => observed?.lastMessageAt),
    ...deliveries.map(({ lastAcceptedAt }) => lastAcceptedAt),
  ];
  return all
    .filter((at) => at !== undefined)
    .sort()
    .at(-1);
}

/** For the title of a window: short. */
export const titleOf = (headline: Headline): string =>
  headline.tone === "good"
    ? "works"
    : `${spaced(headline.code)}${headline.subject === "" ? "" : ` (${headline.subject})`}`;
