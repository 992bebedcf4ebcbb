/**
 * The key-encryption key as a credential of systemd: sealed to this machine, and shown to the service alone (08 2.2,
 * 09 SV9).
 *
 * @module
 */
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { AgentError } from "../../errors.ts";
import { isRoot } from "../../host/accounts.ts";
import { createFile, makeFolder, replaceFile } from "../../host/atomic-file.ts";
import { ask, tell, toolAt } from "./system-tools.ts";
import { isBooted, SYSTEM_CONFIGURATION } from "./unit-places.ts";

export const CREDENTIAL_FILE = "/etc/credstore.encrypted/holdfast.kek";
export const KEK_DROP_IN = `${SYSTEM_CONFIGURATION}/holdfast.service.d/10-kek.conf`;
/** `LoadCredentialEncrypted=`, and `systemd-creds`, are of this version. */
const FIRST_VERSION = 250;

const DROP_IN = `# Written by holdfast init. Without the file the service does not start: the unit as it is shipped does not name it.
[Service]
LoadCredentialEncrypted=kek:${CREDENTIAL_FILE}
`;

/** @throws {AgentError} `NOT_ROOT`, `CREDENTIALS_UNSUPPORTED` */
export function refuseWithoutCredentials(): void {
  if (!isRoot()) throw new AgentError("NOT_ROOT", {});
  const version = toolAt("systemd-creds") === undefined ? "" : tell("systemd-creds", ["--version"]);
  const [, number = "0"] = /^systemd (\d+)/.exec(version) ?? [];
  if (Number(number) < FIRST_VERSION) throw new AgentError("CREDENTIALS_UNSUPPORTED", {});
}

/**
 * Seals the key with the machine's own, and has the unit load it; one that is there already is kept.
 *
 * By the host's key alone: a TPM's answer changes with the firmware, and a key that does not open any more would take
 * every stored message along.
 *
 * @param kekText as the content of its file; it goes through a pipe
 * @returns whether there was none
 * @throws {AgentError} `SERVICE_TOOL_FAILED`; the operating system's error, untranslated
 */
export function makeCredential(kekText: string): boolean {
  const isNew = !existsSync(CREDENTIAL_FILE);
  if (isNew) {
    const sealed = tell(
      "systemd-creds",
      ["encrypt", "--name=kek", "--with-key=host", "-", "-"],
      kekText,
    );
    makeFolder(dirname(CREDENTIAL_FILE), 0o700);
    createFile(CREDENTIAL_FILE, sealed, 0o600);
  }
  // Not secret: `systemctl cat` shows it to everybody.
  mkdirSync(dirname(KEK_DROP_IN), { recursive: true, mode: 0o755 });
  replaceFile(KEK_DROP_IN, DROP_IN, 0o644);
  if (isBooted()) ask("systemctl", ["daemon-reload"]);
  return isNew;
}
