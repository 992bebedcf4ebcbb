/** `holdfast service …` on Windows. @module */
import { DocumentError } from "#config/document.ts";
import { loadLocalConfig } from "#config/local.ts";
import { AgentError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type WindowsPlaces, windowsPlaces } from "../host/windows/names.ts";
import { programData } from "../host/windows/program-data.ts";
import type { SidType } from "../host/windows/service-config.ts";
import { openServiceControl, type ServiceStatus } from "../host/windows/service-control.ts";
import { install } from "../service/windows/install.ts";
import { uninstall } from "../service/windows/uninstall.ts";
import { startAndWait, stopAndWait } from "../service/windows/waiting.ts";
import { printFacts } from "./terminal.ts";
import { unsettledCount } from "./unsettled.ts";

const program = process.execPath;

/** An option that is given and empty is not given: installers hand on what they were told. */
const orNone = (text: string | undefined): string | undefined =>
  text === undefined || text.trim() === "" ? undefined : text.trim();

export async function installService(options: {
  readonly config: string | undefined;
  readonly account: string | undefined;
  readonly sidType: SidType;
  readonly start: boolean;
}): Promise<ExitCode> {
  const { sidType, start } = options;
  const [config, account] = [orNone(options.config), orNone(options.account)];
  const places = windowsPlaces(await programData());
  const lines = await install({ config, account, sidType, start, places, program });
  console.log(lines.join("\n"));
  return EXIT.ok;
}

export async function uninstallService(): Promise<ExitCode> {
  const places = windowsPlaces(await programData());
  const lines = await uninstall({
    places,
    program,
    unsettled: () => unsettledCount(stateDirOf(places)),
  });
  console.log(lines.join("\n"));
  return EXIT.ok;
}

export async function startService(): Promise<ExitCode> {
  using control = await openServiceControl("change");
  await startAndWait(control);
  console.log("It runs");
  return EXIT.ok;
}

/** One that is not there does not run. */
export async function stopService(): Promise<ExitCode> {
  using control = await openServiceControl("change");
  await stopAndWait(control);
  console.log("It does not run");
  return EXIT.ok;
}

export async function serviceStatus({ json }: { readonly json: boolean }): Promise<ExitCode> {
  using control = await openServiceControl("look");
  const found = control.status();
  const facts = { installed: found !== undefined, verifiedOnWindows: false, ...found };
  printFacts(json, facts, () => [
    found === undefined ? "The service Holdfast is not installed" : stateLine(found),
    "Not verified on Windows: this version was tested under wine alone (docs/install-windows.md)",
  ]);
  return found?.state === "running" ? EXIT.ok : EXIT.unavailable;
}

function stateLine({ state, pid, exit }: ServiceStatus): string {
  const process = pid === 0 ? "" : `, process ${pid}`;
  return `Service Holdfast: ${state}${process}${exit === 0 ? "" : `, it ended with ${exit}`}`;
}

/** Also where `local.yaml` cannot be used any more. */
function stateDirOf({ config, state }: WindowsPlaces): string {
  try {
    return loadLocalConfig(config).stateDir;
  } catch (error) {
    if (error instanceof DocumentError || error instanceof AgentError) return state;
    throw error;
  }
}
