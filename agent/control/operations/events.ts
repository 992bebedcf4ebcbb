/** `log.excerpt`: events and numbers of the log, no line of it (08 4.4, 5.1). @module */
import { identifierFrom } from "../../errors.ts";
import type { LoggedEvent } from "../../host/event-ring.ts";
import { type Answer, timeFact } from "../answer.ts";
import type { Tokens } from "../tokens.ts";
import { shownFacts } from "./status.ts";

export const EVENTS_SHOWN_MAX_COUNT = 2_000;

/** Of these a token leaves in the place of what they say. */
const TOKENS = ["controlId", "peer"] as const;

export interface EventSelection {
  /** Names of events; absent: all. */
  readonly codes?: readonly string[] | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

/** The newest 2,000, oldest first. */
export function eventsAnswer(
  all: readonly LoggedEvent[],
  { codes, fromMs = 0, toMs = Number.POSITIVE_INFINITY }: EventSelection,
  tokens: Tokens,
): Answer {
  const found = all.filter(
    ({ event, atMs }) =>
      atMs >= fromMs && atMs <= toMs && (codes === undefined || codes.includes(event)),
  );
  return {
    found: found.length,
    events: found.slice(-EVENTS_SHOWN_MAX_COUNT).map(({ atMs, event, facts }) => ({
      ...{ at: timeFact(atMs), event: identifierFrom(event), facts: shownFacts(facts) },
      tokens: Object.fromEntries(
        TOKENS.flatMap((name) => {
          const value = facts[name];
          return typeof value === "string" ? [[name, tokens.of(value)]] : [];
        }),
      ),
    })),
  };
}
