/**
 * The log: event codes and facts, one JSON object a line, on standard error.
 *
 * A fact is a number, a boolean or a checked identifier; the compiler refuses a plain string, so that
 * no part of a message can be written by accident (08 PL1). winston carries the lines to where they go.
 *
 * @module
 */
import { Writable } from "node:stream";
import { createLogger, format, transports } from "winston";
import { type AgentError, type Facts, identifierFrom } from "../errors.ts";
import type { Only } from "../fact-names.ts";
import { type Clock, systemClock } from "./clock.ts";

type Level = "info" | "warn" | "error";
/** Of an alarm, by its severity. */
const ALARM_LEVELS: Readonly<Record<string, Level>> = { critical: "error", warning: "warn" };
/** As systemd reads them at the beginning of a line (sd-daemon(3)). */
const PRIORITIES: Readonly<Record<string, number>> = { error: 3, warn: 4, info: 6 };

/** What can be logged, with its level. The names are public: operators search for them. */
const EVENTS = {
  agentStarted: "info",
  alarmOpened: "bySeverity",
  alarmClosed: "info",
  agentStopping: "info",
  agentStopped: "info",
  agentFailed: "error",
  approverSocketClosed: "error",
  approverSocketOpened: "info",
  channelReleased: "info",
  channelsChanged: "info",
  channelsWentBack: "error",
  commandRefused: "warn",
  questionRefused: "warn",
  questionAnswered: "info",
  questionFailed: "error",
  structureAsked: "warn",
  supportChanged: "warn",
  downstreamBusy: "warn",
  downstreamConflict: "error",
  downstreamGap: "error",
  downstreamOpened: "info",
  downstreamRefused: "warn",
  downstreamRejected: "warn",
  downstreamUnverified: "warn",
  listenerOpened: "info",
  listenerClosed: "warn",
  listenerReopened: "info",
  socketUnclaimed: "warn",
  connectionOpened: "info",
  connectionClosed: "info",
  connectionRefused: "warn",
  peerNotMllp: "warn",
  blockQuarantined: "warn",
  blockTooLarge: "error",
  blockFragment: "warn",
  protocolWarning: "warn",
  tlsHandshakeFailed: "warn",
  tlsCertificateReloaded: "info",
  tlsCertificateUnusable: "error",
  certificateExpiring: "warn",
  quarantineFull: "error",
  quarantineReleased: "info",
  quarantineDiscarded: "warn",
  channelFull: "error",
  channelRoom: "info",
  deferredUnanswered: "warn",
  linesSummedUp: "warn",
  statusPageOpened: "info",
  statusPageClosed: "warn",
  statusPageFailed: "error",
  storeOpened: "info",
  storeFailing: "error",
  storeHealthy: "info",
  rowDamaged: "error",
  storeVerified: "info",
  backupMade: "info",
  backupFailed: "error",
  replayed: "warn",
  replayFailed: "error",
  rekeyed: "warn",
  rekeyFailed: "error",
  serviceWeakened: "warn",
  outboxFilling: "error",
  outboxRoom: "info",
  diskLow: "error",
  diskRoom: "info",
  drillBegun: "warn",
  drillReleased: "info",
  drillEnded: "info",
  walGrowing: "error",
  walShrunk: "info",
  keyDeleted: "info",
  choreFailed: "error",
  messagesSkipped: "warn",
  skipFailed: "error",
  volatileState: "warn",
  auditFailed: "error",
  auditBroken: "error",
  auditCutWithheld: "warn",
  trustFrozen: "error",
  marksFailed: "error",
  configState: "info",
  configFrozen: "error",
  configFailed: "error",
  lastGoodFailed: "error",
  siemConnected: "info",
  siemDisconnected: "warn",
  siemFailed: "error",
  mailFailed: "error",
  allSourcesAllowed: "warn",
  identityRenewed: "info",
  identityRecovered: "warn",
  identityInUse: "info",
  identityDropped: "warn",
  identityDamaged: "error",
  receiverCasUnwritten: "error",
  renewalFailed: "error",
  tunnelState: "info",
  tunnelLost: "warn",
  messageRejected: "error",
  messageSetAside: "error",
  gapSent: "error",
  channelHeld: "error",
  channelHeldByHand: "warn",
  channelParted: "error",
  epochBegun: "warn",
  keysSetAside: "warn",
  messagesMissing: "error",
  highWaterDamaged: "warn",
  resumeUnverified: "warn",
  fileMessagesSetAside: "warn",
  endpointConnected: "info",
  endpointLost: "warn",
  endpointUnreachable: "warn",
  endpointNoReply: "warn",
  replyUnusable: "warn",
  deliveryRefused: "warn",
  deliveryHeld: "error",
  deliveryReleased: "warn",
  deliveryQuarantined: "error",
  applicationAckMissing: "error",
  folderState: "info",
  folderUnreachable: "error",
  fileRefused: "warn",
  fileGrowing: "warn",
  fileOrphaned: "warn",
  fileUnpaired: "warn",
  controlFileAmbiguous: "warn",
  fileBusy: "warn",
  fileUnreadable: "warn",
  fileQuarantined: "error",
  fileVanished: "error",
  fileNotMoved: "error",
  lateWrite: "error",
  filesPruned: "info",
  filesPutBack: "warn",
  leftoversRemoved: "info",
  sentPruned: "info",
  targetFailed: "warn",
  taskFailed: "error",
} as const satisfies Record<string, Level | "bySeverity">;

