/** An alarm mail: what opened and closed, in words. Codes and names of channels, never a fact (08 PL9). @module */
import type { NumberedEvent } from "../health/alarms.ts";
import { CONDITIONS } from "../health/catalogue.ts";
import { MAILED_EVENTS_MAX_COUNT } from "../limits.ts";

export interface AlarmText {
  readonly subject: string;
  readonly text: string;
}

/** @param events at least one, oldest first @param host where the agent runs */
export function alarmText(events: readonly NumberedEvent[], host: string): AlarmText {
  const gravest = events.toSorted((a, b) => rankOf(a) - rankOf(b))[0];
  const more = events.length === 1 ? "" : ` and ${events.length - 1} more`;
  const shown = events.slice(-MAILED_EVENTS_MAX_COUNT);
  const left = events.length - shown.length;
  return {
    subject: `[Holdfast ${host}] ${gravest === undefined ? "alarms" : titleOf(gravest)}${more}`,
    text: [
      ...(left === 0 ? [] : [`${left} earlier events are not shown: see holdfast status.`, ""]),
      ...shown.flatMap((event) => [...linesOf(event), ""]),
      `Sent by the Holdfast agent on ${host}. What is open now: holdfast status`,
      "",
    ].join("\n"),
  };
}

const RANK = { critical: 0, warning: 1, information: 2 } as const;

/** What opened before what closed. */
const rankOf = ({ event, alarm }: NumberedEvent): number =>
  RANK[CONDITIONS[alarm.code].severity] + (event === "opened" ? 0 : RANK.information + 1);

function titleOf({ event, alarm: { code, subject } }: NumberedEvent): string {
  const about = subject === "" ? "" : ` (${subject})`;
  return event === "closed"
    ? `over: ${code}${about}`
    : `${CONDITIONS[code].severity}: ${code}${about}`;
}

function linesOf(event: NumberedEvent): string[] {
  const { code, sinceMs } = event.alarm;
  const { means, remedy, whose, runbook } = CONDITIONS[code];
  const at = new Date(event.atMs).toISOString();
  const since = new Date(sinceMs).toISOString();
  if (event.event === "closed") return [`${titleOf(event)} at ${at}, since ${since}`, `  ${means}`];
  return [
    `${titleOf(event)} since ${since}`,
    ...[`  ${means}.`, `  ${remedy}.`, `  For ${whose}: ${runbook}`],
  ];
}
