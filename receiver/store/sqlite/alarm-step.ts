/** Alarms of agents (08 PL9), inside the writer's transaction. @module */
import type { AlarmReportRecord, AlarmReports } from "../alarms.ts";
import type { AlarmRow } from "./alarm-statements.ts";
import type { Operations, Request } from "./calls.ts";
import type { Prepared } from "./prepared.ts";

type AlarmRequest = Extract<Request, { name: keyof AlarmReports }>;

export function isOfAlarms(request: Request): request is AlarmRequest {
  return request.name === "setAlarms" || request.name === "alarmsOf";
}

export function answer(
  { alarms }: Prepared,
  { name, ask }: AlarmRequest,
): Operations[keyof AlarmReports]["answer"] {
  if (name === "alarmsOf") return alarms.alarmsOf.all(ask.call.agent).map(recordOf);
  const { agent, reportedMs, atMs, report } = ask.call;
  alarms.setAlarms.run(agent, reportedMs, atMs, report);
  return { kind: "ok" };
}

const recordOf = ([agent, reportedMs, receivedMs, report]: AlarmRow): AlarmReportRecord => ({
  ...{ agent: Number(agent), reportedMs: Number(reportedMs), receivedMs: Number(receivedMs) },
  report,
});
