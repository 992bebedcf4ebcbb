/** `holdfast init`: how it is asked. @module */
import { type Command, Option } from "commander";
import type { Custody } from "../cli/first-config.ts";
import { isWindows } from "../host/platform.ts";
import { later } from "./later.ts";
import {
  type Act,
  configOption,
  DEFAULT_MLLP_PORT,
  DEFAULT_STATE_DIR,
  jsonOption,
  portParser,
} from "./options.ts";

const init = later(() => import("../cli/init.ts"), "init");
const initKey = later(() => import("../cli/init.ts"), "initKey");

export function addInitCommand(root: Command, choose: (act: Act) => void): void {
  root
    .command("init")
    .description("write a first local.yaml; never overwrites")
    .addOption(configOption())
    .option("--state-dir <folder>", "where the store will be", DEFAULT_STATE_DIR)
    .option("--receiver <url>", "the receiver", "wss://gateway.example.org")
    .option("--port <number>", "MLLP port of the first channel", portParser, DEFAULT_MLLP_PORT)
    .addOption(
      new Option("--custody <kind>", "where the key that opens the store is kept")
        .choices(["file", "dpapi", "credential"])
        .default(isWindows ? "dpapi" : "file"),
    )
    .option(
      "--account <name>",
      "hand the files to this account (as root; of the service: holdfast)",
    )
    .option(
      "--key",
      "only make the key that an existing local.yaml names, or wrap it (dpapi)",
      false,
    )
    .addOption(jsonOption())
    .action(({ key, custody, account, ...options }) =>
      choose(() =>
        key
          ? initKey({ account, ...options })
          : init({ account, custody: custody as Custody, ...options }),
      ),
    );
}
