/** `holdfast report`: what came in each hour and what became of it, and whether the receiver has the same. @module */
import { loadLocalConfig } from "#config/local.ts";
import { AgentLines } from "#reconcile/agent-lines.ts";
import { agentCsv, agentTable, comparedCsv, comparedTable } from "#reconcile/compared-text.ts";
import { type HourRange, hourRange, hourText } from "#reconcile/hours.ts";
import { type AgentLine, type ComparedLine, worstOf } from "#reconcile/lines.ts";
import { AgentError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { systemClock } from "../host/clock.ts";
import type { HourFacts } from "../hour-desk.ts";
import type { Told } from "../outbox/hours/hour-messages.ts";
import { question } from "./question.ts";
import { compareFile } from "./report-compare.ts";
import { terminalSafe } from "./terminal.ts";

export interface ReportOptions {
  readonly config: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly channel: string | undefined;
  /** Tell the receiver everything up to now, first. */
  readonly tell: boolean;
  /** What the receiver has printed: `report --json`, or `export`. */
  readonly compare: string | undefined;
  /** Of the lines of that file, where they are of several. */
  readonly agent: string | undefined;
  readonly json: boolean;
  readonly csv: boolean;
}

/**
 * @returns 0; with `compare` only if both sides have the same, 75 if something is still on its way, 65 if not
 * @throws {AgentError} `REPORT_TIME`, `REPORT_FILE`, or why the agent did not answer
 */
export async function report(options: ReportOptions): Promise<ExitCode> {
  const range = hourRange(options.from, options.to, systemClock.nowMs());
  if (range === undefined) throw new AgentError("REPORT_TIME", {});
  const { stateDir } = loadLocalConfig(options.config);
  if (options.tell) await tell(stateDir);
  const lines = (await linesOf(stateDir, range)).filter(
    ({ channel }) => options.channel === undefined || channel === options.channel,
  );
  if (options.compare === undefined) {
    print(
      options,
      lines.map(withTime),
      () => agentTable(lines),
      () => agentCsv(lines),
    );
    return EXIT.ok;
  }
  const { agent, channel } = options;
  const asked = { stateDir, file: options.compare, range, agent, channel };
  const compared = await compareFile(asked, lines);
  print(
    options,
    compared.map(withTime),
    () => comparedTable(compared),
    () => comparedCsv(compared),
  );
  const worst = worstOf(compared.map(({ state }) => state));
  if (worst === "differs") return EXIT.badData;
  return worst === "equal" ? EXIT.ok : EXIT.tryAgain;
}

const withTime = <Line extends AgentLine | ComparedLine>(line: Line) => ({
  ...line,
  hourAt: hourText(line.hour),
});

async function tell(stateDir: string): Promise<void> {
  const { records } = (await question(stateDir, { ask: "hoursTell" })) as Told;
  console.error(`holdfast: told the receiver of everything up to now (${records} records)`);
}

async function linesOf(stateDir: string, { fromHour, toHour }: HourRange): Promise<AgentLine[]> {
  const sums = new AgentLines();
  const hour = fromHour - 1;
  const last = Number.MAX_SAFE_INTEGER;
  let after: HourFacts["next"] = { hour, id: last, countHour: hour, countChannel: last };
  while (after !== undefined) {
    const asked = { ask: "hours", after, toHour };
    const page: HourFacts = (await question(stateDir, asked)) as HourFacts;
    for (const { epoch, first, last: end, after: chain, ...stretch } of page.stretches) {
      const place = { epoch: BigInt(epoch), first: BigInt(first), last: BigInt(end) };
      const bytes = chain === null ? null : Buffer.from(chain, "hex");
      sums.stretch({ ...stretch, ...place, after: bytes });
    }
    for (const counted of page.counts) sums.count(counted);
    after = page.next;
  }
  return sums.lines();
}

function print(
  { json, csv }: ReportOptions,
  facts: readonly unknown[],
  table: () => readonly string[],
  spreadsheet: () => readonly string[],
): void {
  if (json) for (const fact of facts) console.log(terminalSafe(JSON.stringify(fact)));
  else console.log((csv ? spreadsheet() : table()).join("\n"));
}
