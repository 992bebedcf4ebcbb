/**
 * The one sentence on top: what is wrong, since when, whose it is, what to do; or that everything works.
 *
 * The order of `URGENT` decides which of several it is about; all others stand below it.
 *
 * @module
 */
import type { ConditionName, OpenCondition } from "../health/conditions.ts";
import type { AgentStatus } from "../status.ts";
import type { Snapshot } from "./snapshots.ts";
import { spaced } from "./words.ts";

export type Tone = "good" | "notice" | "warning" | "critical";
export type Whose = "hospital IT" | "integration" | "the vendor";

/** Something that is wrong, in words. */
export interface Trouble {
  readonly code: string;
  /** A channel, or empty. */
  readonly subject: string;
  readonly tone: Exclude<Tone, "good">;
  readonly sentence: string;
  /** Wall time, ms since 1970. */
  readonly sinceMs: number;
  readonly whose: Whose;
  readonly todo: string;
  readonly facts: OpenCondition["facts"];
}

export type Headline =
  | Trouble
  | { readonly tone: "good"; readonly lastMessageAt: string | undefined };

/** Messages are not accepted, or are lost, or will be. */
const URGENT: readonly ConditionName[] = [
  ...(["storeFailing", "diskLow", "listenerClosed", "storeRolledBack", "messageDamaged"] as const),
  ...(["identityRefused", "tunnelDown", "channelHeld", "quarantineFull", "channelFull"] as const),
  ...(["fileDropEnded", "trustRollback", "auditBroken", "auditUnwritable"] as const),
  ...(["configNotRunning", "deliveryHeld", "outboxFilling"] as const),
];

const URGENCY = new Map<string, number>(URGENT.map((name, at) => [name, at]));

/** What is so by choice, or only to be known. */
const NOTICES: readonly ConditionName[] = [
  ...(["volatileState", "openToAll", "openToAllInterfaces", "malformedAccepted"] as const),
  ...(["statusPageExposed", "statusPageClosed", "channelParted", "stableTooShort"] as const),
];

const INTEGRATION: readonly ConditionName[] = [
  ...(["quarantineFull", "messageTooLarge", "tooManyConnections", "malformedAccepted"] as const),
  ...(["endpointUnreachable", "endpointSilent", "endpointRefuses", "deliveryHeld"] as const),
  ...(["deliveryQuarantined", "applicationAckMissing", "channelHeld", "gapSent"] as const),
  ...(["fileRefused", "fileGrowing", "fileOrphaned", "fileUnpaired", "lateWrite"] as const),
  ...(["controlFileAmbiguous", "fileQuarantined", "filesNotCollected", "storeRolledBack"] as const),
  ...(["stableTooShort", "folderFilling"] as const),
];

const VENDOR: readonly ConditionName[] = [
  ...([
    "identityRefused",
    "channelParted",
    "trustRollback",
    "configFrozen",
    "fileDropEnded",
  ] as const),
  ...(["configNotRunning", "configStale", "headStale", "auditBroken", "walGrowing"] as const),
];

export function headlineOf({ status, takenAtMs, isOld }: Snapshot): Headline {
  if (isOld) {
    return {
      ...{ code: "storeSilent", subject: "", tone: "critical", sinceMs: takenAtMs, facts: {} },
      sentence: "The store does not say how it stands; what you see is old",
      whose: "hospital IT",
      todo: "look at the disk of the state directory; messages are only accepted while it answers",
    };
  }
  const [first] = troublesOf(status);
  const { state, since } = status.tunnel;
  if (first === undefined && !isUp(state)) {
    return {
      ...{ code: "tunnelOpening", subject: "", tone: "notice", facts: {} },
      sentence: "Messages are taken; the tunnel to the receiver is not open yet",
      sinceMs: Date.parse(since),
      whose: "hospital IT",
      todo: "wait a moment; messages are kept, and it is tried by itself",
    };
  }
  return first ?? { tone: "good", lastMessageAt: lastMessageAt(status) };
}

export const isUp = (state: string): boolean => state === "streaming" || state === "throttled";

/** Everything that is wrong, the most urgent first. */
export function troublesOf({ conditions }: AgentStatus): Trouble[] {
  return conditions
    .map(troubleOf)
    .toSorted((a, b) => rankOf(a) - rankOf(b) || a.sinceMs - b.sinceMs);
}

function troubleOf({ condition, subject, sinceMs, facts, remedy }: OpenCondition): Trouble {
  const [sentence, todo] = cut(remedy);
  const tone = URGENT.includes(condition)
    ? "critical"
    : NOTICES.includes(condition)
      ? "notice"
      : "warning";
  const whose = INTEGRATION.includes(condition)
    ? "integration"
    : VENDOR.includes(condition)
      ? "the vendor"
      : "hospital IT";
  return { code: condition, subject, tone, sentence, sinceMs, whose, todo, facts };
}

const RANKS: Readonly<Record<Tone, number>> = {
  critical: 0,
  warning: 1_000,
  notice: 2_000,
  good: 3_000,
};

function rankOf({ tone, code }: Trouble): number {
  return RANKS[tone] + (URGENCY.get(code) ?? URGENT.length);
}

/** The catalogue says what is wrong, a colon, and what to do; a colon in brackets is another one. */
function cut(text: string): [string, string] {
  let depth = 0;
  for (const [at, character] of [...text].entries()) {
    if (character === "(") depth += 1;
    else if (character === ")") depth -= 1;
    else if (character === ":" && depth === 0) return [text.slice(0, at), text.slice(at + 2)];
  }
  return [text, ""];
}

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
