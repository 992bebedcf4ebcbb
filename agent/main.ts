/**
 * `holdfast`: argv → command. The only place for the environment, signals and exit codes.
 *
 * @module
 */
import { fstatSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { ownFile } from "#packaged/own-files.ts";
import { managerOf } from "#service-manager/service-manager.ts";
import { tellDefect } from "./cli/defect.ts";
import type { TestReply } from "./cli/listen.ts";
import { addAuditCommands } from "./commands/audit.ts";
import { addHoldCommands } from "./commands/channel-hold.ts";
import { addConfigCommands } from "./commands/config.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addDrillCommands } from "./commands/drill.ts";
import { addIdentityCommands } from "./commands/identity.ts";
import { addInitCommand } from "./commands/init.ts";
import { later } from "./commands/later.ts";
import { addMaintenanceCommands } from "./commands/maintenance.ts";
import { addMigrationCommands } from "./commands/migration.ts";
import {
  type Act,
  configOption,
  DEFAULT_MLLP_PORT,
  jsonOption,
  portParser,
  seqRange,
  wholeNumber,
} from "./commands/options.ts";
import { addQuarantineCommands } from "./commands/quarantine.ts";
import { addReportCommand } from "./commands/report.ts";
import { addServiceCommands } from "./commands/service.ts";
import { addStoreCommands } from "./commands/store.ts";
import { addSupportCommands } from "./commands/support.ts";
import { addUpdateCommands } from "./commands/update.ts";
import { addWindowsServiceCommands } from "./commands/windows-service.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { FOLDER_WORKER_COMMAND } from "./folders/worker-command.ts";
import { isWindows } from "./host/platform.ts";
import { addReleaseCommands } from "./release-commands.ts";

const channelList = later(() => import("./cli/channel.ts"), "channelList");
const channelSkip = later(() => import("./cli/channel-skip.ts"), "channelSkip");
const explain = later(() => import("./cli/explain.ts"), "explain");
const filesList = later(() => import("./cli/files.ts"), "filesList");
const listen = later(() => import("./cli/listen.ts"), "listen");
const reconnect = later(() => import("./cli/reconnect.ts"), "reconnect");
const rekey = later(() => import("./cli/rekey.ts"), "rekey");
const run = later(() => import("./cli/run.ts"), "run");
const runService = later(() => import("./cli/run-service.ts"), "runService");
const status = later(() => import("./cli/status.ts"), "status");
const statusSigned = later(() => import("./cli/status-signed.ts"), "statusSigned");
const trace = later(() => import("./cli/trace.ts"), "trace");
const version = later(() => import("./cli/version.ts"), "version");

/** Where systemd puts what the unit loads with `LoadCredential…=` (09 SV9). */
const credentials = process.env["CREDENTIALS_DIRECTORY"];
/** Who starts it, if that is systemd (sd_notify(3)). */
const manager = managerOf(process.env);
/** Sockets that it opened for this process (sd_listen_fds(3)). */
const passed = { pid: process.env["LISTEN_PID"], count: process.env["LISTEN_FDS"] };
// Not meant for a process that this one starts.
for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete process.env[name];
// A thread would take its code from the folder that this names (08 H07).
delete process.env["NODE_COMPILE_CACHE"];
/** Whether standard error is the journal: systemd says which file that is (systemd.exec(5), `$JOURNAL_STREAM`). */
function isJournal(): boolean {
  const [device, inode] = (process.env["JOURNAL_STREAM"] ?? "").split(":");
  if (device === "" || inode === undefined) return false;
  const { dev, ino } = fstatSync(2, { bigint: true });
  return String(dev) === device && String(ino) === inode;
}
/** 07 1.9, 1.10: the receiver's proxy and CA come from the configuration alone; `doctor` names these. */
const ignored = Object.keys(process.env).filter((name) =>
  /^(?:(?:https?|all|no)_proxy|node_use_env_proxy|node_extra_ca_certs|ssl_cert_(?:file|dir)|node_tls_reject_unauthorized)$/i.test(
    name,
  ),
);

const versionText = (
  JSON.parse(Buffer.from(ownFile(new URL("../package.json", import.meta.url))).toString()) as {
    version: string;
  }
).version;

/** The first and the second request to stop, from a terminal or a service manager. */
function stopSignals(): { readonly stop: Promise<void>; readonly hangUp: Promise<void> } {
  const stop = Promise.withResolvers<void>();
  const hangUp = Promise.withResolvers<void>();
  let count = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      count += 1;
      if (count === 1) stop.resolve();
      else hangUp.resolve();
    });
  }
  return { stop: stop.promise, hangUp: hangUp.promise };
}

