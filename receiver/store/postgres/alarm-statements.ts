/** Alarms of agents (08 PL9) in PostgreSQL: their table and statements. @module */

export const ALARM_TABLES = `
CREATE TABLE holdfast.alarm_report (
  agent bigint PRIMARY KEY,
  reported_ms bigint NOT NULL,
  received_ms bigint NOT NULL,
  report text NOT NULL
) WITH (fillfactor = 50);
`;

export const ALARM_SQL = {
  setAlarms: `INSERT INTO holdfast.alarm_report (agent, reported_ms, received_ms, report)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (agent) DO UPDATE SET reported_ms = excluded.reported_ms,
      received_ms = excluded.received_ms, report = excluded.report`,
  alarmsOf: `SELECT agent, reported_ms, received_ms, report FROM holdfast.alarm_report
    WHERE agent = $1`,
} as const satisfies Record<string, string>;
