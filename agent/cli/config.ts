/** `holdfast config …`: signed configuration, as people at the machine see it and decide about it (07 2.8, 2.11 to 2.13). @module */
import type { Difference } from "#config/difference.ts";
import { differenceText } from "#config/difference-text.ts";
import { loadLocalConfig } from "#config/local.ts";
import { BUNDLE_MAX_BYTES } from "#documents/limits.ts";
import { type AuditEntry, readEntry } from "../audit/entry.ts";
import type { DocumentOutcome } from "../configuration/outcomes.ts";
import type { ConfigurationAnswer, ConfigurationStatus } from "../configuration-desk.ts";
import { AgentError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readOnce } from "../host/read-once.ts";
import { entriesOf, withAudit } from "./audit-source.ts";
import { configurationLines } from "./configuration-lines.ts";
import { atADoor, type DoorOptions } from "./door.ts";
import { remedyOfRefusal } from "./refusal-remedies.ts";
import { escaped, printFacts, table } from "./terminal.ts";

type Common = DoorOptions;

/** Where it stands, what it waits for, and what one does next. */
export async function configShow(options: Common): Promise<ExitCode> {
  const status = (await atADoor(options, { ask: "configStatus" })) as ConfigurationStatus;
  printFacts(options.json, status, () => configurationLines(status));
  return EXIT.ok;
}

/** Exactly what changes, with class and reason: to be read before somebody says yes. */
export async function configDiff(options: Common & { readonly digest: string }): Promise<ExitCode> {
  const { digest } = options;
  type Found = Difference & { readonly digest: string };
  const found = await asked<Found>(options, { ask: "configDifference", digest });
  printFacts(options.json, found, () => [found.digest, differenceText(found).trimEnd()]);
  return EXIT.ok;
}

/** @returns 65 if a document was refused */
export async function configImport(options: Common & { readonly file: string }): Promise<ExitCode> {
  const outcomes = await asked<readonly DocumentOutcome[]>(options, {
    ask: "configImport",
    bundle: base64Of(options.file),
  });
  printFacts(options.json, outcomes, () => outcomeLines(outcomes));
  return outcomes.some(({ kind }) => kind === "refused") ? EXIT.badData : EXIT.ok;
}

function outcomeLines(outcomes: readonly DocumentOutcome[]): string[] {
  if (outcomes.length === 0) return ["Nothing in the bundle is new"];
  return outcomes.flatMap((one) => {
    if (one.kind === "taken") return [`${one.type} ${one.digest}: ${one.state}`];
    const { type, code, step, detail, told = [], digest = "" } = one;
    return [
      `${type} ${digest}: REFUSED ${code} (${step}${detail === undefined ? "" : `, ${detail}`})`,
      ...told.map((line) => `  ${escaped(line)}`),
      `  ${remedyOfRefusal(code)}`,
    ];
  });
}

export async function configApprove(
  options: Common & { readonly digest: string; readonly reject: boolean },
): Promise<ExitCode> {
  const { digest, reject } = options;
  const decision = reject ? "reject" : "approve";
  const status = await asked<ConfigurationStatus>(options, {
    ask: "configDecide",
    digest,
    decision,
  });
  printFacts(options.json, status, () => configurationLines(status));
  return EXIT.ok;
}

export async function configRollback(options: Common): Promise<ExitCode> {
  const status = await asked<ConfigurationStatus>(options, { ask: "configRollback" });
  printFacts(options.json, status, () => configurationLines(status));
  return EXIT.ok;
}

export async function configRepair(
  options: Common & { readonly file?: string },
): Promise<ExitCode> {
  const { file } = options;
  const bundle = file === undefined ? {} : { bundle: base64Of(file) };
  type Repaired = {
    readonly outcomes: readonly DocumentOutcome[];
    readonly status: ConfigurationStatus;
  };
  const found = await asked<Repaired>(options, { ask: "configRepair", ...bundle });
  printFacts(options.json, found, () => [
    ...(file === undefined ? [] : outcomeLines(found.outcomes)),
    ...configurationLines(found.status),
  ]);
  return EXIT.ok;
}

/** By the audit, oldest first. */
export async function configHistory(
  options: Common & { readonly limit: number },
): Promise<ExitCode> {
  const shown: AuditEntry[] = [];
  await withAudit(loadLocalConfig(options.config), async (source) => {
    for await (const { bytes } of entriesOf(source)) {
      const entry = readEntry(bytes);
      if (entry === undefined || !HISTORY.test(entry.action)) continue;
      shown.push(entry);
      if (shown.length > options.limit) shown.shift();
    }
  });
  printFacts(options.json, shown, () => historyLines(shown));
  return EXIT.ok;
}

const HISTORY = /^(?:trust|config|approval|head|policy)\./;

function historyLines(entries: readonly AuditEntry[]): string[] {
  if (entries.length === 0) return ["Nothing has come yet"];
  return table([
    ["when", "what", "about", "decision", "who"],
    ...entries.map(({ at, action, subject, decision, actor }) =>
      [at, action, subject?.slice(0, 12) ?? "-", decision ?? "-", actor.id].map(escaped),
    ),
  ]);
}

async function asked<T>(options: Common, request: object): Promise<T> {
  const answer = (await atADoor(options, request)) as ConfigurationAnswer<T>;
  if ("fault" in answer) throw new AgentError(answer.fault.code, answer.fault.facts);
  return answer.done;
}

const base64Of = (file: string): string =>
  Buffer.from(readOnce(file, BUNDLE_MAX_BYTES)).toString("base64");
