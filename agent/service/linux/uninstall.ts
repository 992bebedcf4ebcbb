/** `holdfast service uninstall`: the program goes, the queue stays (09 PK21). @module */
import { existsSync, lstatSync, readlinkSync, rmdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { refuseUnlessOurs } from "./install.ts";
import { tell } from "./system-tools.ts";
import {
  ADD_ONS,
  LINK,
  PROGRAM,
  REKEY_TIMER,
  RUN_FOLDER,
  SERVICE,
  SERVICE_FILES,
  SOCKET,
} from "./unit-places.ts";

/**
 * Idempotent. State, configuration and key are not touched: without the key what waits could never be read.
 *
 * @returns what was removed
 * @throws {AgentError} `NOT_ROOT`, `SERVICE_NO_SYSTEMD`, `SERVICE_OF_A_PACKAGE`, `SERVICE_TOOL_FAILED` if the service
 *   does not stop: nothing is removed then
 */
export function uninstall(): readonly string[] {
  refuseUnlessOurs();
  // The socket first: it would start the service again.
  for (const unit of [SOCKET, REKEY_TIMER, SERVICE]) {
    if (isKnown(unit)) tell("systemctl", ["disable", "--now", unit]);
  }
  const removed = [...Object.keys(SERVICE_FILES), ...ownLink(), PROGRAM, ADD_ONS, RUN_FOLDER];
  const found = removed.filter((path) => existsSync(path) || path === LINK);
  for (const path of found) rmSync(path, { recursive: true, force: true });
  for (const folder of [dirname(PROGRAM), dirname(ADD_ONS)]) removeEmpty(folder);
  tell("systemctl", ["daemon-reload"]);
  return found;
}

const isKnown = (unit: string): boolean =>
  Object.entries(SERVICE_FILES).some(([path, name]) => name === unit && existsSync(path));

/** What somebody else put under the name stays. */
function ownLink(): string[] {
  const found = lstatSync(LINK, { throwIfNoEntry: false });
  return found?.isSymbolicLink() === true && readlinkSync(LINK) === PROGRAM ? [LINK] : [];
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Absent, or something of others lies there.
  }
}
