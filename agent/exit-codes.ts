/** What an error means for the process, and for whoever catches it. @module */

/** What whoever catches the error may do about it. Nobody decides from the message text. */
export type Disposition =
  /** Try again later, unchanged: the fault says nothing about the message. */
  | "retry"
  /** Set this one message aside and go on with the next. */
  | "quarantine"
  /** Stop: going on could lose or corrupt data. */
  | "halt";

/** Exit codes are API (sysexits): 64, 77 and 78 are not restarted by a service manager (09 SV6). */
export const EXIT = {
  ok: 0,
  usage: 64,
  badData: 65,
  unavailable: 69,
  defect: 70,
  cannotCreate: 73,
  tryAgain: 75,
  notPermitted: 77,
  configuration: 78,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface CatalogueRow {
  readonly disposition: Disposition;
  /** What the process ends with, should this end it. */
  readonly exit: ExitCode;
  readonly summary: string;
  readonly remedy: string;
}
