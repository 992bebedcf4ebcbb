/** `holdfast quarantine …`: how it is asked. @module */
import type { Command } from "commander";
import { later } from "./later.ts";
import { type Act, blockNumber, configOption, jsonOption, wholeNumber } from "./options.ts";

const quarantineDiscard = later(() => import("../cli/quarantine.ts"), "quarantineDiscard");
const quarantineList = later(() => import("../cli/quarantine.ts"), "quarantineList");
const quarantineRelease = later(() => import("../cli/quarantine.ts"), "quarantineRelease");
const quarantineShow = later(() => import("../cli/quarantine.ts"), "quarantineShow");

export function addQuarantineCommands(root: Command, choose: (act: Act) => void): void {
  const quarantine = root
    .command("quarantine")
    .description("blocks that are no messages: set aside, kept until a person decides");
  quarantine
    .command("list")
    .description("what is there, newest first; no content")
    .option("--channel <name>", "only of this channel")
    .option("--limit <number>", "so many at most", wholeNumber(1, 1_000_000), 100)
    .addOption(configOption())
    .addOption(jsonOption())
    .action(({ channel, ...options }) => choose(() => quarantineList({ channel, ...options })));
  quarantine
    .command("show")
    .description("one block, and why it is there")
    .argument("<number>", "as in the list", blockNumber)
    .option("--content", "print its beginning as text: it may name a patient", false)
    .option("--out <file>", "write its bytes to a new file of mode 0600")
    .addOption(configOption())
    .addOption(jsonOption())
    .action((id, { out, ...options }) => choose(() => quarantineShow({ id, out, ...options })));
  quarantine
    .command("release")
    .description("send blocks to the receiver as they are, each as a message of its channel")
    .argument("<numbers...>", "as in the list", blockNumbers)
    .addOption(configOption())
    .addOption(jsonOption())
    .action((ids, options) => choose(() => quarantineRelease({ ids, ...options })));
  quarantine
    .command("discard")
    .description("forget blocks for ever")
    .argument("<numbers...>", "as in the list", blockNumbers)
    .addOption(configOption())
    .addOption(jsonOption())
    .action((ids, options) => choose(() => quarantineDiscard({ ids, ...options })));
}

/** commander hands over one argument at a time, with those before it. */
function blockNumbers(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, blockNumber(text)];
}
