/**
 * What `doctor` sees of folders that files are taken from, or of any folder that IT asks about: by doing there, with a
 * file of its own, what the agent does (04 P3). Asked of a process that can be ended, for a dead share would hang.
 *
 * @module
 */
import { userInfo } from "node:os";
import { resolve } from "node:path";
import type { FileDropConfig } from "#config/file-drop.ts";
import { AgentError, type Facts, identifierFrom } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { FolderHand } from "../folders/hand.ts";
import type { FolderFinding } from "../folders/messages.ts";
import type { AskedFolder, ProbedFolder } from "../folders/probe-method.ts";
import { systemClock } from "../host/clock.ts";
import type { Findings } from "./doctor-receiver.ts";
import { type Finding, fault, ok, warning } from "./finding.ts";
import { escaped, printFacts, table } from "./terminal.ts";

type Step = FolderFinding["step"];

/** What a step is, and what whoever looks after the folder does if it fails. */
const STEPS: Readonly<Record<Step, readonly [string, string]>> = {
  exists: ["open it", "Make it, or mount the share; give this account the right to enter it"],
  create: ["create a file", "Give this account the right to create files there (Windows: Modify)"],
  write: ["write into a file", "See whether the disk or the quota is full"],
  flush: ["flush a file", "The server or disk refuses to flush: look at its log"],
  rename: ["rename a file", "Give this account the right to rename and delete (Windows: Modify)"],
  read: ["read a file", "Give this account the right to read there"],
  list: ["list it", "Give this account the right to list the folder"],
  delete: ["delete a file", "Give this account the right to delete there (Windows: Modify)"],
  flushFolder: [
    "flush the folder",
    "A rename there may be undone by a power cut; nothing is lost by it",
  ],
  rights: ["keep senders out", "Only the drop folder should be writable for senders"],
};
/** 04 P19: a file stays where it is until its content is stored, and is nobody's. */
const ONE_READER = "only one reader may use this folder";
const FOLDERS = {
  folder: "drop folder",
  workFolder: "work",
  archiveFolder: "archive",
  errorFolder: "error",
} as const;

/** Each folder of each channel that takes files. One that fails stops its own channel alone: the agent runs. */
export async function lookAtDrops(drops: readonly FileDropConfig[]): Promise<Findings> {
  const found: Record<string, Finding> = {};
  for (const drop of drops) {
    const silenceMs = drop.shareTimeoutSeconds * 1_000;
    const { claimBy, workFolder } = drop;
    for (const [key, name] of Object.entries(FOLDERS) as [keyof typeof FOLDERS, string][]) {
      const alone = { path: drop[key], claimBy: undefined, workFolder: undefined };
      const asked = key === "folder" ? { ...alone, claimBy, workFolder } : alone;
      const finding = await lookAt(asked, silenceMs);
      found[`${drop.name} ${name}`] =
        finding.verdict === "failed" ? { ...finding, verdict: "warning" } : finding;
    }
  }
  return found;
}

const SILENCE_MS = 30_000;

/** `doctor --folder PATH`. @returns 0 if all works, with or without warnings; 69 if not */
export async function doctorFolder(options: {
  readonly folder: string;
  readonly json: boolean;
}): Promise<ExitCode> {
  const folder = resolve(options.folder);
  const asked = { path: folder, claimBy: undefined, workFolder: undefined };
  const probed = await probeOf(asked, SILENCE_MS);
  const finding = probed instanceof AgentError ? faultOf(probed) : judge(asked, probed, false);
  const account = userInfo().username;
  printFacts(options.json, { folder, account, ...finding, probed: plain(probed) }, () => [
    `${escaped(folder)}, as account ${escaped(account)}`,
    ...(probed instanceof AgentError ? [] : stepLines(probed)),
    `${finding.verdict}: ${finding.text}`,
    ...(finding.remedy === undefined ? [] : [`  ${finding.remedy}`]),
  ]);
  return finding.verdict === "failed" ? EXIT.unavailable : EXIT.ok;
}

function plain(probed: ProbedFolder | AgentError): unknown {
  return probed instanceof AgentError ? { code: probed.code, facts: probed.facts } : probed;
}

function stepLines({ findings }: ProbedFolder): string[] {
  return table(findings.map(({ step, sysCode }) => [`  ${sysCode ?? "ok"}`, STEPS[step][0]]));
}

async function lookAt(asked: AskedFolder, silenceMs: number): Promise<Finding> {
  const probed = await probeOf(asked, silenceMs);
  const isMade = asked.claimBy === undefined;
  return probed instanceof AgentError ? faultOf(probed) : judge(asked, probed, isMade);
}

const faultOf = ({ code, facts }: AgentError): Finding => fault(code, facts);

async function probeOf(asked: AskedFolder, silenceMs: number): Promise<ProbedFolder | AgentError> {
  try {
    await using hand = await FolderHand.open({
      ...{ isolation: "process", silenceMs, clock: systemClock },
    });
    return await hand.call("probe", asked);
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
}

/** @param isMade the agent makes it if it can, beside the drop folder */
function judge(asked: AskedFolder, probed: ProbedFolder, isMade: boolean): Finding {
  const { path: folder, claimBy } = asked;
  const { findings, kind, fileSystem, canLink, mode } = probed;
  const failed = findings.find(
    ({ step, sysCode }) => sysCode !== undefined && step !== "flushFolder",
  );
  const facts = factsOf(probed);
  if (failed?.sysCode !== undefined) {
    const { step, sysCode } = failed;
    if (isMade && step === "exists" && sysCode === "ENOENT") {
      return ok(
        `${escaped(folder)} is made when the agent starts, if it is beside the drop folder`,
        facts,
      );
    }
    const [what, remedy] = STEPS[step];
    const text = `${escaped(folder)}: this account cannot ${what} (${sysCode})`;
    return {
      ...{ verdict: "failed", text, remedy },
      facts: { ...facts, step: identifierFrom(step), sysCode: identifierFrom(sysCode) },
    };
  }
  if (probed.isWorkElsewhere) return fault("FOLDER_WORK_ELSEWHERE", facts);
  const where = `${escaped(folder)} on ${fileSystem ?? "?"} (${kind})`;
  const noFlush = findings.some(
    ({ step, sysCode }) => step === "flushFolder" && sysCode !== undefined,
  );
  if (noFlush) return warning(`${where}: folders cannot be flushed`, facts, STEPS.flushFolder[1]);
  if (mode !== undefined && (mode & 0o002) !== 0 && isMade) {
    return warning(`${where}: everybody may write there`, facts, STEPS.rights[1]);
  }
  if (claimBy === "row") {
    return ok(`${where}: it can be listed. Files are claimed by row: ${ONE_READER}`, facts);
  }
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
