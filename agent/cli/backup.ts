/** `holdfast backup`: a copy of the store that is known to open, and its way back (05 S19). @module */
import { resolve } from "node:path";
import { loadLocalConfig } from "#config/local.ts";
import { kekCustody } from "../channel-options.ts";
import { AgentError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { systemClock } from "../host/clock.ts";
import { verifyBackup } from "../outbox/upkeep/backup-check.ts";
import type { Manifest } from "../outbox/upkeep/backup-manifest.ts";
import { restoreStore } from "../outbox/upkeep/restore.ts";
import type { BackupProgress } from "../outbox/upkeep/upkeep.ts";
import { loadKek } from "../sealing/kek.ts";
import { question } from "./question.ts";
import { escaped, printFacts, readableBytes } from "./terminal.ts";
import { askUpkeep, isRunning } from "./upkeep-question.ts";

interface Common {
  readonly folder: string;
  readonly config: string;
  readonly json: boolean;
}

interface WithKey extends Common {
  /** `$CREDENTIALS_DIRECTORY`. */
  readonly credentials: string | undefined;
  /** A file with the key that the backup was made with; absent: the one that the configuration names. */
  readonly kek: string | undefined;
}

const PROGRESS_MS = 1_000;

/** The running agent makes it; this waits, and says how far it is where a person looks. */
export async function backupCreate(options: Common): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  const folder = resolve(options.folder);
  using _progress = showProgress(stateDir);
  const manifest = await askUpkeep<Manifest>(stateDir, { ask: "backup", folder });
  printFacts(options.json, { folder, ...manifest }, () => [
    `Backup made and read through: ${escaped(folder)}`,
    ...manifestLines(manifest),
    "It opens only with the key-encryption key that is in use now, which is not in it: keep a copy of that",
    "elsewhere. Check it with: holdfast backup verify FOLDER",
  ]);
  return EXIT.ok;
}

/** Reads all of it, without any agent. @throws {AgentError} `BACKUP_DAMAGED`, `KEK_*` */
export function backupVerify(options: WithKey): ExitCode {
  const folder = resolve(options.folder);
  const manifest = verified(options, folder);
  printFacts(options.json, { folder, ...manifest }, () => [
    `Sound: ${escaped(folder)}`,
    ...manifestLines(manifest),
  ]);
  return EXIT.ok;
}

/** @throws {AgentError} `STORE_RUNNING`, `STORE_EXISTS`, `BACKUP_DAMAGED`, `KEK_*`, `STORE_*` */
export async function backupRestore(
  options: WithKey & { readonly replace: boolean },
): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  if (await isRunning(stateDir)) throw new AgentError("STORE_RUNNING", {});
  const folder = resolve(options.folder);
  const manifest = verified(options, folder);
  const { replace } = options;
  const nowMs = systemClock.nowMs();
  const { aside } = restoreStore({ folder, manifest, stateDir, replace, nowMs });
  printFacts(options.json, { folder, stateDir, aside, ...manifest }, () => [
    `Restored into ${escaped(stateDir)}`,
    ...manifestLines(manifest),
    ...aside.map((path) => `  moved aside, not deleted: ${escaped(path)}`),
    ...(options.kek === undefined
      ? []
      : ["It opens with the key of --kek alone: put that where the configuration (kek) names it."]),
    "Messages that came after the backup are not in it; status names what is missing once the agent runs.",
    "Every channel begins a new epoch. Next: start the agent",
  ]);
  return EXIT.ok;
}

function verified({ config, credentials, kek: file }: WithKey, folder: string): Manifest {
  const { kek, stateDir } = loadLocalConfig(config);
  // By the same rules as the agent's own: nobody else may read it.
  const custody =
    file === undefined
      ? kekCustody(kek, credentials)
      : ({ custody: "file", file: resolve(file) } as const);
  return verifyBackup(folder, loadKek(custody, stateDir), systemClock);
}

function manifestLines({ madeAt, version, storeId, counts, files, channels }: Manifest): string[] {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const { messages, quarantined, pruned, damaged } = counts;
  return [
    `  of ${madeAt}, version ${version}, store ${storeId}, ${readableBytes(bytes)}`,
    `  ${messages} messages, ${quarantined} in quarantine, ${pruned} ledger entries`,
    ...channels.map(
      ({ name, epoch, lastSeq, ackedSeq }) =>
        `  ${name}: epoch ${epoch}, up to ${lastSeq}, receiver had ${ackedSeq}`,
    ),
    ...(damaged === 0 ? [] : [`  ${damaged} were damaged in the store already: see status`]),
  ];
}

/** On standard error, where a person sits. */
function showProgress(stateDir: string): Disposable {
  if (!process.stderr.isTTY) return { [Symbol.dispose]: () => {} };
  let timer = systemClock.after(PROGRESS_MS, tick);
  let ended = false;
  function tick(): void {
    void question(stateDir, { ask: "backupProgress" }).then(
      (answer) => {
        const { phase, bytes = 0 } = answer as Partial<BackupProgress>;
        if (phase !== undefined && !ended) {
          process.stderr.write(`\r${phase} ${readableBytes(bytes)}   `);
        }
        if (!ended) timer = systemClock.after(PROGRESS_MS, tick);
      },
      // The answer that is waited for says why.
      () => {},
    );
  }
  return {
    [Symbol.dispose]: () => {
      ended = true;
      timer[Symbol.dispose]();
      process.stderr.write("\r");
    },
  };
}
