/**
 * The folder test (04 P3): what is done with every file, done with one of our own, in each folder of a channel.
 *
 * In a worker, as when the agent runs: a share that does not answer must not hang whoever asks. It starts a process
 * for a share, and leaves nothing behind.
 *
 * @module
 */
import type { FolderConfig } from "#config/folder.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import { isMadeBeside } from "../folders/make-beside.ts";
import type { FolderFinding, FolderRole } from "../folders/messages.ts";
import { isolationFor } from "../folders/share-kind.ts";
import { systemClock } from "../host/clock.ts";
import type { ChannelSet } from "../running/channel-set.ts";
import { folderSettings } from "../sender-options.ts";
import type { Findings } from "./doctor-way.ts";
import { type Finding, ok, trouble, warning } from "./finding.ts";

/** A share that is silent for so long is told as such; the agent itself waits for `shareTimeoutSeconds`. */
export const FOLDER_SILENCE_MS = 6_000;
/** So many channels are looked at beside each other; each may cost a process. */
const ABREAST_COUNT = 8;
/** Twice {@link FOLDER_SILENCE_MS} may come on top. */
const BEGUN_WITHIN_MS = 4_000;

/** By channel and, of one that takes files, by folder. Ends within 16 s. */
export async function lookAtFolders({ drops, folderSenders }: ChannelSet): Promise<Findings> {
  const looks = new Map<string, () => Promise<Findings>>();
  for (const config of drops) {
    looks.set(config.name, async () => {
      const { lookAtDrop } = await import("./doctor-drops.ts");
      return await lookAtDrop(config, FOLDER_SILENCE_MS);
    });
  }
  for (const config of folderSenders) {
    looks.set(config.name, async () => ({ [config.name]: await lookAtTarget(config) }));
  }
  const found = new Map<string, Findings>();
  const waiting = [...looks];
  const untilMs = systemClock.monotonicMs() + BEGUN_WITHIN_MS;
  const walk = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, look] = next;
      const isLate = systemClock.monotonicMs() > untilMs;
      found.set(name, isLate ? { [name]: NOT_BEGUN } : await look());
    }
  };
  await Promise.all(Array.from({ length: ABREAST_COUNT }, walk));
  // As configured, whichever was done first.
  return Object.assign({}, ...[...looks.keys()].map((name) => found.get(name)));
}

const NOT_BEGUN: Finding = warning(
  "Not looked at: other folders took the time",
  {},
  "See to those; ask about a folder alone with: holdfast doctor --folder PATH",
);

async function lookAtTarget(config: FolderConfig): Promise<Finding> {
  const { folder, shareKind, name } = config;
  const { outlet, shareTimeoutMs } = folderSettings(config);
  const isolation = isolationFor([folder, outlet.tempFolder, outlet.sentFolder], shareKind);
  try {
    // Only here: whoever has no such channel gets a doctor that can start no program.
    const { FolderHand } = await import("../folders/hand.ts");
    const hand = await FolderHand.open({
      ...{ isolation, silenceMs: Math.min(shareTimeoutMs, FOLDER_SILENCE_MS), clock: systemClock },
    });
    try {
      const asked = { ...outlet, channel: name, ownNames: undefined, mark: undefined };
      const isMade = (role: FolderRole): boolean => {
        const path = role === "temp" ? outlet.tempFolder : outlet.sentFolder;
        return role !== "target" && path !== undefined && isMadeBeside(path, folder);
      };
      return judgeFolders(await hand.call("outletTest", asked), isMade);
    } finally {
      hand.abort();
    }
  } catch (error) {
    if (error instanceof AgentError) return trouble(error);
    throw error;
  }
}

/** A folder that fails stops its own channel alone: the agent runs. @param isMade where it is missing, by the agent */
function judgeFolders(
  findings: readonly FolderFinding[],
  isMade: (role: FolderRole) => boolean,
): Finding {
  const isMadeLater = ({ folder, step, sysCode }: FolderFinding): boolean =>
    step === "exists" && sysCode === "ENOENT" && isMade(folder);
  const failed = findings.filter((one) => one.sysCode !== undefined && !isMadeLater(one));
  const later = findings.filter(isMadeLater).map(({ folder }) => folder);
  const roles = [...new Set(findings.map(({ folder }) => folder))];
  const uid = process.getuid?.();
  const facts = { folders: roles.length, ...(uid === undefined ? {} : { uid }) };
  const [first] = failed;
  if (first === undefined) {
    const made = later.length === 0 ? "" : `; made at the start: ${later.join(", ")}`;
    return ok(`Every step works: ${roles.join(", ")}${made}`, facts);
  }
  const steps = failed.map(({ folder, step, sysCode }) => `${folder} ${step} ${sysCode}`);
  const shown = {
    ...facts,
    folder: identifierFrom(first.folder),
    step: identifierFrom(first.step),
    sysCode: identifierFrom(first.sysCode ?? ""),
  };
  const who = uid === undefined ? "" : ` as account ${uid}`;
  return warning(
    `Cannot be used${who}: ${steps.join("; ")}`,
    shown,
    "Only this channel stands still: see that the folder is mounted, and what rights the account has there",
  );
}
