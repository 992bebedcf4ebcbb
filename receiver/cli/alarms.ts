/** `holdfast-receiver alarms`: what is wrong, at which agent, whose it is, what to do. @module */
import { parseAgentName } from "../agent-certificate.ts";
import { loadConfiguration } from "../configuration.ts";
import type { AlarmLine } from "../console-questions.ts";
import { ReceiverError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { ask } from "../local-client.ts";
import type { AgentName } from "../store/store.ts";
import type { Output } from "./output.ts";

const HEADINGS = ["agent", "severity", "code", "channel", "since", "whose"] as const;

/** @returns 69 if something critical or a warning is open, as `holdfast status` does; else 0 */
export async function showAlarms(
  output: Output,
  name: string | undefined,
  { config, json }: { readonly config: string; readonly json?: boolean },
): Promise<ExitCode> {
  const { stateDir, store } = loadConfiguration(config);
  const agent = name === undefined ? null : namedAgent(name);
  const found: AlarmLine[] = [];
  for await (const line of ask(stateDir, { ask: "alarms", agent }, store)) {
    // Our own line, made by `answerTo`.
    found.push(JSON.parse(line) as AlarmLine);
    if (json === true) await output.print(line);
  }
  if (json !== true) for (const text of tableOf(found)) await output.print(text);
  return found.some(({ severity }) => severity !== "information") ? EXIT.unavailable : EXIT.ok;
}

function tableOf(found: readonly AlarmLine[]): string[] {
  if (found.length === 0) return ["No alarm is open, as far as agents have said"];
  const rows = found.map(({ agent, severity, code, channel, since, whose }) => [
    ...[agent, severity, code, channel ?? "-", since, whose],
  ]);
  const widths = HEADINGS.map((heading, at) =>
    Math.max(heading.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const lineOf = (row: readonly string[]): string =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd();
  return [
    lineOf(HEADINGS),
    ...found.flatMap(({ summary, remedy, runbook }, at) => [
      lineOf(rows[at] ?? []),
      `    ${summary}. ${remedy}.${runbook === null ? "" : ` ${runbook}`}`,
    ]),
  ];
}

function namedAgent(name: string): AgentName {
  const agent = parseAgentName(name);
  if (agent === null) throw new ReceiverError("AGENT_NAME");
  return agent;
}
