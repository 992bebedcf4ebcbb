/**
 * Alarms that are open at agents, as each agent has last said (08 PL9): one row an agent, replaced as a whole. What an
 * agent does not name any more is over.
 *
 * @module
 */

export interface SetAlarmsCall {
  readonly agent: number;
  /** When the agent said so, by its own clock, ms since 1970. */
  readonly reportedMs: number;
  /** Checked, as JSON. */
  readonly report: string;
  readonly atMs: number;
}

export interface AlarmReportRecord {
  readonly agent: number;
  readonly reportedMs: number;
  readonly receivedMs: number;
  readonly report: string;
}

export interface AlarmReports {
  setAlarms(call: SetAlarmsCall): Promise<{ readonly kind: "ok" } | { readonly kind: "busy" }>;
  /** Of one agent; at most one. */
  alarmsOf(call: { readonly agent: number }): Promise<readonly AlarmReportRecord[]>;
}

export interface AlarmStore {
  readonly alarms: AlarmReports;
}
