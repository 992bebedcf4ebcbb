/** `holdfast doctor`, as it is asked. @module */
import { type Command, InvalidArgumentError } from "commander";
import type { ExitCode } from "../exit-codes.ts";
import { type Act, configOption, jsonOption } from "./options.ts";

interface Surroundings {
  /** `$CREDENTIALS_DIRECTORY`. */
  readonly creds: string | undefined;
  /** Variables of the environment that other programs take a proxy or a CA from, by name. */
  readonly ignored: readonly string[];
  readonly version: string;
  /** Ends the process, whatever it waits for: a resolver or a share that is away has no other end. */
  readonly leave: (exit: ExitCode) => Promise<never>;
}

interface Asked {
  readonly config: string;
  readonly json: boolean;
  readonly receiver?: string;
  readonly proxy?: string;
  readonly page?: string;
  readonly folder?: string;
  readonly machine: boolean;
}

export function addDoctorCommand(
  root: Command,
  choose: (act: Act) => void,
  surroundings: Surroundings,
): void {
  root
    .command("doctor")
    .description(
      "whether this machine is fit for the agent, and the receiver is reached from it; exit 78 on a problem",
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .option("--receiver <host:port>", "before installation: the way there alone", receiverUrl)
    .option("--proxy <url>", "with --receiver: through http://HOST:PORT", proxyUrl)
    .option("--page <file>", "write all of it as one page to print; never overwrites")
    .option("--folder <path>", "only whether files can be taken from, or put into, this folder")
    .option("--machine", "only what machine this is: system, processor, memory, disks", false)
    .action((asked: Asked, command: Command) => {
      if (asked.proxy !== undefined && asked.receiver === undefined) {
        command.error("error: --proxy has no meaning without --receiver: local.yaml names its own");
      }
      choose(() => act(asked, surroundings));
    });
}

async function act(asked: Asked, surroundings: Surroundings): Promise<ExitCode> {
  const { folder, machine, json, receiver: url, proxy, ...options } = asked;
  if (machine) {
    const { doctorMachine } = await import("../cli/doctor-machine.ts");
    return await doctorMachine({ json });
  }
  if (folder !== undefined) {
    const { doctorFolder } = await import("../cli/doctor-folder.ts");
    return await doctorFolder({ folder, json });
  }
  if (url === undefined) {
    const { doctorAsOwner } = await import("../cli/doctor-as-owner.ts");
    const exit = doctorAsOwner(options.config);
    if (exit !== undefined) return exit;
  }
  const { doctor } = await import("../cli/doctor.ts");
  const { leave, ...rest } = surroundings;
  const receiver = url === undefined ? undefined : { url, proxy };
  return await leave(await doctor({ ...options, ...rest, json, receiver }));
}

/** As `receiver.url` takes it; the scheme may be left out. */
function receiverUrl(text: string): string {
  const url = text.includes("://") ? text : `wss://${text}`;
  if (isBare(url, "wss:")) return url;
  throw new InvalidArgumentError("Must be HOST, HOST:PORT or wss://HOST:PORT.");
}

function proxyUrl(text: string): string {
  if (isBare(text, "http:")) return text;
  throw new InvalidArgumentError("Must be http://HOST:PORT, without a user or a password.");
}

function isBare(text: string, scheme: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, username, password, search, hash, hostname } = new URL(text);
  const rest = username + password + search + hash;
  return protocol === scheme && hostname !== "" && /^\/?$/.test(pathname) && rest === "";
}
