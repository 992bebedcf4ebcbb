/**
 * `holdfast-receiver`: the arguments become a command. The only place for signals and exit codes.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import { DocumentError } from "#config/document.ts";
import { managerOf } from "#service-manager/service-manager.ts";
import type { AskOptions } from "./cli/ask.ts";
import type { LinkOptions } from "./cli/console.ts";
import type { Output } from "./cli/output.ts";
import { version } from "./cli/version.ts";
import { foreignCode, ReceiverError } from "./errors.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { ownPlace } from "./host/own-place.ts";

// Each command loads its own code: the store's libraries alone take longer than most of what is asked here.

/** Files and the socket that we create are nobody else's to read. */
process.umask(0o077);

const output: Output = {
  print: (text, end = "\n") =>
    new Promise((resolve) => {
      if (!process.stdout.writable) resolve(false);
      else process.stdout.write(`${text}${end}`, (error) => resolve(error == null));
    }),
};
// The reader of a pipe went away (`export | head`): `print` says so to the command.
process.stdout.on("error", () => {});

/** Resolves at the first signal; the second hangs up now: nothing acknowledged is lost by it. */
function askedToStop(): Promise<void> {
  return new Promise((resolve) => {
    let signalCount = 0;
    const onSignal = (): void => {
      signalCount += 1;
      if (signalCount === 1) resolve();
      else process.exit(EXIT.ok);
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}

const CONFIG = ["--config <file>", "receiver.yaml"] as const;
const JSON_FLAG = ["--json", "print facts as JSON"] as const;

/** What a command that went well says by its exit code. */
let exitCode: ExitCode = EXIT.ok;

const program = new Command("holdfast-receiver")
  .description("The cloud end of Holdfast: stores what agents send, once and in order")
  .exitOverride()
  .showHelpAfterError("The same with --help says what it takes")
  .configureOutput({ writeErr: (text) => process.stderr.write(text) });
program
  .command("serve")
  .description("accept agents until asked to stop")
  .requiredOption(...CONFIG)
  .action(async (options) =>
    (await import("./cli/serve.ts")).serve(output, {
      ...{ ...options, manager: managerOf(process.env), stopped: askedToStop() },
    }),
  );
program
  .command("status")
  .description("whether a receiver runs here and its store answers; exit 69 if not")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (options) => (await import("./cli/status.ts")).showStatus(output, options));
program
  .command("export")
  .description("print stored messages, one JSON object a line")
  .requiredOption(...CONFIG)
  .option("--body", "with the bodies, in base64")
  .option("--channel <name>", "only this channel")
  .option("--agent <tenant/agent>", "only this agent")
  .action(async (options) => (await import("./cli/export.ts")).exportMessages(output, options));
program
  .command("send <tenant/agent> <channel> <file>")
  .description("hand over a message for a hospital system; - reads it from standard input")
  .requiredOption(...CONFIG)
  .option("--key <key>", "your own name for it: with the same one it is taken once")
  .option(...JSON_FLAG)
  .action(async (name, channel, file, options) =>
    (await import("./cli/send.ts")).send(output, [name, channel, file], options),
  );
program
  .command("sent <tenant/agent> <channel>")
  .description("print what became of the messages that were handed over")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (name, channel, options) =>
    (await import("./cli/send.ts")).listSent(output, [name, channel], options),
  );
const asking = (command: Command): Command =>
  command
    .requiredOption("--command <file>", "made by: holdfast-sign command")
    .option("--wait <seconds>", "how long to wait for the answer", Number, 120)
    .requiredOption(...CONFIG)
    .option(...JSON_FLAG);
asking(program.command("ask <tenant/agent> [operation]"))
  .description("ask an agent a signed question, and print its answer")
  .action(async (name: string, operation: string | undefined, options: AskOptions) =>
    (await import("./cli/ask.ts")).askAgent(output, [name, operation], options),
  );
asking(program.command("bundle <tenant/agent>"))
  .description("ask an agent for a bundle, which only the holder of the support key can open")
  .requiredOption("--out <file>", "where the sealed bundle goes; nothing is overwritten")
  .action(async (name: string, options: AskOptions & { readonly out: string }) =>
    (await import("./cli/ask.ts")).fetchBundle(output, name, options),
  );
program
  .command("report")
  .description("whether both sides hold the same, hour by hour; exit 0 only if they do")
  .argument("[tenant/agent]", "only this agent")
  .requiredOption(...CONFIG)
  .option("--from <time>", "a date, a time with its zone, today or yesterday [yesterday]")
  .option("--to <time>", "up to it, exclusive [now]")
  .option("--channel <name>", "only this channel")
  .option("--csv", "print CSV")
  .option(...JSON_FLAG)
  .action(async (name, options) => {
    exitCode = await (await import("./cli/report.ts")).report(output, name, options);
  });
program
  .command("trace <tenant/agent> <control-id>")
  .description("where the messages with a control id (MSH-10) are, and what became of them")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (name, controlId, options) => {
    exitCode = await (await import("./cli/report.ts")).trace(output, [name, controlId], options);
  });
