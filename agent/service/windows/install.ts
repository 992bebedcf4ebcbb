/** `holdfast service install` on Windows: everything of 09 section 4, as often as it is asked for (PK19). @module */
import { constants, copyFileSync, existsSync } from "node:fs";
import { win32 } from "node:path";
import { loadLocalConfig } from "#config/local.ts";
import { folderSecurity } from "../../host/windows/access-list.ts";
import { grantServiceLogon } from "../../host/windows/logon-right.ts";
import {
  EVENT_SOURCE,
  imagePath,
  SERVICE_ACCOUNT,
  SERVICE_NAME,
  serviceSid,
  type WindowsPlaces,
} from "../../host/windows/names.ts";
import { openRegistry } from "../../host/windows/registry.ts";
import { openSecurity } from "../../host/windows/security.ts";
import type { SidType } from "../../host/windows/service-config.ts";
import { openServiceControl } from "../../host/windows/service-control.ts";
import { startAndWait } from "./waiting.ts";

export interface InstallOptions {
  /** A prepared `local.yaml`: it is taken over unless there is one. */
  readonly config: string | undefined;
  /** A group-managed account such as `CORP\svc-holdfast$`, for channels on shares; else the service's own. */
  readonly account: string | undefined;
  readonly sidType: SidType;
  /** Start it, if there is something to run. */
  readonly start: boolean;
  readonly places: WindowsPlaces;
  /** `holdfast.exe`. */
  readonly program: string;
}

/** Of all event sources, and of programs whose memory is never kept in a file when they crash (08 2.4). */
export const EVENT_KEY = `SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\${EVENT_SOURCE}`;
export const NO_DUMPS_KEY =
  "SOFTWARE\\Microsoft\\Windows\\Windows Error Reporting\\ExcludedApplications";
const SERVICE_KEY = `SYSTEM\\CurrentControlSet\\Services\\${SERVICE_NAME}`;
/** The dispatcher takes one thread of Node's pool for ever; libuv reads the size before any of our code runs (PK7). */
const ENVIRONMENT = ["UV_THREADPOOL_SIZE=8"];
/** Of information, warning and error. */
const EVENT_TYPES = 7;

/**
 * @returns lines that say what was done and what is next
 * @throws {AgentError} `WINDOWS_NOT_PERMITTED`, `FOLDER_UNFIT`, `SERVICE_ENDED`, … {DocumentError} of `config`
 */
export async function install(options: InstallOptions): Promise<readonly string[]> {
  const { config, places, program, sidType } = options;
  const account = options.account ?? SERVICE_ACCOUNT;
  using control = await openServiceControl("change");
  // Before anything is changed.
  if (config !== undefined) loadLocalConfig(config);
  await makeFolders(places, options.account);
  const lines = config === undefined ? [] : [takeOver(config, places.config)];
  const image = imagePath(program, places.config);
  const unknown = control.register({ imagePath: image, account, sidType });
  const registry = await openRegistry();
  registry.set(EVENT_KEY, { EventMessageFile: program, TypesSupported: EVENT_TYPES });
  registry.set(SERVICE_KEY, { Environment: ENVIRONMENT });
  registry.set(NO_DUMPS_KEY, { [win32.basename(program)]: 1 });
  lines.unshift(
    `Registered the service ${SERVICE_NAME}, account ${account}`,
    ...unknown.map((name) => `This Windows does not have the setting ${name}: it was left out`),
  );
  if (!existsSync(places.config)) {
    return [...lines, `Next: holdfast init, then holdfast service start`];
  }
  if (!options.start) return [...lines, "Not started: holdfast service start"];
  await startAndWait(control);
  return [...lines, "Started: it runs"];
}

async function makeFolders(places: WindowsPlaces, account: string | undefined): Promise<void> {
  const security = await openSecurity();
  const accounts = [serviceSid(SERVICE_NAME)];
  if (account !== undefined) {
    const sid = security.sidOf(account);
    await grantServiceLogon(sid);
    accounts.push(sid);
  }
  const owners = [...accounts, security.ownSid()];
  security.makeFolder(places.folder, folderSecurity(accounts, "read"), owners);
  for (const folder of [places.state, places.keys, places.logs]) {
    security.makeFolder(folder, folderSecurity(accounts, "modify"), owners);
  }
}

/** PK20: a file that is there is the hospital's. */
function takeOver(from: string, to: string): string {
  if (existsSync(to)) return `Kept ${to}; ${from} was not taken over`;
  copyFileSync(from, to, constants.COPYFILE_EXCL);
  return `Took ${from} over as ${to}`;
}
