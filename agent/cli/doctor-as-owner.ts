/**
 * `holdfast doctor` by root, who may look into everything: what counts is what the service's account may, so the command
 * is started once more as the account that owns the state folder.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { type LocalConfig, loadLocalConfig } from "#config/local.ts";
import { ownProgram } from "#packaged/own-program.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { isRoot } from "../host/accounts.ts";

/** Where the packages put it: another account can start it, and finds its native code. */
const INSTALLED = "/opt/holdfast/";

/** @returns what it ended with; `undefined`: whoever asked is to look */
export function doctorAsOwner(config: string): ExitCode | undefined {
  const owner = isRoot() ? ownerOf(config) : undefined;
  const args = ownArguments();
  if (owner === undefined || args === undefined) return undefined;
  const { uid, gid } = owner;
  const { status, error } = spawnSync(process.execPath, args, { uid, gid, stdio: "inherit" });
  // A program that this account cannot start, such as one in root's own folder.
  if (error !== undefined) return undefined;
  // It is the same program: its exit codes are ours. Ended by a signal, it has told nothing.
  return (status ?? EXIT.defect) as ExitCode;
}

/** @returns `undefined` if root itself keeps the state, or there is none yet */
function ownerOf(file: string): { readonly uid: number; readonly gid: number } | undefined {
  let config: LocalConfig;
  try {
    config = loadLocalConfig(file);
  } catch {
    // What is wrong with it is told by whoever looks.
    return undefined;
  }
  const found = statSync(config.stateDir, { throwIfNoEntry: false });
  return found === undefined || found.uid === 0 ? undefined : found;
}

function ownArguments(): readonly string[] | undefined {
  if (ownProgram() === undefined) return [...process.execArgv, ...process.argv.slice(1)];
  return process.execPath.startsWith(INSTALLED) ? process.argv.slice(2) : undefined;
}
