/** `holdfast service …` on Windows: how it is asked (09 PK19). @module */
import { type Command, Option } from "commander";
import { later } from "./later.ts";
import { type Act, jsonOption } from "./options.ts";

const install = later(() => import("../cli/windows-service.ts"), "installService");
const uninstall = later(() => import("../cli/windows-service.ts"), "uninstallService");
const start = later(() => import("../cli/windows-service.ts"), "startService");
const stop = later(() => import("../cli/windows-service.ts"), "stopService");
const status = later(() => import("../cli/windows-service.ts"), "serviceStatus");

export function addWindowsServiceCommands(root: Command, choose: (act: Act) => void): void {
  const service = root.command("service").description("the Windows service Holdfast");
  service
    .command("install")
    .description("register it with its account, access lists and Event Log; start it if it can run")
    .option("--config <file>", "a prepared local.yaml: taken over, unless there is one")
    .option("--account <name>", "a group-managed account, for channels on network shares")
    .addOption(
      new Option("--sid-type <type>", "unrestricted, if software of this site breaks otherwise")
        .choices(["restricted", "unrestricted"])
        .default("restricted"),
    )
    .option("--no-start", "leave it stopped")
    .action(({ config, account, sidType, start }) =>
      choose(() => install({ config, account, sidType, start })),
    );
  service
    .command("uninstall")
    .description("stop and remove it; the store, local.yaml and the key stay")
    .action(() => choose(() => uninstall()));
  service
    .command("start")
    .description("start it, and wait until it takes messages")
    .action(() => choose(() => start()));
  service
    .command("stop")
    .description("stop it, and wait until it has stopped; 60 s at most")
    .action(() => choose(() => stop()));
  service
    .command("status")
    .description("whether it runs; exit 69 if it does not")
    .addOption(jsonOption())
    .action(({ json }) => choose(() => status({ json })));
}
