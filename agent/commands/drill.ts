/** `holdfast drill …`: how it is asked. @module */
import { type Command, InvalidArgumentError } from "commander";
import { DRILL_MAX_MINUTES } from "../drill-limits.ts";
import { isReason } from "../recorded-questions.ts";
import { later } from "./later.ts";
import { type Act, configOption, jsonOption, wholeNumber } from "./options.ts";

const drillOutage = later(() => import("../cli/drill.ts"), "drillOutage");
const drillStatus = later(() => import("../cli/drill.ts"), "drillStatus");
const drillStop = later(() => import("../cli/drill.ts"), "drillStop");

export function addDrillCommands(root: Command, choose: (act: Act) => void): void {
  const drill = root
    .command("drill")
    .description("rehearse an outage of the receiver: what piles up, how fast it leaves, no loss");
  const command = (name: string, description: string): Command =>
    drill.command(name).description(description).addOption(configOption()).addOption(jsonOption());
  command("outage", "hold the tunnel down for a while, wait for its end, and report")
    .requiredOption(
      "--minutes <number>",
      "so long, eight hours at most",
      wholeNumber(1, DRILL_MAX_MINUTES),
    )
    .requiredOption("--reason <text>", "why: it stands in the audit", reasonOf)
    .action((options) => choose(() => drillOutage(options)));
  command("status", "the one under way, or the latest since the agent was started").action(
    (options) => choose(() => drillStatus(options)),
  );
  command("stop", "let the tunnel up now; again: wait no longer for what has not left").action(
    (options) => choose(() => drillStop(options)),
  );
}

function reasonOf(text: string): string {
  if (isReason(text)) return text;
  throw new InvalidArgumentError("Must be one line of printable ASCII, at most 64 characters.");
}
