/** `holdfast rekey`: a new key-encryption key, so that old copies no longer open what was deleted (08 2.3). @module */
import { loadLocalConfig } from "#config/local.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Custody } from "./first-config.ts";
import { printFacts } from "./terminal.ts";
import { askUpkeep } from "./upkeep-question.ts";

const NEXT: Readonly<Record<Custody, string>> = {
  file: "  The old one is gone: keep a copy of the new one offline, in place of the old copy.",
  dpapi:
    "  The old one is gone: a copy of the new one, unwrapped, belongs offline in place of the old copy (docs/install-windows.md).",
  credential: "  Now remove the credential kek-previous, and restart.",
};

/** @throws {AgentError} `KEK_*`, `KEY_FILE_DAMAGED`, `BACKUP_RUNNING`: the old key then goes on */
export async function rekey(options: {
  readonly config: string;
  readonly json: boolean;
}): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  const done = await askUpkeep<{ readonly custody: string }>(stateDir, { ask: "rekey" });
  printFacts(options.json, done, () => [
    "Every key of the store is wrapped by a new key-encryption key",
    NEXT[done.custody as Custody],
    "  Backups made before open with the old key alone: make a new one.",
  ]);
  return EXIT.ok;
}
