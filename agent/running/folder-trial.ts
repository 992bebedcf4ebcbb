/**
 * Whether folders can be used, found by doing there, with files of our own, what is done with every file (04 P3). In
 * workers, as when the agent runs: a share that hangs hangs no more than its own trial.
 *
 * @module
 */
import type { FileDropConfig } from "#config/file-drop.ts";
import type { FolderConfig } from "#config/folder.ts";
import { dropSettings } from "../drop-options.ts";
import { AgentError, type Identifier, identifierFrom } from "../errors.ts";
import { FolderHand, type HandOptions } from "../folders/hand.ts";
import { isMadeBeside } from "../folders/make-beside.ts";
import type { FolderFinding, FolderRole } from "../folders/messages.ts";
import { isolationFor } from "../folders/share-kind.ts";
import type { Clock } from "../host/clock.ts";
import { folderSettings } from "../sender-options.ts";
import { type ChannelSet, changesOf } from "./channel-set.ts";

/** So many shares that hang are waited for at a time. */
const AT_ONCE = 8;

export interface TrialParts {
  readonly clock: Clock;
  readonly stopping: AbortSignal;
}

type FolderFault = { readonly channel: string; readonly fault: AgentError };

/** Of channels that are new, or changed: what runs says by itself how its folders do. */
export async function folderFaults(
  before: ChannelSet,
  next: ChannelSet,
  parts: TrialParts,
): Promise<FolderFault[]> {
  const trials = [
    ...fresh(before.drops, next.drops).map((config) => ({
      channel: config.name,
      faultIn: () => dropFault(config, parts),
    })),
    ...fresh(before.folderSenders, next.folderSenders).map((config) => ({
      channel: config.name,
      faultIn: () => targetFault(config, parts),
    })),
  ];
  const found: FolderFault[] = [];
  while (trials.length > 0) {
    const faults = trials.splice(0, AT_ONCE).map(async ({ channel, faultIn }) => {
      const fault = await faultIn();
      return fault === undefined ? [] : [{ channel, fault }];
    });
    found.push(...(await Promise.all(faults)).flat());
  }
  return found;
}

function fresh<Config extends { readonly name: string }>(
  before: readonly Config[],
  after: readonly Config[],
): readonly Config[] {
  const { added, changed } = changesOf(before, after);
  return [...added, ...changed.map((one) => one.after)];
}

/** Folders beside the drop folder are made, as when it starts. */
function dropFault(config: FileDropConfig, parts: TrialParts): Promise<AgentError | undefined> {
  const { pickup, silenceMs } = dropSettings(config);
  const { folder, workFolder, archiveFolder, errorFolder } = pickup;
  const folders = [folder, workFolder, archiveFolder, errorFolder];
  const isolation = isolationFor(folders, pickup.shareKind);
  return tried(config.name, { isolation, silenceMs, ...parts }, async (hand) => {
    await hand.call("open", pickup);
    return await hand.call("test", undefined);
  });
}

function targetFault(config: FolderConfig, parts: TrialParts): Promise<AgentError | undefined> {
  const { outlet, shareTimeoutMs: silenceMs } = folderSettings(config);
  const { folder, tempFolder, sentFolder } = outlet;
  const isolation = isolationFor([folder, tempFolder, sentFolder], config.shareKind);
  const asked = { ...outlet, channel: config.name, ownNames: undefined, mark: undefined };
  return tried(config.name, { isolation, silenceMs, ...parts }, async (hand) => {
    const findings = await hand.call("outletTest", asked);
    // Beside the target they are made when the channel is opened.
    const isMade = (role: FolderRole): boolean => {
      const path = role === "temp" ? tempFolder : sentFolder;
      return role !== "target" && path !== undefined && isMadeBeside(path, folder);
    };
    return findings.filter(({ folder: role, step, sysCode }) => {
      return !(step === "exists" && sysCode === "ENOENT" && isMade(role));
    });
  });
}

async function tried(
  channel: string,
  { stopping, ...options }: HandOptions & TrialParts,
  trial: (hand: FolderHand) => Promise<readonly FolderFinding[]>,
): Promise<AgentError | undefined> {
  const named = { channel: identifierFrom(channel) };
  try {
    const hand = await FolderHand.open(options);
    const giveUp = (): void => hand.abort();
    stopping.addEventListener("abort", giveUp);
    try {
      const failed = (await trial(hand)).find(({ sysCode }) => sysCode !== undefined);
      return failed === undefined ? undefined : stepFailed(named, failed);
    } finally {
      stopping.removeEventListener("abort", giveUp);
      hand.abort();
    }
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return new AgentError(error.code, { ...named, ...error.facts }, { cause: error });
  }
}

function stepFailed(
  named: { readonly channel: Identifier },
  { folder, step, sysCode }: FolderFinding,
): AgentError {
  return new AgentError("FOLDER_FAILED", {
    ...named,
    folder: identifierFrom(folder),
    step: identifierFrom(step),
    sysCode: identifierFrom(sysCode ?? "unknown"),
  });
}
