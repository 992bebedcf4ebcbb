/** `holdfast config …`: how it is asked. @module */
import { type Command, Option } from "commander";
import { later } from "./later.ts";
import { type Act, configOption, jsonOption, wholeNumber } from "./options.ts";

const configApprove = later(() => import("../cli/config.ts"), "configApprove");
const configDiff = later(() => import("../cli/config.ts"), "configDiff");
const configHistory = later(() => import("../cli/config.ts"), "configHistory");
const configImport = later(() => import("../cli/config.ts"), "configImport");
const configRepair = later(() => import("../cli/config.ts"), "configRepair");
const configRollback = later(() => import("../cli/config.ts"), "configRollback");
const configShow = later(() => import("../cli/config.ts"), "configShow");
const configCheck = later(() => import("../cli/config-check.ts"), "configCheck");

export function addConfigCommands(root: Command, choose: (act: Act) => void): void {
  const config = root
    .command("config")
    .description("signed configuration: what runs, what waits, who says yes");
  const socket = (): Option =>
    new Option(
      "--socket <file>",
      "of members of holdfast-approvers, as approverSocket in local.yaml",
    );
  const command = (name: string, description: string): Command =>
    config.command(name).description(description).addOption(configOption()).addOption(jsonOption());
  command("check", "read local.yaml, and say what it would forbid; needs no running agent")
    .argument("[file]", "of this bundle; absent: of the last known good configuration")
    .action((file, options) => choose(() => configCheck({ file, ...options })));
  command("show", "where the configuration stands, and why it waits")
    .addOption(socket())
    .action((options) => choose(() => configShow(options)));
  command("diff", "what opens, what closes, where data will go, with its class of risk")
    .addOption(socket())
    .argument("<digest>", "of the configuration; its beginning is enough")
    .action((digest, options) => choose(() => configDiff({ digest, ...options })));
  command("history", "what came and what became of it, by the audit")
    .option("--limit <number>", "the newest so many", wholeNumber(1, 1_000_000), 100)
    .action((options) => choose(() => configHistory(options)));
  command("import", "take a bundle from a stick; exit 65 if something in it was refused")
    .addOption(socket())
    .argument("<file>", "the bundle")
    .action((file, options) => choose(() => configImport({ file, ...options })));
  command("approve", "say yes to the configuration that waits, as a person at this machine")
    .addOption(socket())
    .argument("<digest>", "all of it, as config diff shows it")
    .option("--reject", "say no", false)
    .action((digest, options) => choose(() => configApprove({ digest, ...options })));
  command("rollback", "go back to the last known good one, during probation")
    .addOption(socket())
    .action((options) => choose(() => configRollback(options)));
  command("repair", "end safe mode, or a freeze of trust state; needs a current head or a bundle")
    .argument("[file]", "a bundle from the vendor")
    .action((file, options) => choose(() => configRepair({ file, ...options })));
}
