/** `holdfast service uninstall` on Windows: the service goes, the queue stays (09 PK21). @module */
import { existsSync, rmSync } from "node:fs";
import { win32 } from "node:path";
import { SERVICE_NAME, type WindowsPlaces } from "../../host/windows/names.ts";
import { openRegistry } from "../../host/windows/registry.ts";
import { openServiceControl } from "../../host/windows/service-control.ts";
import { EVENT_KEY, NO_DUMPS_KEY } from "./install.ts";
import { stopAndWait } from "./waiting.ts";

export interface UninstallOptions {
  readonly places: WindowsPlaces;
  readonly program: string;
  /** How many messages are not settled; `undefined`: nobody knows. Asked before the service is stopped. */
  readonly unsettled: () => Promise<bigint | undefined>;
}

/**
 * Idempotent. The service's SID is made of its name: the access lists that stay fit again after the next installation.
 *
 * @returns lines that say what remains
 * @throws {AgentError} `WINDOWS_NOT_PERMITTED`, `SERVICE_SLOW`: then nothing was removed
 */
export async function uninstall(options: UninstallOptions): Promise<readonly string[]> {
  const { places, program } = options;
  using control = await openServiceControl("change");
  const unsettled = await options.unsettled();
  await stopAndWait(control);
  control.remove();
  const registry = await openRegistry();
  registry.removeKey(EVENT_KEY);
  registry.removeValue(NO_DUMPS_KEY, win32.basename(program));
  rmSync(places.logs, { recursive: true, force: true });
  return [`Removed the service ${SERVICE_NAME} and its logs`, ...remaining(places, unsettled)];
}

function remaining({ folder, state }: WindowsPlaces, unsettled: bigint | undefined): string[] {
  if (!existsSync(folder)) return [];
  const count = unsettled === undefined ? "an unknown number of" : String(unsettled);
  return [
    ...(existsSync(state)
      ? [`What remains: the store in ${state}, with ${count} messages that are not settled,`]
      : ["What remains:"]),
    `  local.yaml and the key beside it. To delete all of it for good: rmdir /s "${folder}"`,
  ];
}
