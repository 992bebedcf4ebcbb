/** `holdfast audit …`: how it is asked. @module */
import type { Command } from "commander";
import { later } from "./later.ts";
import { type Act, configOption, jsonOption, timeOf, wholeNumber } from "./options.ts";

const auditShow = later(() => import("../cli/audit.ts"), "auditShow");
const auditVerify = later(() => import("../cli/audit.ts"), "auditVerify");

export function addAuditCommands(root: Command, choose: (act: Act) => void): void {
  const audit = root.command("audit").description("what was decided and done here, and by whom");
  audit
    .command("show")
    .description("entries, oldest first; names of callers are as they claimed them")
    .option("--since <time>", "recorded at or after, such as 2026-01-31T08:00:00Z", timeOf, 0)
    .option("--limit <number>", "the newest so many", wholeNumber(1, 1_000_000), 100)
    .addOption(configOption())
    .addOption(jsonOption())
    .action(({ since, ...options }) => choose(() => auditShow({ sinceMs: since, ...options })));
  audit
    .command("verify")
    .description("whether the audit is what was written; exit 65 if it is not")
    .option("--head <file>", "heads that were held elsewhere; may be repeated", collected, [])
    .addOption(configOption())
    .addOption(jsonOption())
    .action(({ head, ...options }) => choose(() => auditVerify({ heads: head, ...options })));
}

const collected = (text: string, before: readonly string[]): readonly string[] => [...before, text];
