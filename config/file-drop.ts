/**
 * A channel of kind `file-drop`: every key of 04 sections 1 to 10, with its default and its bounds.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import {
  DUPLICATE_WINDOW_MS,
  FILE_BINARY_MAX_BYTES,
  FILE_CONTROL_MISSING_MS,
  FILE_HL7_MAX_BYTES,
  FILE_MAX_MESSAGES,
  FILE_MESSAGE_MAX_BYTES,
  FILES_A_POLL_MAX_COUNT,
  FOLDER_ALARM_FILES,
  FOLDER_POLL_MS,
  QUARANTINE_MAX_BYTES,
  SHARE_SILENCE_MS,
} from "#agent/limits.ts";
import {
  bytes,
  channelName,
  charsetName,
  count,
  fileMode,
  folderMode,
  headerCodes,
  percent,
  seconds,
} from "./values.ts";

const GIB = 1024 ** 3;
const HOUR_MS = 3_600_000;
const YEAR_SECONDS = 366 * 86_400;

/** Without case, `*` and `?` as in a shell; never a path. */
const pattern = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^/\\]*$/, { message: "must be a name with * and ?, not a path" });
const suffix = z
  .string()
  .regex(/^\.[A-Za-z0-9_-]{1,16}$/, { message: 'must be a suffix such as ".ok"' });
const folder = z.string().min(1).max(4_096);
const days = (standard: number): z.ZodDefault<z.ZodInt> => count(standard, 0, 36_500);

/** P6. */
const IGNORED = [
  ...["*.tmp", "*.part", "*.partial", "*.filepart", "*.crdownload"],
  ...["~*", ".*", "Thumbs.db", "desktop.ini"],
];