program
  .command("alarms")
  .description(
    "which alarms are open at agents, whose they are and what to do; exit 69 if any needs somebody",
  )
  .argument("[tenant/agent]", "only this agent")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (name, options) => {
    exitCode = await (await import("./cli/alarms.ts")).showAlarms(output, name, options);
  });
program
  .command("console")
  .description("the fleet console in the browser")
  .command("link")
  .description("print a link that lets one person in from this machine, once, within five minutes")
  .requiredOption("--role <role>", "viewer, support or administrator")
  .option("--name <name>", "who it is for, as the console's log will have it", "link")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (options: LinkOptions) =>
    (await import("./cli/console.ts")).makeLink(output, options),
  );
const agent = program.command("agent").description("who may connect");
agent
  .command("add <tenant/agent>")
  .description("make a token with which one machine may become this agent")
  .option("--out <file>", "where the token goes, mode 0600 [standard output]")
  .option("--certificate <file>", "for a trial: let in whoever has this certificate, PEM")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (name, options) =>
    (await import("./cli/agent.ts")).addAgent(output, name, options),
  );
agent
  .command("list")
  .description("print the agents that are known")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (options) => (await import("./cli/agent.ts")).listAgents(output, options));
agent
  .command("heads <tenant/agent>")
  .description("print the signed heads of its audit, for: holdfast audit verify --head FILE")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (name, options) =>
    (await import("./cli/agent.ts")).listHeads(output, name, options),
  );
agent
  .command("status <tenant/agent>")
  .description("print the newest status document that it has signed")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (name, options) =>
    (await import("./cli/document.ts")).showStatus(output, name, options),
  );
agent
  .command("confirm <tenant/agent> <code>")
  .description("the code that the hospital sees is that of agent list: issue the certificate")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (name, code, options) =>
    (await import("./cli/agent.ts")).confirmAgent(output, [name, code], options),
  );
agent
  .command("deny <tenant/agent>")
  .description("keep an agent out, at once")
  .option("--serial <hex>", "only the certificate with this serial")
  .option("--device-key", "only the machine that it is now")
  .option("--undo", "let it in again")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (name, options) =>
    (await import("./cli/agent.ts")).denyAgent(output, name, options),
  );
agent
  .command("denied")
  .description("print who is kept out")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (options) => (await import("./cli/agent.ts")).listDenied(output, options));
agent
  .command("reset-recovery <tenant/agent>")
  .description("let an agent renew with an expired certificate again")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (name, options) =>
    (await import("./cli/agent.ts")).resetRecovery(output, name, options),
  );
agent
  .command("unlock <tenant/agent>")
  .description("let an agent in again that was locked, once only one copy of it is left")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (name, options) =>
    (await import("./cli/agent.ts")).unlockAgent(output, name, options),
  );
program
  .command("document")
  .description("signed documents for agents: configurations, trust, approvals, heads")
  .command("send <tenant/agent> <file...>")
  .description("queue envelopes and bundles for an agent, which judges each by itself")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (name, files, options) =>
    (await import("./cli/document.ts")).sendDocuments(output, [name, files], options),
  );
program
  .command("ca")
  .description("the CA that issues certificates for agents")
  .command("create")
  .description("make it, once")
  .option("--name <text>", "its common name", "Holdfast agents")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (options) => (await import("./cli/authority.ts")).createCa(output, options));
program
  .command("trust")
  .description("the trust documents that agents are given")
  .command("import <file...>")
  .description("keep trust documents of a tenant, oldest first")
  .requiredOption(...CONFIG)
  .option(...JSON_FLAG)
  .action(async (files, options) =>
    (await import("./cli/authority.ts")).importTrust(output, files, options),
  );
program
  .command("version")
  .description("print the version")
  .option(...JSON_FLAG)
  .action((options) => version(output, options));

/** @returns the exit code, after saying what happened and what to do next */
function report(error: unknown): number {
  // Commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof DocumentError) {
    const again = "Correct the configuration and start again";
    process.stderr.write(`${error.message}\nholdfast-receiver: ${again}\n`);
    return EXIT.configuration;
  }
  if (error instanceof ReceiverError) {
    const facts = Object.entries(error.facts).map(([name, value]) => ` ${name}=${value}`);
    const what = `${error.summary} [${error.code}${facts.join("")}]`;
    process.stderr.write(`holdfast-receiver: ${what}\n  ${error.remedy}\n`);
    return error.exitCode;
  }
  // Its text and its stack quote values and paths (08 PL3).
  const facts = Object.entries({ error: foreignCode(error), ...ownPlace(error) });
  const where = facts.map(([name, value]) => `${name}=${value}`).join(" ");
  process.stderr.write(`holdfast-receiver: defect, please report it [${where}]\n`);
  return EXIT.defect;
}

process.on("uncaughtException", (error) => process.exit(report(error)));

// No await at the top level: the executable's entry is CommonJS (09 PK3).
void program.parseAsync().then(
  () => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    process.exitCode = report(error);
  },
);
