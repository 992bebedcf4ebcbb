/**
 * The catalogue of everything the receiver can report as having gone wrong.
 *
 * One row per code. Codes are public: operators search for them, tests assert on them. A code is
 * never renamed or reused. `exit` is the exit code of the process that ends because of it (01).
 *
 * @module
 */

import { EXIT, type ExitCode } from "./exit-codes.ts";
import { STORE_ERRORS } from "./store-errors.ts";

const CATALOGUE = {
  ADD_ON_UNUSABLE: {
    exit: EXIT.configuration,
    summary: "The native code that the executable brings along is not loaded",
    remedy:
      "See ADD_ON_* in the README of the agent: it is changed, missing, or nowhere to lie safely",
  },
  AGENT_CERTIFICATE_PROFILE: {
    exit: EXIT.badData,
    summary: "The certificate is not one of an agent by that name",
    remedy: "Pass the PEM certificate that was issued for exactly this tenant and agent",
  },
  AGENT_CERTIFICATE_UNREADABLE: {
    exit: EXIT.badData,
    summary: "The certificate file cannot be read as a PEM certificate",
    remedy: "Check the path after --certificate and that the file holds a PEM certificate",
  },
  AGENT_DENIED: {
    exit: EXIT.badData,
    summary: "The agent is on the deny list",
    remedy: "Take it off first, if it may come back: holdfast-receiver agent deny --undo",
  },
  AGENT_NAME: {
    exit: EXIT.usage,
    summary: "The agent is not named as TENANT/AGENT",
    remedy: "Use lower-case letters, digits and hyphens, at most 63 each: north/ward-1",
  },
  AGENT_UNKNOWN: {
    exit: EXIT.badData,
    summary: "No agent by that name was ever added",
    remedy: "Look for it with: holdfast-receiver agent list",
  },
  CA_EXISTS: {
    exit: EXIT.cannotCreate,
    summary: "There is a CA already, or a part of one; it was left as it is",
    remedy:
      "Agents that enrolled with it need it; to begin anew, move agent-ca.key and agent-ca.crt away",
  },
  CA_FAILED: {
    exit: EXIT.unavailable,
    summary: "The CA issued nothing that could be used: what is named here does not fit",
    remedy:
      "Run the program of enrolment.ca by hand; docs/receiver-identities.md has what it must answer. Agents ask again",
  },
  CA_FILE: {
    exit: EXIT.configuration,
    summary: "The files of the CA cannot be used",
    remedy:
      "Make them with: holdfast-receiver ca create; the key needs mode 0600, and tls.agentCa must hold the certificate",
  },
  COMMAND_OTHER: {
    exit: EXIT.usage,
    summary: "The signed question is for another agent, or asks something else",
    remedy: "Name the agent and the operation for which it was signed: holdfast-sign verify FILE",
  },
  COMMAND_UNKNOWN: {
    exit: EXIT.badData,
    summary: "No question of this id was ever sent to this agent",
    remedy: "Ask it first: holdfast-receiver ask",
  },
  CONFIRM_CODE: {
    exit: EXIT.badData,
    summary: "The machine that waits shows another code: it was not confirmed",
    remedy:
      "Compare with the hospital once more; if the codes differ, somebody else has the token: make a new one with agent add",
  },
  CONFIRM_MALFORMED: {
    exit: EXIT.usage,
    summary: "What was typed is no code of six digits: nothing was compared, nothing is confirmed",
    remedy: 'Type the six digits as the hospital reads them out, such as 123456 or "123 456"',
  },
  CONFIRM_EXPIRED: {
    exit: EXIT.badData,
    summary: "The token has expired before the agent was confirmed",
    remedy: "Make a new one with: holdfast-receiver agent add",
  },
  CONFIRM_NOTHING: {
    exit: EXIT.badData,
    summary: "No machine waits to be confirmed under this name",
    remedy: "Look at: holdfast-receiver agent list; the hospital runs holdfast enroll first",
  },
  CONSOLE_DEFECT: {
    exit: EXIT.defect,
    summary: "A page of the console could not be made",
    remedy: "Report this with the log; messages are taken as before",
  },
  CONSOLE_FILE: {
    exit: EXIT.configuration,
    summary: "A certificate or key of the console cannot be used",
    remedy: "Check console.tls.certificate, .key and .clientCa: PEM files that can be read here",
  },
  CONSOLE_LINK_PLACE: {
    exit: EXIT.notPermitted,
    summary: "Links let nobody into a console that other machines reach",
    remedy: "Give people certificates: console.people in receiver.yaml, docs/console.md",
  },
  CONSOLE_LINKS_FULL: {
    exit: EXIT.tryAgain,
    summary: "Too many links wait to be used",
    remedy: "Wait five minutes, until they have expired",
  },
  CONSOLE_OFF: {
    exit: EXIT.configuration,
    summary: "This receiver has no console",
    remedy: "Write the key console into receiver.yaml and start the receiver anew: docs/console.md",
  },
  CONSOLE_ROLE: {
    exit: EXIT.usage,
    summary: "This is no role, or no name of a person",
    remedy:
      "Roles are viewer, support and administrator; a name begins with a letter and has at most 64 of letters, digits, spaces and . @ _ -",
  },
  CONSOLE_TOO_MUCH: {
    exit: EXIT.tryAgain,
    summary: "You have done too much at once",
    remedy:
      "One person changes at most 30 things a minute, and has at most 20 questions that wait: go on in a minute, or have them sent or taken back",
  },
  DENY_SERIAL: {
    exit: EXIT.usage,
    summary: "This is no serial of a certificate, or the agent has no device key",
    remedy: "Pass the serial in hexadecimal as agent list prints it",
  },
  DOOR_FAILED: {
    exit: EXIT.unavailable,
    summary: "The running receiver broke off while it answered a command",
    remedy: "Look at the log of the receiver, then run the command again",
  },
  DOOR_TAKEN: {
    exit: EXIT.configuration,
    summary: "Another receiver runs in this state folder",
    remedy: "Give each receiver a stateDir of its own, also where they share a database",
  },
  DOOR_UNAVAILABLE: {
    exit: EXIT.cannotCreate,
    summary: "The local socket control.sock cannot be opened in the state folder",
    remedy: "Check who owns stateDir; its path must be shorter than 90 characters",
  },
  ENROLMENT_OFF: {
    exit: EXIT.configuration,
    summary: "This receiver enrols nobody: its configuration has no enrolment",
    remedy:
      "Add enrolment.url and tls.ca as docs/receiver-identities.md says, or pass --certificate for a trial",
  },
  LISTEN_ADDRESS: {
    exit: EXIT.configuration,
    summary: "The receiver cannot listen on this address: it is not one of this machine",
    remedy: "Correct listen.host in the configuration",
  },
  LISTEN_FAILED: {
    exit: EXIT.unavailable,
    summary: "The receiver cannot listen",
    remedy: "Check listen.host and listen.port in the configuration",
  },
  LISTEN_NOT_PERMITTED: {
    exit: EXIT.notPermitted,
    summary: "The receiver may not listen on this port",
    remedy: "Choose a port from 1024, or allow the service to bind low ports",
  },
  LISTEN_PORT_IN_USE: {
    exit: EXIT.unavailable,
    summary: "The receiver cannot listen: another program has this port",
    remedy: "Stop the other program, or choose another listen.port in the configuration",
  },
  OUT_FILE: {
    exit: EXIT.cannotCreate,
    summary: "The file for the answer cannot be made; nothing was asked",
    remedy: "Name a file that does not exist, in a folder that may be written",
  },
  QUESTION_FAILED: {
    exit: EXIT.unavailable,
    summary: "The agent accepted the question and could not answer it (fact code)",
    remedy: "Look the code up in the agent's error catalogue; ask again with a new document",
  },
  QUESTION_REFUSED: {
    exit: EXIT.notPermitted,
    summary: "The agent refused the question (fact code)",
    remedy:
      "CONSENT, SUPPORT_OFF: ask the hospital. RATE, BUSY: wait a minute. Others: sign a new document",
  },
  QUESTION_UNANSWERED: {
    exit: EXIT.tryAgain,
    summary: "No answer has come in time; the question stays queued until it expires",
    remedy: "See whether the agent is connected, and give the same command again: it is asked once",
  },
  RECEIVER_AWAY: {
    exit: EXIT.unavailable,
    summary: "No receiver runs in this state folder",
    remedy: "Start it; if it ended, its log says why",
  },
  RECEIVER_SILENT: {
    exit: EXIT.unavailable,
    summary: "A receiver runs here, and its store did not answer within five seconds",
    remedy: "Look at its log for storeUnavailable, and at the database or the disk",
  },
  REPORT_TIME: {
    exit: EXIT.usage,
    summary: "--from or --to is no time",
    remedy: "Use a date, a time with its zone such as 2026-01-31T08:00:00Z, today or yesterday",
  },
  SEND_FILE: {
    exit: EXIT.badData,
    summary: "The file with the message cannot be read",
    remedy: "Check the path and who may read it",
  },
  SEND_KEY_CONFLICT: {
    exit: EXIT.badData,
    summary: "A message with other content was sent under this key before",
    remedy: "Give each message a key of its own; sent lists what was sent",
  },
  COMMAND_REFUSED: {
    exit: EXIT.usage,
    summary: "The command cannot be taken: its id is none, or its document is empty or too large",
    remedy: "Pass the nonce of the document, 16 bytes, and a signed document of at most 16 KiB",
  },
  DOCUMENT_MALFORMED: {
    exit: EXIT.badData,
    summary: "A file is no signed document that an agent takes, and no bundle of such",
    remedy: "Pass envelopes of trust, config, approval or head, or a holdfast-bundle/1",
  },
  STATUS_UNKNOWN: {
    exit: EXIT.badData,
    summary: "No status document of this agent is here",
    remedy: "Wait until it has connected; an agent that was not enrolled signs none",
  },
  SEND_REFUSED: {
    exit: EXIT.usage,
    summary:
      "The message cannot be taken: it is empty or too large, or its channel or key is no name",
    remedy:
      "Pass 1 byte to 16 MiB, a channel of at most 128 bytes that does not begin with $, a key of at most 128 characters",
  },
  OUTLET_BODY_DAMAGED: {
    exit: EXIT.badData,
    summary: "A stored body is not what was acknowledged: its SHA-256 differs",
    remedy: "Keep the store as it is; find the message in a backup, or have its channel replayed",
  },
  OUTLET_FILE: {
    exit: EXIT.configuration,
    summary: "A file of an outlet cannot be used",
    remedy: "Check the file that the key names: see docs/receiver-library.md for what it must hold",
  },
  OUTLET_REFUSED: {
    exit: EXIT.unavailable,
    summary: "The endpoint of a webhook, or a broker, did not take a message",
    remedy: "Look at the status or error it answered with; the message is sent again until it is",
  },
  OUTLET_TOO_LARGE: {
    exit: EXIT.unavailable,
    summary: "A message is larger than its outlet, or the broker, takes; its channel waits",
    remedy:
      "Raise what is named: maxMessageBytes of the outlet, or max.message.bytes of the topic, which must be some KiB above it",
  },
  STATE_FOLDER: {
    exit: EXIT.cannotCreate,
    summary: "The state folder cannot be created or written",
    remedy: "Create stateDir for the user of the receiver, with mode 0700",
  },
  ...STORE_ERRORS,
  TLS_FILE: {
    exit: EXIT.configuration,
    summary: "A certificate or key of the configuration cannot be used",
    remedy:
      "Check tls.certificate, tls.key, tls.ca and tls.agentCa: PEM files that belong together",
  },
  TOKEN_FILE: {
    exit: EXIT.cannotCreate,
    summary: "The file for the token cannot be written, or is there already",
    remedy: "Pass a path after --out at which there is nothing",
  },
  TRUST_CONFLICT: {
    exit: EXIT.badData,
    summary: "Another trust document with this tenant and version is kept already",
    remedy: "Find out which of the two was published: no version is ever signed twice",
  },
  TRUST_REFUSED: {
    exit: EXIT.badData,
    summary: "A file holds no trust document that follows on the one before",
    remedy: "Pass the documents of one tenant, oldest first, without a gap",
  },
} as const satisfies Record<string, { exit: ExitCode; summary: string; remedy: string }>;