export const fileDrop = z
  .strictObject({
    name: channelName,
    kind: z.literal("file-drop"),
    // Where.
    folder,
    workFolder: folder.optional(),
    archiveFolder: folder.optional(),
    errorFolder: folder.optional(),
    shareKind: z.enum(["auto", "local", "smb", "nfs"]).default("auto"),
    shareTimeoutSeconds: seconds(SHARE_SILENCE_MS, 5, 600),
    sentinelFile: z
      .string()
      .max(255)
      .regex(/^(?!\.{1,2}$)[^/\\]+$/, {
        message: "must be the bare name of a file in the drop folder",
      })
      .optional(),
    recursive: z.boolean().default(false),
    maxDepth: count(3, 1, 16),
    // When a file is complete.
    completion: z.enum(["stability", "controlFile", "rename"]).default("stability"),
    ignorePatterns: z.array(pattern).max(100).default(IGNORED),
    includePatterns: z.array(pattern).min(1).max(100).default(["*"]),
    orphanAfterSeconds: seconds(FILE_CONTROL_MISSING_MS),
    stableForSeconds: z.int().min(1).max(86_400).optional(),
    growAlarmSeconds: seconds(HOUR_MS, 1, YEAR_SECONDS),
    controlSuffixes: z.array(suffix).min(1).max(10).default([".ok", ".ctl"]),
    contentGate: z.enum(["off", "hl7", "pdf", "zip"]).default("off"),
    minFileBytes: count(1, 1, GIB),
    maxWaitSeconds: seconds(600_000),
    zeroByteWaitSeconds: seconds(60_000),
    busyAlarmSeconds: seconds(300_000),
    lateWriteCheckSeconds: seconds(60_000, 0, 3_600),
    // How often and in which order.
    pollSeconds: seconds(FOLDER_POLL_MS, 1, 3_600),
    maxFilesPerPoll: count(FILES_A_POLL_MAX_COUNT, 1, 10_000),
    folderAlarmFiles: count(FOLDER_ALARM_FILES, 1, 10_000_000),
    order: z.enum(["mtimeThenName", "name", "nameNatural"]).default("mtimeThenName"),
    strictOrder: z.boolean().default(false),
    // What is taken, and how.
    content: z.enum(["hl7", "binary"]).default("hl7"),
    claimBy: z.enum(["rename", "row"]).default("rename"),
    rejectHardLinks: z.boolean().default(true),
    maxFileBytes: bytes(FILE_HL7_MAX_BYTES, 1_024, FILE_HL7_MAX_BYTES),
    maxBinaryBytes: bytes(FILE_BINARY_MAX_BYTES, 1_024, FILE_BINARY_MAX_BYTES),
    maxMessageBytes: bytes(FILE_MESSAGE_MAX_BYTES, 1_024, FILE_HL7_MAX_BYTES),
    maxMessagesPerFile: count(FILE_MAX_MESSAGES, 1, FILE_MAX_MESSAGES),
    maxAttempts: count(5, 1, 1_000),
    namePattern: z
      .string()
      .min(1)
      .max(1_024)
      .refine(isPattern, {
        message: "must be a regular expression, such as (?<patient>\\d+)_(?<kind>[a-z]+)",
      })
      .optional(),
    sidecar: z.enum(["none", "json", "hl7"]).default("none"),
    pairTimeoutSeconds: seconds(600_000),
    fileAck: z
      .literal("none", { message: "must be none: this version has no other value" })
      .default("none"),
    // What becomes of it.
    afterCommit: z.enum(["archive", "delete", "leave"]).default("archive"),
    duplicateFilePolicy: z.enum(["archive", "send", "off"]).default("archive"),
    duplicateWindowHours: z
      .number()
      .min(0)
      .max(8_760)
      .default(DUPLICATE_WINDOW_MS / HOUR_MS),
    moveRetryMaxSeconds: seconds(300_000, 1, 3_600),
    archiveKeepDays: days(30),
    errorKeepDays: days(90),
    fileMode,
    folderMode,
    // What is a message: as in 03.
    allowEmptyControlId: z.boolean().default(false),
    allowedProcessingIds: headerCodes,
    allowedVersions: headerCodes,
    charset: charsetName.optional(),
    fallbackCharset: charsetName.default("windows-1252"),
    duplicatePolicy: z.enum(["replayAck", "forwardFlagged", "off"]).default("replayAck"),
    // How much is kept, and what leaves first.
    priority: z.enum(["urgent", "normal", "bulk"]).default("normal"),
    onReceiverReject: z.enum(["hold", "quarantine"]).default("hold"),
    quarantineMaxBytes: bytes(QUARANTINE_MAX_BYTES, 1_048_576, 64 * GIB),
    highWaterPercent: percent(80),
    lowWaterPercent: percent(70),
  })
  .refine(({ afterCommit, claimBy }) => afterCommit !== "leave" || claimBy === "row", {
    path: ["afterCommit"],
    message: "can be leave only with claimBy: row, for else the file is in work/ by then",
  })
  .refine(({ sidecar, content }) => sidecar === "none" || content === "binary", {
    path: ["sidecar"],
    message: "has no meaning with content: hl7, whose files speak for themselves",
  })
  .refine(({ contentGate, content }) => contentGate !== "hl7" || content === "hl7", {
    path: ["contentGate"],
    message: "can be hl7 only with content: hl7",
  })
  .refine(
    ({ contentGate, content }) =>
      content === "binary" || contentGate === "off" || contentGate === "hl7",
    {
      path: ["contentGate"],
      message: "must be hl7 or off with content: hl7",
    },
  )
  .refine(({ lowWaterPercent, highWaterPercent }) => lowWaterPercent < highWaterPercent, {
    path: ["lowWaterPercent"],
    message: "must be below highWaterPercent",
  });

/** With every folder named. */
export type FileDropConfig = z.infer<typeof fileDrop> & {
  readonly workFolder: string;
  readonly archiveFolder: string;
  readonly errorFolder: string;
};

/** Folders that are not named lie beside the drop folder (P2). @param base what relative paths begin at */
export function withFolders(config: z.infer<typeof fileDrop>, base: string): FileDropConfig {
  const drop = resolve(base, config.folder);
  const placed = (given: string | undefined, name: string): string =>
    given === undefined ? join(dirname(drop), name) : resolve(base, given);
  return {
    ...config,
    folder: drop,
    workFolder: placed(config.workFolder, "work"),
    archiveFolder: placed(config.archiveFolder, "archive"),
    errorFolder: placed(config.errorFolder, "error"),
  };
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, "u");
    return true;
  } catch {
    return false;
  }
}
