/** `holdfast support …`: how it is asked. @module */
import { type Command, Option } from "commander";
import { PART_NAMES } from "../control/bundle-parts.ts";
import { later } from "./later.ts";
import { type Act, configOption, jsonOption, wholeNumber } from "./options.ts";

const bundleCreate = later(() => import("../cli/bundle.ts"), "bundleCreate");
const bundlePreview = later(() => import("../cli/bundle.ts"), "bundlePreview");
const supportClose = later(() => import("../cli/support.ts"), "supportClose");
const supportList = later(() => import("../cli/support.ts"), "supportList");
const supportOff = later(() => import("../cli/support.ts"), "supportOff");
const supportOn = later(() => import("../cli/support.ts"), "supportOn");
const supportOpen = later(() => import("../cli/support.ts"), "supportOpen");
const supportShow = later(() => import("../cli/support.ts"), "supportShow");
const supportStatus = later(() => import("../cli/support.ts"), "supportStatus");

const HOURS_MAX = 72;

export function addSupportCommands(root: Command, choose: (act: Act) => void): void {
  const support = root
    .command("support")
    .description("what the vendor's support may ask this agent, and what it was told");
  const command = (name: string, description: string): Command =>
    support
      .command(name)
      .description(description)
      .addOption(configOption())
      .addOption(jsonOption());
  command("status", "what may be asked now").action((options) =>
    choose(() => supportStatus(options)),
  );
  command(
    "off",
    "answer nothing any more, and end what is being answered; survives restarts",
  ).action((options) => choose(() => supportOff(options)));
  command("on", "answer again, as far as policy.support allows").action((options) =>
    choose(() => supportOn(options)),
  );
  command("open", "open a window: logs and probes are answered until it ends")
    .requiredOption("--hours <number>", "how long", wholeNumber(1, HOURS_MAX))
    .requiredOption("--ticket <id>", "why: the vendor's ticket")
    .action((options) => choose(() => supportOpen(options)));
  command("close", "end the window now").action((options) => choose(() => supportClose(options)));
  command("list", "what was asked and what left, oldest first")
    .option("--limit <number>", "the newest so many", wholeNumber(1, 20_000), 100)
    .action((options) => choose(() => supportList(options)));
  command("show", "one answer, exactly as it left; of a bundle what was sealed")
    .argument("<number>", "as in the list", wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .action((id, options) => choose(() => supportShow({ id, ...options })));
  addBundleCommands(root, choose);
}

function addBundleCommands(root: Command, choose: (act: Act) => void): void {
  const bundle = root
    .command("bundle")
    .description("what a bundle for support holds, exactly as it leaves");
  const command = (name: string, description: string): Command =>
    bundle.command(name).description(description).addOption(configOption()).addOption(jsonOption());
  command("create", "make one, keep it, print it; it is sent to nobody")
    .addOption(new Option("--parts <names...>", "only these").choices(PART_NAMES))
    .action((options) => choose(() => bundleCreate(options)));
  command("preview", "print one as it left, or as it would leave")
    .argument("<number>", "as in support list", wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option("--release", "let it leave (policy.support.releaseMode: hold)", false)
    .action((id, options) => choose(() => bundlePreview({ id, ...options })));
}
