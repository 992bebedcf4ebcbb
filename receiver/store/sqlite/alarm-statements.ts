/** Every statement of alarms, with the index that it must use: the query-plan test reads them, too. @module */
import type { Database } from "better-sqlite3";
import { preparing } from "./preparing.ts";

export const ALARM_SCHEMA = `
  CREATE TABLE alarm_report (
    agent INTEGER PRIMARY KEY,
    reported_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    report TEXT NOT NULL
  ) STRICT;`;

export const ALARM_SQL = {
  setAlarms: `INSERT INTO alarm_report (agent, reported_ms, received_ms, report) VALUES (?, ?, ?, ?)
    ON CONFLICT (agent) DO UPDATE SET reported_ms = excluded.reported_ms,
      received_ms = excluded.received_ms, report = excluded.report`,
  alarmsOf: "SELECT agent, reported_ms, received_ms, report FROM alarm_report WHERE agent = ?",
} as const satisfies Record<string, string>;

export type AlarmRow = [agent: bigint, reportedMs: bigint, receivedMs: bigint, report: string];

export function prepareAlarms(db: Database) {
  const { read, write } = preparing(db);
  return {
    setAlarms: write<[agent: number, reportedMs: number, receivedMs: number, report: string]>(
      ALARM_SQL.setAlarms,
    ),
    alarmsOf: read<[agent: number], AlarmRow>(ALARM_SQL.alarmsOf),
  };
}
