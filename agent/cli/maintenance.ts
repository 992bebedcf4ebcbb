/** `holdfast maintenance …`: alarms of what is at work are muted for a while. @module */
import { loadLocalConfig } from "#config/local.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { MaintenanceLine } from "../maintenance-desk.ts";
import { question } from "./question.ts";
import { printFacts } from "./terminal.ts";

interface MaintenanceOptions {
  readonly config: string;
  readonly json: boolean;
  /** Absent: of all channels, the receiver and other systems. */
  readonly channel?: string | undefined;
}

/** @throws {AgentError} `CHANNEL_UNKNOWN`, `MAINTENANCE_REFUSED`, `AUDIT_UNWRITABLE`, `AGENT_NOT_RUNNING` */
export function maintenanceStart(
  options: MaintenanceOptions & { readonly minutes: number },
): Promise<ExitCode> {
  const { channel = "", minutes } = options;
  return asked(options, { ask: "maintenanceStart", channel, minutes });
}

/** @throws {AgentError} `AUDIT_UNWRITABLE`, `AGENT_NOT_RUNNING` */
export function maintenanceStop({
  channel = "",
  ...options
}: MaintenanceOptions): Promise<ExitCode> {
  return asked(options, { ask: "maintenanceStop", channel });
}

export function maintenanceShow(options: MaintenanceOptions): Promise<ExitCode> {
  return asked(options, { ask: "maintenance" });
}

async function asked({ config, json }: MaintenanceOptions, request: object): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(config);
  const windows = (await question(stateDir, request)) as readonly MaintenanceLine[];
  printFacts(json, windows, () => lines(windows));
  return EXIT.ok;
}

function lines(windows: readonly MaintenanceLine[]): string[] {
  if (windows.length === 0) return ["No maintenance window: every alarm is announced"];
  return windows.map(({ channel, from, until }) => {
    const what = channel === "" ? "channels, receiver and other systems" : `channel ${channel}`;
    return `alarms of ${what} are muted since ${from}, until ${until}`;
  });
}
