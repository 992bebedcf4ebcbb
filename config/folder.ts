/**
 * A channel of kind `folder`, downstream: every key of 04 section 11, with its default and its bounds.
 *
 * @module
 */
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { templateFault } from "#agent/folders/outlet-names.ts";
import { RETRY_MAX_MS, RETRY_MIN_MS, SENT_KEEP_DAYS, SHARE_SILENCE_MS } from "#agent/limits.ts";
import { channelName, count, fileMode, folderMode, seconds } from "./values.ts";

const YEAR_SECONDS = 31_536_000;

const path = z.string().min(1);
const suffix = z.string().regex(/^[A-Za-z0-9._-]{0,15}[A-Za-z0-9_-]$/, {
  message: "must be at most 16 letters, digits, '.', '_' and '-', without a dot at its end",
});

export const folder = z
  .strictObject({
    name: channelName,
    kind: z.literal("folder"),
    // Where to.
    folder: path,
    shareKind: z.enum(["auto", "local", "smb", "nfs"]).default("auto"),
    shareTimeoutSeconds: seconds(SHARE_SILENCE_MS, 5, 600),
    sentinelFile: path.optional(),
    // How a file gets there.
    tempSuffix: suffix.default(".tmp"),
    tempFolder: path.optional(),
    outControlSuffix: suffix.optional(),
    fileMode,
    folderMode,
    // What it is called.
    nameTemplate: z.string().default("{createdAt}_{sequence}_{id}.{ext}"),
    ext: z
      .string()
      .regex(/^[A-Za-z0-9]{1,16}$/, { message: "must be letters and digits, at most 16" })
      .optional(),
    useSuggestedName: z.boolean().default(false),
    onCollision: z.enum(["suffix", "hold", "overwrite"]).default("suffix"),
    // What follows.
    pickupAlarmSeconds: seconds(0, 0, YEAR_SECONDS),
    keepSent: z.boolean().default(false),
    sentFolder: path.optional(),
    sentKeepDays: count(SENT_KEEP_DAYS, 0, 3_650),
    retryMinSeconds: seconds(RETRY_MIN_MS, 1, 3_600),
    retryMaxSeconds: seconds(RETRY_MAX_MS, 1, 3_600),
    expireAfterSeconds: seconds(0, 0, 10 * YEAR_SECONDS),
  })
  .superRefine(({ nameTemplate }, { addIssue }) => {
    const message = templateFault(nameTemplate);
    if (message !== undefined) addIssue({ code: "custom", path: ["nameTemplate"], message });
  })
  .refine(({ nameTemplate, tempSuffix }) => !nameTemplate.endsWith(tempSuffix), {
    path: ["nameTemplate"],
    message: "must not end in tempSuffix: nobody would take such a file",
  })
  .refine(({ outControlSuffix, tempSuffix }) => outControlSuffix !== tempSuffix, {
    path: ["outControlSuffix"],
    message: "must not be tempSuffix",
  })
  .refine(({ retryMinSeconds, retryMaxSeconds }) => retryMinSeconds <= retryMaxSeconds, {
    path: ["retryMinSeconds"],
    message: "must not be above retryMaxSeconds",
  })
  .refine(({ keepSent, sentFolder }) => keepSent || sentFolder === undefined, {
    path: ["sentFolder"],
    message: "has no meaning without keepSent: true",
  });

type FolderKeys = z.infer<typeof folder>;
/** Paths are absolute; `sentFolder` is set exactly where copies are kept. */
export type FolderConfig = FolderKeys;

/** @param base what relative paths start from */
export function withAbsoluteFolders(config: FolderKeys, base: string): FolderConfig {
  const { tempFolder, sentFolder, sentinelFile, keepSent, ...rest } = config;
  const target = resolve(base, config.folder);
  const sent = sentFolder === undefined ? join(dirname(target), "sent") : resolve(base, sentFolder);
  return {
    ...{ ...rest, keepSent, folder: target },
    ...(tempFolder === undefined ? {} : { tempFolder: resolve(base, tempFolder) }),
    ...(keepSent ? { sentFolder: sent } : {}),
    // It lies in the folder that it vouches for.
    ...(sentinelFile === undefined ? {} : { sentinelFile: resolve(target, sentinelFile) }),
  };
}

/** The name of its sentinel, if that lies in the target folder itself: no message may get it. */
export function sentinelName({ folder, sentinelFile }: FolderConfig): string | undefined {
  const isInside = sentinelFile !== undefined && dirname(sentinelFile) === folder;
  return isInside ? basename(sentinelFile) : undefined;
}