export type ErrorCode = keyof typeof CATALOGUE;

/** Numbers and names only. A message body or a patient identifier has no way in. */
export type Facts = Readonly<Record<string, number | bigint | boolean | Identifier>>;

declare const identifier: unique symbol;
/** A string checked to be safe to print: at most 64 characters of `[A-Za-z0-9_.:-]`. */
export type Identifier = string & { readonly [identifier]: true };

/**
 * Marks a string as safe to print.
 *
 * @returns `text`, unchanged
 * @throws {RangeError} if it is anything but 1 to 64 of `[A-Za-z0-9_.:-]`; the error does not quote it
 */
export function identifierFrom(text: string): Identifier {
  if (!/^[A-Za-z0-9_.:-]{1,64}$/.test(text)) {
    throw new RangeError(`Cannot print a ${text.length}-character string as an identifier`);
  }
  return text as Identifier;
}

/** A fault, by its code in the catalogue. */
export class ReceiverError extends Error {
  override readonly name = "ReceiverError";
  readonly code: ErrorCode;
  readonly facts: Facts;

  constructor(code: ErrorCode, details: ErrorOptions & { readonly facts?: Facts } = {}) {
    super(`${code}: ${CATALOGUE[code].summary}`, details);
    this.code = code;
    this.facts = details.facts ?? {};
  }

  get summary(): string {
    return CATALOGUE[this.code].summary;
  }

  get remedy(): string {
    return CATALOGUE[this.code].remedy;
  }

  get exitCode(): ExitCode {
    return CATALOGUE[this.code].exit;
  }
}

/** @returns whether `text` is a code of the catalogue: it came from another thread or process */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === "string" && Object.hasOwn(CATALOGUE, text);
}

/** @returns the code of a Node or SQLite error, if it is fit to be printed */
export function foreignCode(error: unknown): Identifier {
  const code = error instanceof Error && "code" in error ? String(error.code) : "UNKNOWN";
  return /^[A-Z0-9_]{1,64}$/.test(code) ? identifierFrom(code) : identifierFrom("UNKNOWN");
}
