/** Alarms of agents (08 PL9). @module */
import type { AlarmReportRecord, AlarmReports } from "../alarms.ts";
import type { Questions } from "./questions.ts";
import type { Asking } from "./registry-step.ts";

type AlarmRow = [agent: string, reportedMs: string, receivedMs: string, report: string];

export function alarmsOver(questions: Questions, { read, write }: Asking): AlarmReports {
  return {
    setAlarms: ({ agent, reportedMs, atMs, report }) =>
      write(async () => {
        await questions.rows("setAlarms", [agent, reportedMs, atMs, report]);
        return { kind: "ok" } as const;
      }),
    alarmsOf: ({ agent }) =>
      read(async () => (await questions.rows<AlarmRow>("alarmsOf", [agent])).map(recordOf)),
  };
}

const recordOf = ([agent, reportedMs, receivedMs, report]: AlarmRow): AlarmReportRecord => ({
  ...{ agent: Number(agent), reportedMs: Number(reportedMs), receivedMs: Number(receivedMs) },
  report,
});
