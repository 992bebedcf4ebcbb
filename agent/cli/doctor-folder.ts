/**
 * `doctor --folder`: what can be done in any folder that IT asks about, by doing there, with a file of its own, what the
 * agent does (04 P3). Asked of a process that can be ended, for a dead share would hang.
 *
 * @module
 */
import { resolve } from "node:path";
import { AgentError, type Facts, identifierFrom } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { FolderHand } from "../folders/hand.ts";
import type { ProbedFolder } from "../folders/probe-method.ts";
import { systemClock } from "../host/clock.ts";
import { type Finding, fault, ok, warning } from "./finding.ts";
import { accountName, cannot, STEPS } from "./folder-steps.ts";
import { escaped, printFacts, table } from "./terminal.ts";

const SILENCE_MS = 30_000;

/** `doctor --folder PATH`. @returns 0 if all works, with or without warnings; 69 if not */
export async function doctorFolder(options: {
  readonly folder: string;
  readonly json: boolean;
}): Promise<ExitCode> {
  const folder = resolve(options.folder);
  const probed = await probeOf(folder);
  const finding =
    probed instanceof AgentError ? fault(probed.code, probed.facts) : judge(folder, probed);
  const account = accountName();
  printFacts(options.json, { folder, account, ...finding, probed: plain(probed) }, () => [
    `${escaped(folder)}, as account ${escaped(account)}`,
    ...(probed instanceof AgentError ? [] : stepLines(probed)),
    `${finding.verdict}: ${finding.text}`,
    ...(finding.remedy === undefined ? [] : [`  ${finding.remedy}`]),
  ]);
  return finding.verdict === "problem" ? EXIT.unavailable : EXIT.ok;
}

function plain(probed: ProbedFolder | AgentError): unknown {
  return probed instanceof AgentError ? { code: probed.code, facts: probed.facts } : probed;
}

function stepLines({ findings }: ProbedFolder): string[] {
  return table(findings.map(({ step, sysCode }) => [`  ${sysCode ?? "ok"}`, STEPS[step][0]]));
}

async function probeOf(folder: string): Promise<ProbedFolder | AgentError> {
  try {
    await using hand = await FolderHand.open({
      ...{ isolation: "process", silenceMs: SILENCE_MS, clock: systemClock },
    });
    return await hand.call("probe", folder);
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
}

function judge(folder: string, probed: ProbedFolder): Finding {
  const { findings, kind, fileSystem, canLink } = probed;
  const failed = findings.find(
    ({ step, sysCode }) => sysCode !== undefined && step !== "flushFolder",
  );
  const facts = factsOf(probed);
  if (failed !== undefined) return cannot(folder, failed, facts);
  const where = `${escaped(folder)} on ${fileSystem ?? "?"} (${kind})`;
  const noFlush = findings.some(
    ({ step, sysCode }) => step === "flushFolder" && sysCode !== undefined,
  );
  if (noFlush) return warning(`${where}: folders cannot be flushed`, facts, STEPS.flushFolder[1]);
  const links = canLink === true ? "" : "; no hard links there, names are kept by empty files";
  return ok(`${where}: create, flush, rename, read, list, delete all work${links}`, facts);
}

function factsOf({ kind, fileSystem, canLink, uid, mode }: ProbedFolder): Facts {
  return {
    ...(kind === undefined ? {} : { kind: identifierFrom(kind) }),
    ...(fileSystem !== undefined && /^[\w.-]{1,64}$/.test(fileSystem)
      ? { fileSystem: identifierFrom(fileSystem) }
      : {}),
    ...(canLink === undefined ? {} : { canLink }),
    ...(uid === undefined ? {} : { uid }),
    ...(mode === undefined ? {} : { mode: identifierFrom(mode.toString(8)) }),
  };
}
