/** Which lines of the log an administrator finds in Windows's Event Log, too (09 SV17). @module */
import type { EventLevel } from "../host/windows/event-log.ts";

/** Start, stop, an end with its remedy, alarms. None has a part of a message: no line of the log has. */
const CARRIED =
  /"message":"(?:agentStarted|agentStopped|agentFailed|alarmOpened|alarmClosed|serviceWeakened)"/;

export interface WindowsEvent {
  readonly level: EventLevel;
  readonly text: string;
}

/** @param line of the log: one object of JSON @returns `undefined` for what is in our files alone */
export function eventOf(line: string): WindowsEvent | undefined {
  if (!CARRIED.test(line)) return undefined;
  const { level, message, timestamp: _, facts, ...rest } = JSON.parse(line) as LogLine;
  const said = Object.entries({ ...rest, ...facts }).map(([name, value]) => `${name}: ${value}`);
  return { level, text: [`Holdfast: ${message}`, ...said].join("\n") };
}

interface LogLine {
  readonly level: EventLevel;
  readonly message: string;
  readonly timestamp: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}
