/** The commands `holdfast-sign release …`. @module */
import { type Command, InvalidArgumentError } from "commander";
import { systemClock } from "#agent/host/clock.ts";
import type { Say } from "#documents/cli/output.ts";
import { addSignatures, attach, writeBytes } from "./hands.ts";
import { makeRoot, makeTargets } from "./make.ts";
import { publish, verifyRepository } from "./publish.ts";

const DAYS = 90;
const DAYS_MAX = 365;
const REPO = ["--repo <folder>", "the repository"] as const;

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];
const nowMs = (): number => systemClock.nowMs();

const signing = (command: Command): Command =>
  command
    .option("--key <file>", "private key that signs; may be repeated", collect)
    .option(
      "--passphrase-file <file>",
      "its first line opens the keys; else the terminal is asked",
    );

/** Adds `release` to the program of those who sign. @param say takes what goes to standard output */
export function registerRelease(program: Command, say: Say): void {
  const release = program
    .command("release")
    .description("makes and signs what `holdfast verify-package` believes (TUF)");
  signing(release.command("root <description>"))
    .description("make a root from a description in YAML: the first, or the next one")
    .requiredOption(...REPO)
    .action((description, options) => makeRoot(say, description, options, nowMs()));
  signing(release.command("targets <description>"))
    .description("make the targets of a release from a description in YAML")
    .requiredOption(...REPO)
    .action((description, options) => makeTargets(say, description, options, nowMs()));
  signing(release.command("add <file>"))
    .description("add a signature to a draft, in place")
    .action((file, options) => addSignatures(say, file, options));
  release
    .command("bytes <file>")
    .description("write the bytes that are signed, for a key in hardware")
    .requiredOption("--out <file>", "where to write them")
    .action((file, { out }) => writeBytes(file, out));
  release
    .command("attach <file>")
    .description("attach a signature that was made in hardware, in place")
    .requiredOption("--signature <file>", "64 bytes, as the hardware gave them")
    .requiredOption("--public-key <key>", "whose it is: a file, or 64 hex digits")
    .action((file, options) => attach(say, file, options));
  signing(release.command("publish"))
    .description("publish drafts that are signed; renew snapshot and timestamp")
    .requiredOption(...REPO)
    .option("--days <n>", "how long it counts as the newest", wholeDays, DAYS)
    .action((options) => publish(say, options, nowMs()));
  release
    .command("verify")
    .description("say what an agent would believe, from the first root on")
    .requiredOption(...REPO)
    .option("--json", "print facts as JSON")
    .action((options) => verifyRepository(say, options, nowMs()));
}

function wholeDays(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= DAYS_MAX) return value;
  throw new InvalidArgumentError(`Must be a whole number from 1 to ${DAYS_MAX}.`);
}