/** Once it has all been said. */
async function leave(exit: ExitCode): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write("", () => resolve()));
  }
  process.exit(exit);
}

/** The commands; the chosen one is handed to `choose`, so that parsing does nothing else. */
function program(choose: (act: Act) => void): Command {
  const root = new Command("holdfast")
    .description(
      "Carries HL7 messages from this hospital's network to a cloud receiver, losing none",
    )
    .exitOverride()
    .showHelpAfterError();
  addRunCommand(root, choose);
  addInitCommand(root, choose);
  addQuestionCommands(root, choose);
  addReportCommand(root, choose);
  addDoctorCommand(root, choose, { creds: credentials, ignored, version: versionText, leave });
  addAuditCommands(root, choose);
  addConfigCommands(root, choose);
  addSupportCommands(root, choose);
  addChannelCommands(root, choose);
  addMaintenanceCommands(root, choose);
  addDrillCommands(root, choose);
  addFilesCommands(root, choose);
  addQuarantineCommands(root, choose);
  addStoreCommands(root, credentials, choose);
  addIdentityQuestions(root, choose);
  addTestCommands(root, choose);
  addMigrationCommands(root, choose);
  addReleaseCommands(root, versionText, choose);
  addUpdateCommands(root, versionText, choose);
  if (isWindows) addWindowsServiceCommands(root, choose);
  else addServiceCommands(root, choose);
  root
    .command(FOLDER_WORKER_COMMAND, { hidden: true })
    .action(() => choose(() => import("./folders/worker.ts").then(() => EXIT.ok)));
  root
    .command("version")
    .description("print the version")
    .addOption(jsonOption())
    .action(({ json }) => choose(() => version({ version: versionText, json })));
  return root;
}

function addRunCommand(root: Command, choose: (act: Act) => void): void {
  root
    .command("run")
    .description("run the agent until SIGTERM or SIGINT; a second signal hangs up at once")
    .addOption(configOption())
    .option("--anchor <file>", "for a trial: the keys of another vendor (as enroll --anchor)")
    .addOption(new Option("--service", "Windows's service manager starts it so").hideHelp())
    .action(({ config, anchor, service }) =>
      choose(async () => {
        const { default: cluster } = await import("node:cluster");
        // By an environment variable: each port would be asked of a parent that never answers.
        if (cluster.isWorker) return refuseCluster();
        if (service === true) return runService({ config, version: versionText });
        const surroundings = {
          credentials,
          isJournal: isJournal(),
          manager,
          passed,
          ...stopSignals(),
        };
        return run({ config, anchor, version: versionText, ...surroundings });
      }),
    );
}

function refuseCluster(): ExitCode {
  process.stderr.write("holdfast: it does not run under Node's cluster\n  Unset NODE_UNIQUE_ID\n");
  return EXIT.usage;
}

function addQuestionCommands(root: Command, choose: (act: Act) => void): void {
  root
    .command("status")
    .description("what works, what does not, why; exit 69 if something needs attention")
    .addOption(configOption())
    .addOption(jsonOption())
    .option("--signed <file>", "write a status document that the device key signs, to carry back")
    .action(({ signed, ...options }) =>
      choose(() => (signed ? statusSigned({ file: signed, ...options }) : status(options))),
    );
  root
    .command("reconnect")
    .description("dial the receiver now instead of when the wait is over")
    .addOption(configOption())
    .addOption(jsonOption())
    .action((options) => choose(() => reconnect(options)));
  root
    .command("trace")
    .description("where the messages with a control id (MSH-10) are")
    .argument("<control-id>")
    .addOption(configOption())
    .addOption(jsonOption())
    .action((controlId, options) => choose(() => trace({ controlId, ...options })));
}

function addChannelCommands(root: Command, choose: (act: Act) => void): void {
  const channel = root.command("channel").description("the channels, and what their senders do");
  channel
    .command("list")
    .description("ports, peers, what senders ask for, protocol warnings, last replies, counters")
    .argument("[name]", "only this channel")
    .addOption(configOption())
    .addOption(jsonOption())
    .action((name, options) => choose(() => channelList({ name, ...options })));
  channel
    .command("skip")
    .description("go on without messages that storage has damaged; says what would be lost")
    .argument("<name>", "a channel that stops before them (status: messageDamaged)")
    .requiredOption("--seq <range>", "by number, such as 12 or 12-15", seqRange)
    .option("--yes", "do it: they are lost for good", false)
    .addOption(configOption())
    .addOption(jsonOption())
    .action((name, options) => choose(() => channelSkip({ name, ...options })));
  addHoldCommands(channel, choose);
}

