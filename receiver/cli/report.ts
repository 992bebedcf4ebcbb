/** `holdfast-receiver report` and `holdfast-receiver trace`. @module */
import { comparedCsv, comparedTable } from "#reconcile/compared-text.ts";
import { hourOf, hourRange, hourText } from "#reconcile/hours.ts";
import { type LineState, worstOf } from "#reconcile/lines.ts";
import { parseAgentName } from "../agent-certificate.ts";
import { loadConfiguration } from "../configuration.ts";
import { ReceiverError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { systemClock } from "../host/clock.ts";
import { ask } from "../local-client.ts";
import type { AgentReport } from "../report/report.ts";
import type { TraceLine } from "../report/trace.ts";
import type { AgentName } from "../store/store.ts";
import type { Output } from "./output.ts";

export interface ReportOptions {
  readonly config: string;
  readonly from?: string;
  readonly to?: string;
  readonly channel?: string;
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** @returns 0 only if every hour is equal, and was told; 75 if something is still to come; 65 if something differs */
export async function report(
  output: Output,
  name: string | undefined,
  options: ReportOptions,
): Promise<ExitCode> {
  const nowMs = systemClock.nowMs();
  const range = hourRange(options.from, options.to, nowMs);
  if (range === undefined) throw new ReceiverError("REPORT_TIME");
  const { stateDir, store } = loadConfiguration(options.config);
  const agent = name === undefined ? null : namedAgent(name);
  const question = { ask: "report", agent, channel: options.channel ?? null, ...range } as const;
  const states = new Set<LineState>();
  let isHeadDue = true;
  for await (const line of ask(stateDir, question, store)) {
    // Our own line, made by `answerTo`.
    const found = JSON.parse(line) as AgentReport;
    for (const { state } of found.lines) states.add(state);
    // Of an hour that is not over nobody can say more.
    const through = Math.min(range.toHour, hourOf(nowMs)) - 1;
    const isTold = found.told !== null && found.told.throughHour >= through;
    if (!isTold) states.add("untold");
    for (const text of textOf(found, options, isHeadDue)) await output.print(text);
    isHeadDue = false;
  }
  const worst = worstOf(states);
  if (worst === "differs") return EXIT.badData;
  return worst === "equal" ? EXIT.ok : EXIT.tryAgain;
}

function textOf(found: AgentReport, options: ReportOptions, isFirst: boolean): string[] {
  const { agent, told, lines } = found;
  if (options.json === true) {
    const standing =
      told === null
        ? { agent, told: null }
        : {
            agent,
            told: { since: hourText(told.sinceHour), through: hourText(told.throughHour + 1) },
          };
    const rows = lines.map((line) => ({ ...line, hourAt: hourText(line.hour) }));
    return [standing, ...rows].map((one) => JSON.stringify(one));
  }
  if (options.csv === true) return comparedCsv(lines).slice(isFirst ? 0 : 1);
  const heading =
    told === null
      ? `${agent}: has told nothing of its hours yet`
      : `${agent}: told of everything before ${hourText(told.throughHour + 1)}, counts since ${hourText(told.sinceHour)}`;
  return [heading, ...comparedTable(lines), ""];
}

/** @returns 65 if nothing has the control id */
export async function trace(
  output: Output,
  [name, controlId]: readonly [string, string],
  options: { readonly config: string; readonly json?: boolean },
): Promise<ExitCode> {
  const { stateDir, store } = loadConfiguration(options.config);
  const question = { ask: "trace", agent: namedAgent(name), controlId } as const;
  let count = 0;
  for await (const line of ask(stateDir, question, store)) {
    count += 1;
    // Our own line, made by `answerTo`.
    const text = options.json === true ? line : traceText(JSON.parse(line) as TraceLine);
    if (!(await output.print(text))) break;
  }
  if (count === 0 && options.json !== true) {
    await output.print(
      "No stored message has this control id; bodies that were pruned are not found",
    );
  }
  return count > 0 ? EXIT.ok : EXIT.badData;
}

function traceText(line: TraceLine): string {
  const { channel, epoch, seq, bytes } = line;
  const place = `${line.direction}  ${channel}  ${epoch}/${seq}  ${bytes} bytes`;
  if (line.direction === "up") {
    const repeat = line.possibleRepeat ? "  possible repeat" : "";
    const digest = line.sha256.slice(0, 16);
    return `${place}  received ${line.receivedAt}  stored ${line.storedAt}  ${digest}${repeat}`;
  }
  const { queuedAt, agentHasItAt, outcome } = line;
  const reached = agentHasItAt === null ? "waits for the agent" : `at the agent ${agentHasItAt}`;
  const words =
    outcome === null
      ? ["not delivered yet"]
      : [outcome.outcome, outcome.reason, outcome.code, ...outcome.flags, outcome.settledAt];
  const end = words.filter((word) => word !== null).join(" ");
  return `${place}  queued ${queuedAt}  ${reached}  ${end}`;
}

function namedAgent(name: string): AgentName {
  const agent = parseAgentName(name);
  if (agent === null) throw new ReceiverError("AGENT_NAME");
  return agent;
}
