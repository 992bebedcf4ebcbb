/**
 * What `doctor` sees of the folders that files are taken from: what the agent would find at its start, asked in the same
 * words (04 P2, P3, P19, P47). In a process that can be ended, for a dead share would hang.
 *
 * @module
 */
import type { FileDropConfig } from "#config/file-drop.ts";
import { pickupSettings } from "../drop-options.ts";
import { AgentError, type Facts, identifierFrom } from "../errors.ts";
import { FolderHand } from "../folders/hand.ts";
import { isMadeBeside } from "../folders/make-beside.ts";
import type { FolderRole } from "../folders/messages.ts";
import type { PickupTrial } from "../folders/standing.ts";
import { systemClock } from "../host/clock.ts";
import type { Findings } from "./doctor-way.ts";
import { type Finding, ok, trouble, warning } from "./finding.ts";
import { cannot, STEPS } from "./folder-steps.ts";
import { escaped } from "./terminal.ts";

/** 04 P19: a file stays where it is until its content is stored, and is nobody's. */
const ONE_READER = "only one reader may use this folder";
const FOLDERS: readonly (readonly [FolderRole, keyof FileDropConfig & `${string}older`, string])[] =
  [
    ["drop", "folder", "drop folder"],
    ["work", "workFolder", "work"],
    ["archive", "archiveFolder", "archive"],
    ["error", "errorFolder", "error"],
  ];

/**
 * Each folder of a channel that takes files. One that fails stops its own channel alone: the agent runs.
 *
 * @param silenceMaxMs after which a folder counts as silent, if the channel does not say less; twice as long at most
 */
export async function lookAtDrop(drop: FileDropConfig, silenceMaxMs: number): Promise<Findings> {
  const silenceMs = Math.min(drop.shareTimeoutSeconds * 1_000, silenceMaxMs);
  const tried = await asked(silenceMs, (hand) => hand.call("trial", pickupSettings(drop)));
  const rows = FOLDERS.map(async ([role, key, name]) => {
    const finding =
      tried instanceof AgentError
        ? await alone(drop, drop[key], silenceMs)
        : judge(role, drop, drop[key], tried);
    // The agent runs without this channel.
    const isFailed = finding.verdict === "problem";
    return [`${drop.name} ${name}`, isFailed ? { ...finding, verdict: "warning" } : finding];
  });
  return Object.fromEntries(await Promise.all(rows)) as Findings;
}

/** Which folder it is that does not answer. */
async function alone(drop: FileDropConfig, path: string, silenceMs: number): Promise<Finding> {
  const probed = await asked(silenceMs, (hand) => hand.call("probe", path));
  if (probed instanceof AgentError) return about(path, trouble(probed));
  const [first] = probed.findings;
  const isMade = path !== drop.folder && isMadeBeside(path, drop.folder);
  return first?.sysCode !== undefined && !isMade
    ? cannot(path, first, {})
    : ok(`${escaped(path)}: answers`, {});
}

/** @returns also why the worker could not say it */
async function asked<T>(
  silenceMs: number,
  ask: (hand: FolderHand) => Promise<T>,
): Promise<T | AgentError> {
  try {
    await using hand = await FolderHand.open({
      ...{ isolation: "process", silenceMs, clock: systemClock },
    });
    return await ask(hand);
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
}

function judge(
  role: FolderRole,
  { claimBy }: FileDropConfig,
  path: string,
  { findings, made, standing, refusal }: PickupTrial,
): Finding {
  const own = findings.filter(({ folder }) => folder === role);
  const mount = standing?.recorded.find((one) => one.role === role)?.mount.type;
  const facts = factsOf(role === "drop" ? standing?.kind : undefined, mount);
  const failed = own.find(({ sysCode }) => sysCode !== undefined);
  if (failed !== undefined) return cannot(path, failed, facts);
  if (refusal !== undefined && roleOf(refusal) === role) {
    return about(path, trouble(new AgentError(refusal.code, { ...facts, ...refusal.facts })));
  }
  if (made.includes(role)) return ok(`${escaped(path)}: made when the agent starts`, facts);
  const where = `${escaped(path)} on ${mount ?? "a disk"}`;
  if (own.some((one) => one.warning === "writableBySenders")) {
    return warning(`${where}: senders may write there`, facts, STEPS.rights[1]);
  }
  if (role === "drop" && claimBy === "row") {
    return ok(`${where}: it can be listed. Files are claimed by row: ${ONE_READER}`, facts);
  }
  return ok(`${where}: create, flush, rename, read, list, delete all work`, facts);
}

/** Which folder it is about. */
function roleOf({ code, facts }: NonNullable<PickupTrial["refusal"]>): string {
  return code === "FOLDER_WORK_ELSEWHERE" ? "work" : String(facts["folder"] ?? "drop");
}

const about = (path: string, finding: Finding): Finding => ({
  ...finding,
  text: `${escaped(path)}: ${finding.text}`,
});

/** Whoever mounted a FUSE chose a part of its type. */
function factsOf(kind: string | undefined, fileSystem: string | undefined): Facts {
  const isPlain = fileSystem !== undefined && /^[\w.-]{1,64}$/.test(fileSystem);
  return {
    ...(kind === undefined ? {} : { kind: identifierFrom(kind) }),
    ...(isPlain ? { fileSystem: identifierFrom(fileSystem) } : {}),
  };
}
