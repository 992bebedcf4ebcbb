/** `holdfast backup …` and `replay`: how they are asked. @module */
import { type Command, Option } from "commander";
import { later } from "./later.ts";
import { type Act, blockNumber, configOption, jsonOption, seqRange, timeOf } from "./options.ts";

const backupCreate = later(() => import("../cli/backup.ts"), "backupCreate");
const backupRestore = later(() => import("../cli/backup.ts"), "backupRestore");
const backupVerify = later(() => import("../cli/backup.ts"), "backupVerify");
const replay = later(() => import("../cli/replay.ts"), "replay");

const kekOption = (): Option =>
  new Option("--kek <file>", "the key that it was made with, if that is not the configuration's");

/** @param credentials `$CREDENTIALS_DIRECTORY` */
export function addStoreCommands(
  root: Command,
  credentials: string | undefined,
  choose: (act: Act) => void,
): void {
  const backup = root.command("backup").description("copies of the store, and their way back");
  backup
    .command("create")
    .description("copy the store while the agent runs, and read the copy through")
    .argument("<folder>", "a new folder, outside of stateDir")
    .addOption(configOption())
    .addOption(jsonOption())
    .action((folder, options) => choose(() => backupCreate({ folder, ...options })));
  backup
    .command("verify")
    .description("read a backup through: it needs the key-encryption key, and no agent")
    .argument("<folder>")
    .addOption(kekOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action((folder, { kek, ...options }) =>
      choose(() => backupVerify({ folder, credentials, kek, ...options })),
    );
  backup
    .command("restore")
    .description("put a backup in the place of the store; no agent may run")
    .argument("<folder>")
    .option("--replace", "move a store that is there aside; it is not deleted", false)
    .addOption(kekOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action((folder, { kek, ...options }) =>
      choose(() => backupRestore({ folder, credentials, kek, ...options })),
    );
  root
    .command("replay")
    .description("send messages again that the receiver has confirmed and that are still kept")
    .requiredOption("--channel <name>", "of this channel")
    .option("--seq <range>", "by number, such as 12-40", seqRange)
    .option("--epoch <number>", "of this epoch; with --seq the current one if absent", blockNumber)
    .option("--from <time>", "received at or after, such as 2026-01-31T08:00:00Z", timeOf)
    .option("--to <time>", "received at or before", timeOf)
    .option("--control-id <text>", "with this control id (MSH-10)")
    .option("--dry-run", "only say what would be sent", false)
    .addOption(configOption())
    .addOption(jsonOption())
    .action(({ seq, from, to, controlId, ...options }, command: Command) => {
      if (seq === undefined && from === undefined && to === undefined && controlId === undefined) {
        command.error("error: say which: --seq, --from and --to, or --control-id");
      }
      choose(() => replay({ seq, fromMs: from, toMs: to, controlId, ...options }));
    });
}
