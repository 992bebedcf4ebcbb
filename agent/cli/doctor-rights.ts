/**
 * Whose `local.yaml`, key and state are, and what others may do to them: what stops a start (07 2.7, 05 S3, 08 2.2; H08),
 * told before it does.
 *
 * @module
 */
import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { DocumentError } from "#config/document.ts";
import type { LocalConfig } from "#config/local.ts";
import { ownAccount, refuseUnprotected } from "#config/local-file.ts";
import { codeOf, identifierFrom } from "../errors.ts";
import type { Findings } from "./doctor-way.ts";
import { type Finding, notice, ok, problem } from "./finding.ts";
import { accountName } from "./folder-steps.ts";
import { escaped } from "./terminal.ts";

/** @param file `local.yaml` */
export function lookAtRights(file: string, config: LocalConfig): Findings {
  const { kek, approverSocket, stateDir } = config;
  const key = kek.custody === "credential" ? {} : { "key folder": lookAtPath(dirname(kek.file)) };
  return {
    account: lookAtAccount(stateDir),
    "local.yaml": lookAtLocalFile(file, config),
    state: lookAtPath(stateDir),
    ...key,
    "approvers' door": lookAtPath(dirname(approverSocket)),
  };
}

/** Rights are those of whoever asks. */
function lookAtAccount(stateDir: string): Finding {
  const account = ownAccount();
  const name = escaped(accountName());
  if (account === undefined || account.uid !== 0) return ok(`Looked at as ${name}`, {});
  const owner = lstatSync(stateDir, { throwIfNoEntry: false })?.uid;
  if (owner === undefined || owner === 0) return ok(`Looked at as ${name}`, {});
  const remedy = "Run it as the service account: sudo -u holdfast holdfast doctor";
  return notice(
    `Looked at as ${name}; the state belongs to account ${owner}`,
    { uid: owner },
    remedy,
  );
}

function lookAtLocalFile(file: string, { configSource }: LocalConfig): Finding {
  const { uid, gid, mode } = lstatSync(file);
  const facts = { uid, mode: octal(mode) };
  try {
    refuseUnprotected(file, configSource);
    return ok(`${escaped(file)}: owner ${uid}, group ${gid}, mode ${octal(mode)}`, facts);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    const reason = error.problems[0]?.message ?? "";
    const remedy = "chown root:holdfast and chmod 0640 the file; chmod 0750 its folder";
    return problem(`${escaped(file)}: ${escaped(reason)}`, facts, remedy);
  }
}

/** What the store and the key say about it themselves is in their section. */
function lookAtPath(path: string): Finding {
  try {
    const { uid, gid, mode } = lstatSync(path);
    const facts = { exists: true, uid, mode: octal(mode) };
    return ok(`${escaped(path)}: owner ${uid}, group ${gid}, mode ${octal(mode)}`, facts);
  } catch (error) {
    const sysCode = codeOf(error);
    if (sysCode === "unknown") throw error;
    const text = sysCode === "ENOENT" ? "not there" : `cannot be looked at (${sysCode})`;
    return notice(`${escaped(path)}: ${text}`, { exists: false, sysCode });
  }
}

const octal = (mode: number) => identifierFrom((mode & 0o7777).toString(8));
