/** Commands that help to come here from another engine: how they are asked. @module */
import type { Command } from "commander";
import { later } from "./later.ts";
import type { Act } from "./options.ts";

const importMirth = later(() => import("../cli/import-mirth.ts"), "importMirth");

export function addMigrationCommands(root: Command, choose: (act: Act) => void): void {
  root
    .command("import-mirth")
    .description(
      "print channels that Mirth Connect exported as channels of local.yaml; exit 69 if something has no equivalent",
    )
    .argument(
      "<file>",
      "an export of one channel, a group, several, or a server: .xml, 20 MiB at most",
    )
    .action((file) => choose(() => importMirth({ file })));
}
