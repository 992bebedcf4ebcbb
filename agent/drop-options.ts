/** From a file-drop channel's configuration to what its parts are given. @module */
import type { FileDropConfig } from "#config/file-drop.ts";
import type { ChannelRules } from "./ingest/channel.ts";
import type { FileDropSettings } from "./ingest/file-drop/settings.ts";
import { FILE_STORE_DEADLINE_MS } from "./limits.ts";

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** @param shareBytes what the channel may hold for the receiver */
export function dropRules(config: FileDropConfig, shareBytes: number): ChannelRules {
  return {
    // Nobody hears a word: a file has no sender that waits (P41).
    ackPolicy: {
      ...{ ackMode: "none", neAlAsOriginal: true, answerApplicationAck: false },
      ...{ malformedReply: "reject", cannotStoreReply: "close" },
    },
    ...{ deferredTimeoutMs: 0, deferredFallback: "close" },
    ...{ emptyBlockReply: "none", oversizeReply: "close", batchReply: "none" },
    allowEmptyControlId: config.allowEmptyControlId,
    allowedProcessingIds: config.allowedProcessingIds,
    allowedVersions: config.allowedVersions,
    duplicatePolicy: config.duplicatePolicy,
    duplicateWindowMs: config.duplicateWindowHours * HOUR_MS,
    storeDeadlineMs: FILE_STORE_DEADLINE_MS,
    charset: config.charset,
    highWaterBytes: (shareBytes * config.highWaterPercent) / 100,
    lowWaterBytes: (shareBytes * config.lowWaterPercent) / 100,
    file: { maxMessages: config.maxMessagesPerFile, maxMessageBytes: config.maxMessageBytes },
  };
}

export function dropSettings(config: FileDropConfig): FileDropSettings {
  const { content } = config;
  return {
    pickup: pickupSettings(config),
    content,
    fallbackCharset: config.fallbackCharset,
    pollMs: config.pollSeconds * SECOND_MS,
    folderAlarmFiles: config.folderAlarmFiles,
    silenceMs: config.shareTimeoutSeconds * SECOND_MS,
    lateWriteCheckMs: config.lateWriteCheckSeconds * SECOND_MS,
    maxAttempts: config.maxAttempts,
    afterCommit: config.afterCommit,
    duplicateFilePolicy: config.duplicateFilePolicy,
    duplicateWindowMs: config.duplicateWindowHours * HOUR_MS,
    moveRetryMaxMs: config.moveRetryMaxSeconds * SECOND_MS,
    archiveKeepMs: config.archiveKeepDays * DAY_MS,
    errorKeepMs: config.errorKeepDays * DAY_MS,
  };
}

/** What the folder's worker is told, for `doctor` as well. */
export function pickupSettings(config: FileDropConfig): FileDropSettings["pickup"] {
  const { stableForSeconds: stable, fileMode, folderMode } = config;
  return {
    ...{ folder: config.folder, workFolder: config.workFolder },
    ...{ archiveFolder: config.archiveFolder, errorFolder: config.errorFolder },
    ...{ shareKind: config.shareKind, sentinelFile: config.sentinelFile },
    completion: config.completion,
    ignorePatterns: config.ignorePatterns,
    includePatterns: config.includePatterns,
    orphanAfterMs: config.orphanAfterSeconds * SECOND_MS,
    stableForMs: stable === undefined ? undefined : stable * SECOND_MS,
    growAlarmMs: config.growAlarmSeconds * SECOND_MS,
    controlSuffixes: config.controlSuffixes,
    contentGate: config.contentGate,
    minFileBytes: config.minFileBytes,
    maxWaitMs: config.maxWaitSeconds * SECOND_MS,
    busyAlarmMs: config.busyAlarmSeconds * SECOND_MS,
    zeroByteWaitMs: config.zeroByteWaitSeconds * SECOND_MS,
    maxFilesPerPoll: config.maxFilesPerPoll,
    order: config.order,
    strictOrder: config.strictOrder,
    recursive: config.recursive,
    maxDepth: config.maxDepth,
    claimBy: config.claimBy,
    rejectHardLinks: config.rejectHardLinks,
    maxBytes: config.content === "hl7" ? config.maxFileBytes : config.maxBinaryBytes,
    sidecar: config.sidecar,
    pairTimeoutMs: config.pairTimeoutSeconds * SECOND_MS,
    namePattern: config.namePattern,
    ...{ fileMode: Number.parseInt(fileMode, 8), folderMode: Number.parseInt(folderMode, 8) },
  };
}
