/** `holdfast update …`: how it is asked. @module */
import { type Command, Option } from "commander";
import { later } from "./later.ts";
import { type Act, configOption, jsonOption } from "./options.ts";

const load = () => import("../cli/update.ts");
const updateApply = later(() => import("../cli/update-apply.ts"), "updateApply");
const updateApprove = later(load, "updateApprove");
const updateDisable = later(load, "updateDisable");
const updateEnable = later(load, "updateEnable");
const updateStage = later(load, "updateStage");
const updateStatus = later(load, "updateStatus");

export function addUpdateCommands(
  root: Command,
  version: string,
  choose: (act: Act) => void,
): void {
  const update = root
    .command("update")
    .description("exchange this program for another release: off until root enables it");
  const command = (name: string, description: string): Command =>
    update.command(name).description(description).addOption(configOption()).addOption(jsonOption());
  const metadata = (): Option =>
    new Option(
      "--metadata <folder>",
      "the release metadata (default: metadata beside the package)",
    );
  const socket = (): Option =>
    new Option(
      "--socket <file>",
      "of members of holdfast-approvers, as approverSocket in local.yaml",
    );
  command("enable", "as root: hand over the package of what is installed, and switch it on")
    .argument("<file>", "what an update goes back to")
    .addOption(metadata())
    .action((file, options) => choose(() => updateEnable({ file, version, ...options })));
  command("disable", "as root: switch it off; what is installed stays").action((options) =>
    choose(() => updateDisable(options)),
  );
  command("stage", "as root: verify a package, and put it where it can be approved")
    .argument("<file>")
    .addOption(metadata())
    .action((file, options) => choose(() => updateStage({ file, version, ...options })));
  command("status", "what is staged, approved, under way, and what came of the last one")
    .addOption(socket())
    .action((options) => choose(() => updateStatus(options)));
  command("approve", "say yes to a package, as a person at this machine")
    .addOption(socket())
    .argument("<digest>", "all of it, as update status shows it")
    .option("--back", "it goes back to the release before, which is possible once", false)
    .option("--reject", "take a yes back that was not used yet", false)
    .action((digest, options) => choose(() => updateApprove({ digest, ...options })));
  command("apply", "as root: do now what is approved, if a change window is open")
    .addOption(new Option("--here", "the unit starts it so").default(false).hideHelp())
    .action((options) => choose(() => updateApply(options)));
}
