/**
 * The log: event codes and facts, one JSON object a line, on standard error.
 *
 * A fact is a number, a boolean or a checked identifier; the compiler refuses a plain string, so
 * that no part of a message can be written by accident (08 PL1).
 *
 * @module
 */
import { createLogger, format, transports } from "winston";
import type { Facts, ReceiverError } from "../errors.ts";

/** What can be logged, with its level. The names are public: operators search for them. */
const EVENTS = {
  receiverStarted: "info",
  receiverStopping: "info",
  receiverFailed: "error",
  agentConnected: "info",
  agentDisconnected: "info",
  agentEnrolled: "info",
  agentFenced: "warn",
  agentLocked: "error",
  agentRefused: "warn",
  agentRenewed: "info",
  agentShed: "warn",
  /** An old certificate of an agent was shown: a copy of it may be about (N7). */
  agentSuperseded: "error",
  agentVersion: "error",
  consoleFailed: "error",
  consoleListening: "info",
  consoleRefused: "warn",
  /** What somebody did at the console is written here alone: the store takes nothing. */
  consoleUnwritten: "warn",
  enrolmentClaimed: "warn",
  enrolmentRefused: "warn",
  identityFailed: "error",
  /** Two machines hold one identity (07 1.7). */
  identityLocked: "error",
  /** What an agent says of itself is older than what it said before (07 1.7, 2.12). */
  agentWentBack: "error",
  headRefused: "error",
  hoursRefused: "error",
  outletFailed: "error",
  outcomeRefused: "error",
  outletListening: "info",
  outletRecovered: "info",
  outletRefused: "warn",
  outletStuck: "error",
  protocolViolation: "warn",
  proxyRefused: "warn",
  channelOpened: "info",
  commandAnswered: "info",
  commandFailed: "warn",
  downstreamHeld: "error",
  downstreamParted: "error",
  downstreamRejected: "warn",
  channelRefused: "warn",
  gapRecorded: "error",
  linesLeftOut: "warn",
  messageConflict: "error",
  messageRejected: "warn",
  messageUnverified: "warn",
  renewalRefused: "warn",
  storeBusy: "error",
  storeNoChecksums: "warn",
  storeUnavailable: "error",
} as const satisfies Record<string, "info" | "warn" | "error">;

export type LogEvent = keyof typeof EVENTS;

export interface Log {
  /** Writes one line. Never throws: a log that cannot be written does not stop a message. */
  write(event: LogEvent, facts: Facts): void;
  /** Writes an error of the catalogue: code, facts and remedy; never a foreign text (08 PL3). */
  fault(event: LogEvent, error: ReceiverError): void;
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
  const write: Log["write"] = (event, facts) =>
    void logger.log({ level: EVENTS[event], message: event, ...facts });
  return {
    write,
    fault: (event, error) =>
      void logger.log({
        level: EVENTS[event],
        message: event,
        code: error.code,
        remedy: error.remedy,
        ...error.facts,
      }),
  };
}

/** A log that keeps nothing, for commands that speak to a person instead. */
export const silentLog: Log = { write: () => {}, fault: () => {} };
