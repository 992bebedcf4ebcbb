/** `holdfast maintenance …`: how it is asked. @module */
import type { Command } from "commander";
import { MAINTENANCE_MAX_MINUTES } from "../limits.ts";
import { later } from "./later.ts";
import { type Act, configOption, jsonOption, wholeNumber } from "./options.ts";

const maintenanceShow = later(() => import("../cli/maintenance.ts"), "maintenanceShow");
const maintenanceStart = later(() => import("../cli/maintenance.ts"), "maintenanceStart");
const maintenanceStop = later(() => import("../cli/maintenance.ts"), "maintenanceStop");

export function addMaintenanceCommands(root: Command, choose: (act: Act) => void): void {
  const maintenance = root
    .command("maintenance")
    .description(
      "mute alarms of channels, receiver and other systems; never of store, disk, trust",
    );
  maintenance
    .command("start")
    .description("for a while; it ends by itself, and is in status and in the audit")
    .requiredOption(
      "--minutes <number>",
      "so long, a week at most",
      wholeNumber(1, MAINTENANCE_MAX_MINUTES),
    )
    .option("--channel <name>", "only of this channel")
    .addOption(configOption())
    .addOption(jsonOption())
    .action((options) => choose(() => maintenanceStart(options)));
  maintenance
    .command("stop")
    .description("end it now; what still is wrong is announced")
    .option("--channel <name>", "only that of this channel")
    .addOption(configOption())
    .addOption(jsonOption())
    .action((options) => choose(() => maintenanceStop(options)));
  maintenance
    .command("status")
    .description("what is muted, and until when")
    .addOption(configOption())
    .addOption(jsonOption())
    .action((options) => choose(() => maintenanceShow(options)));
}
