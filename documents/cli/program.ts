/** Arguments become a command. @module */
import { Command, CommanderError } from "commander";
import { EXIT } from "#agent/exit-codes.ts";
import { systemClock } from "#agent/host/clock.ts";
import { DocumentError } from "#config/document.ts";
import { BODY_SCHEMA, signedBody } from "#config/signed-body.ts";
import { registerRelease } from "#releases/cli/register.ts";
import { makeApproval, makeCommand, makeConfig, makeHead } from "./author.ts";
import { makeBundle } from "./carry.ts";
import { addSignatures, attach, writePae } from "./hands.ts";
import { keygen } from "./keygen.ts";
import type { Say } from "./output.ts";
import { SignError } from "./sign-error.ts";
import { makeTrust } from "./trust.ts";
import { unseal } from "./unseal.ts";
import { verifyFile } from "./verify.ts";

/** VC8, so that nobody signs what every agent would refuse. */
const BODY = { number: BODY_SCHEMA, schema: signedBody };

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];
const OUT = ["--out <file>", "where to write it; nothing is overwritten"] as const;
const nowMs = (): number => systemClock.nowMs();

/** @returns a command that can sign: any number of keys, in order */
const signing = (command: Command): Command =>
  command
    .option("--key <file>", "private key that signs; may be repeated", collect)
    .option(
      "--passphrase-file <file>",
      "its first line opens the keys; else the terminal is asked",
    );

/** The command line of `holdfast-sign`. */
export function signProgram(say: Say): Command {
  const program = new Command("holdfast-sign")
    .description("Makes and signs the documents that agents believe")
    .exitOverride()
    .showHelpAfterError("The same with --help says what it takes")
    .configureOutput({ writeErr: (text) => process.stderr.write(text) });
  registerAuthoring(program, say);
  registerHands(program, say);
  registerRelease(program, say);
  return program;
}

/** Documents that are made. */
function registerAuthoring(program: Command, say: Say): void {
  program
    .command("keygen")
    .description("make a key pair: NAME.key.pem and NAME.pub.pem")
    .requiredOption("--out <name>", "name of both files, without their ends")
    .option(
      "--passphrase-file <file>",
      "its first line protects the key; else the terminal is asked",
    )
    .option("--no-passphrase", "do not protect the private key")
    .option("--support", "a key that opens support bundles (X25519), not one that signs")
    .action((options) => keygen(say, options));
  signing(program.command("trust <description>"))
    .description("make a trust document from a description in YAML")
    .requiredOption(...OUT)
    .option("--previous <file>", "the trust document in force: this one follows it")
    .action((description, options) => makeTrust(say, description, options, nowMs()));
  signing(program.command("config <description>"))
    .description("make a config document from a description in YAML")
    .requiredOption(...OUT)
    .option("--previous <file>", "the config document in effect: epoch, seq and base go on from it")
    .action((file, options) => makeConfig(say, file, options, { nowMs: nowMs(), body: BODY }));
  signing(program.command("approval <config>"))
    .description("approve or reject a config document, for a hospital")
    .requiredOption(...OUT)
    .requiredOption("--approver <name>", "who decides")
    .option("--reject", "reject it instead")
    .option("--days <n>", "how long the approval is good", "14")
    .option("--not-before <time>", "start from here: 2026-01-31T22:00:00Z")
    .option("--not-after <time>", "start until here")
    .action((config, options) => makeApproval(say, config, options, nowMs()));
  signing(program.command("command <operation>"))
    .description("ask one agent one question, within 15 minutes")
    .requiredOption(...OUT)
    .requiredOption("--tenant <name>", "whose agent")
    .requiredOption("--agent <name>", "which agent")
    .requiredOption("--engineer <id>", "who asks")
    .requiredOption("--ticket <id>", "why")
    .option("--args <json>", "arguments of the operation", "{}")
    .action((operation, options) => makeCommand(say, operation, options, nowMs()));
  signing(program.command("head <config>"))
    .description("say that a config document is the newest")
    .requiredOption(...OUT)
    .requiredOption("--trust-version <n>", "version of the trust document in force")
    .option("--days <n>", "how long it is good, at most 7", "7")
    .action((config, options) => makeHead(say, config, options, nowMs()));
}

/** Documents that exist: signed by others, verified, carried. */
function registerHands(program: Command, say: Say): void {
  signing(program.command("add <file>"))
    .description("add a signature to a document, in place")
    .action((file, options) => addSignatures(say, file, options));
  program
    .command("pae <file>")
    .description("write the bytes that are signed, for a key in hardware")
    .option("--out <file>", "where to write them; else to standard output")
    .action((file, { out }) => writePae(file, out));
  program
    .command("attach <file>")
    .description("attach a signature that was made in hardware, in place")
    .requiredOption("--signature <file>", "64 bytes, as the hardware gave them")
    .option("--public-key <key>", "whose it is: a file, or 64 hex digits")
    .option("--key-id <id>", "whose it is, if a trust document has the key")
    .option("--trust <file>", "that trust document")
    .action((file, options) => attach(say, file, options));
  program
    .command("verify <file>")
    .description("say what a document is, who signed it, and whether that is enough")
    .option("--trust <file>", "the trust document in force; of a trust document: the one before")
    .option(
      "--keys <file>",
      "keys and threshold in YAML: an anchor, a hospital's keys, a device key",
    )
    .option("--json", "print facts as JSON")
    .action((file, options) => verifyFile(say, file, options));
  program
    .command("unseal <file>")
    .description("open a support bundle with the support key")
    .requiredOption("--key <file>", "the private half of supportKey, made by keygen --support")
    .requiredOption(...OUT)
    .option("--passphrase-file <file>", "its first line opens the key; else the terminal is asked")
    .action((file, options) => unseal(say, file, options));
  program
    .command("bundle")
    .description("put documents into one file, for a stick")
    .requiredOption(...OUT)
    .option("--trust <file>", "a trust document; may be repeated, in order", collect)
    .option("--config <file>", "a config document")
    .option("--approval <file>", "an approval; may be repeated", collect)
    .option("--head <file>", "a head")
    .action((options) => makeBundle(say, options));
}

/**
 * Runs one command.
 *
 * @param complain takes what goes to standard error
 * @returns the exit code
 */
export async function run(
  args: readonly string[],
  say: Say,
  complain: (text: string) => void,
): Promise<number> {
  try {
    await signProgram(say)
      .configureOutput({ writeErr: complain })
      .parseAsync(args, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    return report(error, complain);
  }
}

/** @returns the exit code, after saying what happened and what to do next */
function report(error: unknown, complain: (text: string) => void): number {
  // Commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof DocumentError) {
    complain(`${error.message}\nholdfast-sign: Correct the description and try again\n`);
    return EXIT.badData;
  }
  if (error instanceof SignError) {
    complain(`holdfast-sign: ${error.message} [${error.code}]\n  ${error.remedy}\n`);
    return error.exitCode;
  }
  const stack = error instanceof Error ? error.stack : String(error);
  complain(`holdfast-sign: defect, please report it\n${stack}\n`);
  return EXIT.defect;
}
