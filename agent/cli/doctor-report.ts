/** What `doctor` found, section by section, and how it is said: in words, or as JSON (docs/doctor.md). @module */
import { AgentError, codeOf } from "../errors.ts";
import type { Findings } from "./doctor-way.ts";
import { type Finding, fault, problem, VERDICTS, type Verdict, warning } from "./finding.ts";
import type { FirewallLine } from "./firewall-lines.ts";
import { table } from "./terminal.ts";
import { within } from "./within.ts";

export interface Check extends Finding {
  readonly section: string;
  readonly name: string;
}

export type Looks = Readonly<Record<string, () => Finding | Promise<Finding>>>;

/** For what asks nobody but this machine. */
const LOOK_MAX_MS = 10_000;

export class Report {
  readonly checks: Check[] = [];
  firewall: readonly FirewallLine[] = [];

  add(section: string, findings: Findings): void {
    for (const [name, finding] of Object.entries(findings)) {
      this.checks.push({ section, name, ...finding });
    }
  }

  /** One after the other. What cannot be looked at is not well: this account could not run the agent either. */
  async look(section: string, looks: Looks): Promise<void> {
    for (const [name, look] of Object.entries(looks)) {
      this.add(section, { [name]: await found(look) });
    }
  }

  /** A section as one. */
  async lookAll(section: string, look: () => Promise<Findings>): Promise<void> {
    try {
      this.add(section, await within(LOOK_MAX_MS, look(), { all: TOO_LONG }));
    } catch (error) {
      this.add(section, { all: notFound(error) });
    }
  }

  /** The gravest. */
  get verdict(): Verdict {
    return VERDICTS.findLast((one) => this.has(one)) ?? "ok";
  }

  has(verdict: Verdict): boolean {
    return this.checks.some((check) => check.verdict === verdict);
  }

  /** For `--json`: `format` rises when a field goes or changes its meaning. */
  get facts(): object {
    const { verdict, checks, firewall } = this;
    return { format: 1, verdict, checks, firewall };
  }

  lines(): string[] {
    const rows = table(this.checks.map(({ verdict, name, text }) => [`  ${verdict}`, name, text]));
    const said = this.checks.flatMap(({ section, remedy }, index) => [
      ...(section === this.checks[index - 1]?.section ? [] : [`${section}:`]),
      rows[index] ?? "",
      ...(remedy === undefined ? [] : [`           ${remedy}`]),
    ]);
    const counts = VERDICTS.toReversed().map((one) => {
      const count = this.checks.filter(({ verdict }) => verdict === one).length;
      return `${count} ${one}`;
    });
    return [...said, ...this.#firewallLines(), `${this.verdict}: ${counts.join(", ")}`];
  }

  #firewallLines(): string[] {
    const rows = this.firewall.map(({ direction, from, to, port, purpose }) => [
      ...[`  ${direction}`, `${from} -> ${to}`, port, purpose],
    ]);
    return rows.length === 0 ? [] : ["firewall, to ask for:", ...table(rows)];
  }
}

const TOO_LONG = warning("No answer in time", { durationMs: LOOK_MAX_MS }, "Try it once more");

async function found(look: Looks[string]): Promise<Finding> {
  try {
    return await within(LOOK_MAX_MS, Promise.resolve(look()), TOO_LONG);
  } catch (error) {
    return notFound(error);
  }
}

function notFound(error: unknown): Finding {
  if (error instanceof AgentError) return fault(error.code, error.facts);
  const sysCode = codeOf(error);
  if (sysCode === "unknown") throw error;
  const remedy = "Run it as the service account, for example with: sudo -u holdfast";
  return problem(`Cannot look (${sysCode})`, { sysCode }, remedy);
}
