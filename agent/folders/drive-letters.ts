/**
 * Drive letters of network drives are refused (04 P60): they belong to the session of a person who mapped them, and a
 * service has none.
 *
 * @module
 */
import { realpathSync } from "node:fs";
import { AgentError, identifierFrom } from "../errors.ts";
import { isWindows } from "../host/platform.ts";
import { codeIs } from "./faults.ts";
import type { FolderRole } from "./messages.ts";
import { isUnc } from "./share-kind.ts";

/** Where the root of a drive, such as `Z:\`, really is. @returns nothing if there is no such drive */
export type DriveRoots = (root: string) => string | undefined;

/** @throws {AgentError} `FOLDER_DRIVE_LETTER`; on other systems than Windows nothing */
export function refuseNetworkDrives(
  paths: readonly { readonly role: FolderRole; readonly path: string }[],
): void {
  if (!isWindows) return;
  for (const { role, path } of paths) {
    const drive = driveOf(path, realRoot);
    if (drive === "local") continue;
    const facts = { folder: identifierFrom(role), drive: identifierFrom(drive) };
    throw new AgentError("FOLDER_DRIVE_LETTER", facts);
  }
}

/** Pure but for `rootOf`. `missing`: as a drive is for an account that has not mapped it. A UNC path is `local` here. */
export function driveOf(path: string, rootOf: DriveRoots): "local" | "network" | "missing" {
  const [, letter] = /^(?:\\\\\?\\)?([A-Za-z]:)(?:[\\/]|$)/.exec(path) ?? [];
  if (letter === undefined) return "local";
  const root = rootOf(`${letter}\\`);
  if (root === undefined) return "missing";
  return isUnc(root) ? "network" : "local";
}

function realRoot(root: string): string | undefined {
  try {
    return realpathSync.native(root);
  } catch (error) {
    if (codeIs(error, "ENOENT")) return undefined;
    // A drive that does not say where it is, such as one in memory, is no share.
    return root;
  }
}
