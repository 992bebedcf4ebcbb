/**
 * The log: event codes and facts, one JSON object a line, on standard error.
 *
 * A fact is a number, a boolean or a checked identifier; the compiler refuses a plain string, so that
 * no part of a message can be written by accident (08 PL1). winston carries the lines to where they go.
 *
 * @module
 */
import { createLogger, format, transports } from "winston";
import type { AgentError, Facts } from "../errors.ts";

/** What can be logged, with its level. The names are public: operators search for them. */
const EVENTS = {
  agentStarted: "info",
  agentStopping: "info",
  agentStopped: "info",
  agentFailed: "error",
  listenerOpened: "info",
  listenerClosed: "warn",
  listenerReopened: "info",
  connectionOpened: "info",
  connectionClosed: "info",
  connectionRefused: "warn",
  peerNotMllp: "warn",
  blockQuarantined: "warn",
  blockTooLarge: "error",
  blockFragment: "warn",
  controlIdReused: "warn",
  storeOpened: "info",
  storeFailing: "error",
  storeHealthy: "info",
  volatileState: "warn",
  allSourcesAllowed: "warn",
  tunnelState: "info",
  tunnelLost: "warn",
  messageRejected: "error",
  channelHeld: "error",
  taskFailed: "error",
} as const satisfies Record<string, "info" | "warn" | "error">;

export type LogEvent = keyof typeof EVENTS;

export interface Log {
  /** Writes one line. Never throws: a log that cannot be written does not stop a message. */
  write(event: LogEvent, facts: Facts): void;
  /** Writes an error of the catalogue: code, facts and remedy; never a foreign text (08 PL3). */
  fault(event: LogEvent, error: AgentError): void;
}

const withBigints = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" ? value.toString() : value;

/** Opens the log on standard error. */
export function openLog(): Log {
  const logger = createLogger({
    format: format.combine(format.timestamp(), format.json({ replacer: withBigints })),
    transports: [new transports.Console({ stderrLevels: ["info", "warn", "error"] })],
  });
  // A closed standard error (a service without a console) must not end the process (09 PK7).
  logger.on("error", () => {});
  return {
    write: (event, facts) => void logger.log({ level: EVENTS[event], message: event, ...facts }),
    fault: (event, error) =>
      void logger.log({
        level: EVENTS[event],
        message: event,
        code: error.code,
        remedy: error.remedy,
        // Not beside them: a fact may be called `code`, too.
        facts: error.facts,
      }),
  };
}

/** A log that keeps nothing, for commands that speak to a person instead. */
export const silentLog: Log = { write: () => {}, fault: () => {} };
