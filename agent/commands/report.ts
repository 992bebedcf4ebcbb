/** How `report` is asked. @module */
import type { Command } from "commander";
import { later } from "./later.ts";
import { type Act, configOption, jsonOption } from "./options.ts";

const report = later(() => import("../cli/report.ts"), "report");

export function addReportCommand(root: Command, choose: (act: Act) => void): void {
  root
    .command("report")
    .description("what came in each hour and what became of it, and whether the receiver has it")
    .option("--from <time>", "a date, a time with its zone, today or yesterday [yesterday]")
    .option("--to <time>", "up to it, exclusive [now]")
    .option("--channel <name>", "only this channel")
    .option("--tell", "tell the receiver everything up to now first, not only whole hours", false)
    .option("--compare <file>", "with what the receiver printed: report --json, or export")
    .option("--agent <tenant/agent>", "of that file only what is this agent's")
    .option("--csv", "print CSV", false)
    .addOption(configOption())
    .addOption(jsonOption())
    .action(({ from, to, channel, compare, agent, ...options }) =>
      choose(() => report({ from, to, channel, compare, agent, ...options })),
    );
}
