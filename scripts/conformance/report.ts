/** Runs scenarios one after the other and says how each ended. @module */
import { Failed, type Scenario, Skipped } from "./scenario.ts";

/** How many ended how. */
export interface Tally {
  readonly rule: string;
  ok: number;
  failed: number;
  skipped: number;
}

export interface Report {
  readonly tallies: readonly Tally[];
  readonly failed: number;
  readonly skipped: number;
}

/**
 * One line a scenario, then a table of rules.
 *
 * @param only runs those whose rule or title contains this text
 * @param print takes one line
 */
export async function runAll<Subject>(
  scenarios: readonly Scenario<Subject>[],
  subject: Subject,
  print: (line: string) => void,
  only = "",
): Promise<Report> {
  const tallies = new Map<string, Tally>();
  for (const scenario of scenarios) {
    if (!`${scenario.rule} ${scenario.title}`.includes(only)) continue;
    const tally = tallies.get(scenario.rule) ?? emptyTally(scenario.rule);
    tallies.set(scenario.rule, tally);
    print(await lineOf(scenario, subject, tally));
  }
  const all = [...tallies.values()];
  for (const line of table(all)) print(line);
  const sum = (of: "failed" | "skipped"): number => all.reduce((count, one) => count + one[of], 0);
  return { tallies: all, failed: sum("failed"), skipped: sum("skipped") };
}

async function lineOf<Subject>(
  scenario: Scenario<Subject>,
  subject: Subject,
  tally: Tally,
): Promise<string> {
  const { rule, title } = scenario;
  try {
    await scenario.run(subject);
  } catch (error) {
    if (error instanceof Skipped) {
      tally.skipped += 1;
      return `skipped  [${rule}] ${title}: ${error.message}`;
    }
    tally.failed += 1;
    const [expected, got] =
      error instanceof Failed
        ? [error.expected, error.got]
        : ["a conversation to its end", error instanceof Error ? error.message : String(error)];
    const broken = error instanceof Failed ? (error.rule ?? rule) : rule;
    return `FAILED   [${broken}] ${title}\n         expected: ${expected}\n         got:      ${got}`;
  }
  tally.ok += 1;
  return `ok       [${rule}] ${title}`;
}

function emptyTally(rule: string): Tally {
  return { rule, ok: 0, failed: 0, skipped: 0 };
}

function* table(tallies: readonly Tally[]): Generator<string> {
  yield "";
  yield "rule       ok  failed  skipped";
  const row = (name: string, ...counts: readonly number[]): string =>
    name.padEnd(7) +
    counts.map((count, index) => String(count).padStart([6, 8, 9][index] ?? 6)).join("");
  for (const { rule, ok, failed, skipped } of tallies) yield row(rule, ok, failed, skipped);
  const all = { ok: 0, failed: 0, skipped: 0 };
  for (const { ok, failed, skipped } of tallies) {
    all.ok += ok;
    all.failed += failed;
    all.skipped += skipped;
  }
  yield row("all", all.ok, all.failed, all.skipped);
}
