/** With what a process ends (01). @module */

/** sysexits, as far as 01 uses them. The service manager does not restart on 64, 77 and 78. */
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