function addFilesCommands(root: Command, choose: (act: Act) => void): void {
  const files = root.command("files").description("files taken from folders, by their claims");
  files
    .command("list")
    .description("what became of them, newest first; names may name patients")
    .option("--channel <name>", "only of this channel")
    .option("--claim <id>", "only this one, as logs and alarms call it")
    .option("--aside", "only those in the error folder, on their way there, or vanished", false)
    .addOption(
      new Option("--state <state>", "only those in it").choices([
        ...["claimed", "committed", "aside", "moved"],
      ]),
    )
    .option("--limit <number>", "so many of a channel at most", wholeNumber(1, 1_000_000), 50)
    .addOption(configOption())
    .addOption(jsonOption())
    .action(({ channel, claim, state, ...options }) =>
      choose(() => filesList({ channel, claim, state, ...options })),
    );
}

function addIdentityQuestions(root: Command, choose: (act: Act) => void): void {
  const identity = root.command("identity").description("who this agent is");
  addIdentityCommands({ root, identity, choose, credentials, stopSignals });
  // 08 2.3 has the longer name.
  for (const parent of [root, identity]) {
    parent
      .command("rekey")
      .description("replace the key-encryption key: old copies no longer open what was deleted")
      .addOption(configOption())
      .addOption(jsonOption())
      .action((options) => choose(() => rekey(options)));
  }
}

function addTestCommands(root: Command, choose: (act: Act) => void): void {
  root
    .command("send")
    .description("test sender: send files over MLLP and show the replies")
    .argument("[files...]", "one message a file, sent as it is; none: a generated ADT^A01")
    .option("--host <address>", "address to connect to", "127.0.0.1")
    .option("--port <number>", "MLLP port", portParser, DEFAULT_MLLP_PORT)
    .option("--count <number>", "send all of it so often", wholeNumber(1, 1_000_000), 1)
    .option("--timeout <seconds>", "wait for each reply", wholeNumber(1, 3_600), 30)
    .option("--tls-ca <file>", "speak TLS, and trust this CA")
    .option("--tls-certificate <file>", "show this client certificate")
    .option("--tls-key <file>", "its key")
    .addOption(jsonOption())
    .action((files, { timeout, tlsCa, tlsCertificate, tlsKey, ...options }) =>
      choose(async () => {
        // Loaded here alone: it brings a full HL7 library, which the running agent does without.
        const { send } = await import("./cli/send.ts");
        const tls =
          tlsCa === undefined ? undefined : { ca: tlsCa, certificate: tlsCertificate, key: tlsKey };
        return send({ files, tls, timeoutMs: timeout * 1000, ...options });
      }),
    );
  root
    .command("listen")
    .description("test endpoint: accept MLLP, answer, show what came")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <number>", "MLLP port", portParser, DEFAULT_MLLP_PORT)
    .addOption(
      new Option("--reply <code>", "MSA-1 of every reply")
        .choices(["AA", "AE", "AR", "none"])
        .default("AA"),
    )
    .option("--delay <milliseconds>", "before each reply", wholeNumber(0, 600_000), 0)
    .option("--out <folder>", "keep every message as a file")
    .addOption(jsonOption())
    .action(({ host, port, reply, delay, out, json }) => {
      const answer = reply as TestReply;
      const { stop } = stopSignals();
      const options = { host, port, reply: answer, delayMs: delay, folder: out, json, stop };
      choose(() => listen(options));
    });
}

async function main(): Promise<ExitCode> {
  let act: Act = () => EXIT.usage;
  try {
    program((chosen) => {
      act = chosen;
    }).parse();
    return await act();
  } catch (error) {
    // Help that was asked for is success; everything else that commander refuses is usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return explain(error);
  }
}

// A reader that has gone away (a closed terminal, `| head`) must not end the process (09 PK7).
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
// What nobody caught, a rejection included, is a defect: told without its text, and the service manager starts anew.
process.on("uncaughtException", (error) => process.exit(tellDefect(error)));
// No await at the top level: the packaged executable's entry is CommonJS (09 PK3).
void main().then((exit) => {
  process.exitCode = exit;
});