export type LogEvent = keyof typeof EVENTS;

export interface Log {
  /** Writes one line. Never throws: a log that cannot be written does not stop a message. */
  write<Given extends Facts>(event: LogEvent, facts: Only<Given>): void;
  /** Writes an error of the catalogue: code, facts and remedy; never a foreign text (08 PL3). */
  fault(event: LogEvent, error: AgentError): void;
}

const withBigints = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" ? value.toString() : value;

const MESSAGE = Symbol.for("message");

/** winston's last step: the finished line, with its priority for journald in front. */
const withPriority = format((info) => {
  info[MESSAGE] = `<${PRIORITIES[info.level] ?? 6}>${String(info[MESSAGE])}`;
  return info;
});

const levelOf = (event: LogEvent, facts: Facts): Level => {
  const level = EVENTS[event];
  return level === "bySeverity" ? (ALARM_LEVELS[String(facts["severity"])] ?? "info") : level;
};

/** Takes each line, ended. */
export type LogSink = (line: string) => void;

/**
 * Opens the log.
 *
 * @param to standard error, as it is or for journald, which reads how grave each line is; or a sink
 */
export function openLog(to: "plain" | "journal" | LogSink = "plain"): Log {
  const lines = [format.timestamp(), format.json({ replacer: withBigints })];
  const logger = createLogger({
    format: format.combine(...lines, ...(to === "journal" ? [withPriority()] : [])),
    transports: [
      typeof to === "function"
        ? new transports.Stream({ stream: streamTo(to) })
        : new transports.Console({ stderrLevels: ["info", "warn", "error"] }),
    ],
  });
  // A closed standard error (a service without a console) must not end the process (09 PK7).
  logger.on("error", () => {});
  return paced({
    write: (event, facts) =>
      void logger.log({ level: levelOf(event, facts), message: event, ...facts }),
    fault: (event, error) =>
      void logger.log({
        level: levelOf(event, {}),
        message: event,
        code: error.code,
        remedy: error.remedy,
        // Not beside them: a fact may be called `code`, too.
        facts: error.facts,
      }),
  });
}

const streamTo = (sink: LogSink): Writable =>
  new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      sink(line);
      done();
    },
  });

/** 08 PL6: lines of one event in a second; what is above is counted. */
const LINES_PER_SECOND = 10;

/**
 * A log that a peer cannot flood: above ten lines of an event in a second the rest is counted, and the
 * sum is one line as soon as the second is over.
 */
export function paced(log: Log, clock: Clock = systemClock): Log {
  const seconds = new Map<LogEvent, { lines: number; leftOut: number }>();
  const isDue = (event: LogEvent): boolean => {
    let second = seconds.get(event);
    if (second === undefined) {
      second = { lines: 0, leftOut: 0 };
      seconds.set(event, second);
      clock.after(1_000, () => {
        const { leftOut } = seconds.get(event) ?? { leftOut: 0 };
        seconds.delete(event);
        if (leftOut > 0)
          log.write("linesSummedUp", { code: identifierFrom(event), count: leftOut });
      });
    }
    second.lines += 1;
    if (second.lines > LINES_PER_SECOND) second.leftOut += 1;
    return second.lines <= LINES_PER_SECOND;
  };
  return {
    write: (event, facts) => {
      if (isDue(event)) log.write(event, facts);
    },
    fault: (event, error) => {
      if (isDue(event)) log.fault(event, error);
    },
  };
}
