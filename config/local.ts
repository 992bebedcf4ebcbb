/**
 * `local.yaml`: the hospital's own file. Remote configuration can never exceed it.
 *
 * Every key with its default and unit is in this one schema; what this version does not do is refused
 * by name rather than ignored.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import {
  AUDIT_KEEP_DAYS,
  BALLAST_BYTES,
  CLOCK_SKEW_ALARM_MS,
  DISK_BUDGET_BYTES,
  DUPLICATE_MEMORY_KEYS,
  HEALTH_PROBE_MS,
  LEDGER_DAYS,
  RENEWAL_OVERDUE_DAYS,
  RETAIN_HOURS,
  SHUTDOWN_GRACE_MS,
} from "#agent/limits.ts";
import { loadDocument } from "./document.ts";
import { type FileDropConfig, fileDrop, withFolders } from "./file-drop.ts";
import { type FolderConfig, folder, withAbsoluteFolders } from "./folder.ts";
import { folderClashes, type UsedFolder } from "./folders.ts";
import { mllpListener } from "./mllp-listener.ts";
import { mllpSender, type SenderConfig } from "./mllp-sender.ts";
import { receiver } from "./receiver.ts";
import { siem, withAbsoluteSiemFiles } from "./siem.ts";

/** Beside `local.yaml`, and so outside `stateDir`: a copy of the one does not hold the other. */
export const DEFAULT_KEK_FILE = "kek/holdfast.kek";

/** One block of the largest size that a channel may allow. */
export const DISK_BUDGET_MIN_BYTES = 268_435_456;

/** 08 2.2: where the key-encryption key is kept. */
const kek = z.discriminatedUnion(
  "custody",
  [
    z.strictObject({
      custody: z.literal("file"),
      file: z.string().min(1).default(DEFAULT_KEK_FILE),
    }),
    // What systemd puts into `$CREDENTIALS_DIRECTORY/kek`.
    z.strictObject({ custody: z.literal("credential") }),
  ],
  { error: "must say how the key is kept: file or credential" },
);

const channel = z.discriminatedUnion("kind", [mllpListener, mllpSender, fileDrop, folder], {
  error: ({ code }) =>
    code === "invalid_union"
      ? "must be mllp-listener, mllp-sender, file-drop or folder"
      : undefined,
});

const settings = z
  .strictObject({
    stateDir: z.string().min(1),
    allowVolatileState: z.boolean().default(false),
    receiver,
    /** Imported files, for trials; absent: what `holdfast enroll` keeps in `stateDir/identity` (07 1.2). */
    identity: z
      .strictObject({
        certificate: z.string().min(1),
        key: z.string().min(1),
        receiverCa: z.string().min(1),
      })
      .optional(),
    /** 08 PL10. */
    renewalOverdueDays: z.int().min(1).max(20).default(RENEWAL_OVERDUE_DAYS),
    kek: kek.default({ custody: "file", file: DEFAULT_KEK_FILE }),
    configSource: z
      .literal("local", { message: "must be local: this version has no other source" })
      .default("local"),
    shutdownGraceSeconds: z
      .int()
      .min(0)
      .max(300)
      .default(SHUTDOWN_GRACE_MS / 1000),
    healthProbeSeconds: z
      .int()
      .min(1)
      .max(300)
      .default(HEALTH_PROBE_MS / 1000),
    diskBudgetBytes: z.int().min(DISK_BUDGET_MIN_BYTES).default(DISK_BUDGET_BYTES),
    ballastBytes: z.int().min(1_048_576).default(BALLAST_BYTES),
    /** 07 1.10. */
    clockSkewAlarmMinutes: z
      .int()
      .min(1)
      .max(1_440)
      .default(CLOCK_SKEW_ALARM_MS / 60_000),
    retainHours: z.int().min(0).max(8_760).default(RETAIN_HOURS),
    ledgerDays: z.int().min(1).max(3_650).default(LEDGER_DAYS),
    duplicateMemoryKeys: z.int().min(62_500).max(20_000_000).default(DUPLICATE_MEMORY_KEYS),
    /** 08 6. */
    siem: siem.optional(),
    auditKeepDays: z.int().min(1).max(36_500).default(AUDIT_KEEP_DAYS),
    channels: z.array(channel).min(1, { message: "must name at least one channel" }),
  })
  .refine(({ channels }) => new Set(channels.map(({ name }) => name)).size === channels.length, {
    path: ["channels"],
    message: "must not use a name twice",
  })
  .refine(({ channels }) => portsDiffer(channels), {
    path: ["channels"],
    message: "must not use a port twice on the same address",
  });

/** @param base the folder that relative paths begin at */
const localSchema = (base: string) =>
  settings.superRefine(({ stateDir, channels }, { addIssue }) => {
    for (const { channel, key, message } of folderClashes(
      channels.flatMap((one, index) => usedFolders(one, index, base)),
      resolve(base, stateDir),
    )) {
      addIssue({ code: "custom", path: ["channels", channel, key], message });
    }
  });

/**
 * Channels by what they do: listening ones are `channels`, those that pick up files `drops`, those that deliver
 * `senders` and `folderSenders`.
 */
export type LocalConfig = Omit<z.infer<typeof settings>, "channels"> & {
  readonly channels: ChannelConfig[];
  readonly drops: FileDropConfig[];
  readonly senders: SenderConfig[];
  readonly folderSenders: FolderConfig[];
};
type IdentityFiles = NonNullable<z.infer<typeof settings>["identity"]>;
export type ChannelConfig = z.infer<typeof mllpListener>;

/**
 * Reads `local.yaml`. Paths in it are relative to its folder.
 *
 * @throws {DocumentError} every problem with line and column; nothing is guessed
 */
export function loadLocalConfig(file: string): LocalConfig {
  const base = dirname(resolve(file));
  const config = loadDocument(file, localSchema(base));
  const { identity, ...rest } = config;
  const { proxyPasswordFile: password, ...receiverRest } = config.receiver;
  const proxyPassword = password && { proxyPasswordFile: resolve(base, password) };
  return {
    ...rest,
    ...(identity === undefined ? {} : { identity: withAbsoluteIdentity(identity, base) }),
    stateDir: resolve(base, config.stateDir),
    receiver: { ...receiverRest, ...proxyPassword },
    kek: withAbsoluteFile(config.kek, base),
    ...(config.siem && { siem: withAbsoluteSiemFiles(config.siem, base) }),
    channels: config.channels
      .filter((one) => one.kind === "mllp-listener")
      .map((one) => withAbsolutePaths(one, base)),
    drops: config.channels
      .filter((one) => one.kind === "file-drop")
      .map((one) => withFolders(one, base)),
    senders: config.channels
      .filter((one) => one.kind === "mllp-sender")
      .map((one) => withAbsoluteSenderPaths(one, base)),
    folderSenders: config.channels
      .filter((one) => one.kind === "folder")
      .map((one) => withAbsoluteFolders(one, base)),
  };
}

function withAbsoluteIdentity(
  { certificate, key, receiverCa }: IdentityFiles,
  base: string,
): IdentityFiles {
  return {
    certificate: resolve(base, certificate),
    key: resolve(base, key),
    receiverCa: resolve(base, receiverCa),
  };
}

function withAbsoluteFile(kek: LocalConfig["kek"], folder: string): LocalConfig["kek"] {
  return kek.custody === "file" ? { ...kek, file: resolve(folder, kek.file) } : kek;
}

function withAbsolutePaths({ tls, ...channel }: ChannelConfig, folder: string): ChannelConfig {
  if (tls === undefined) return channel;
  const { certificate, key, clientCa } = tls;
  const files = { certificate: resolve(folder, certificate), key: resolve(folder, key) };
  const trusted = clientCa === undefined ? {} : { clientCa: resolve(folder, clientCa) };
  return { ...channel, tls: { ...tls, ...files, ...trusted } };
}

function withAbsoluteSenderPaths({ tls, ...sender }: SenderConfig, folder: string): SenderConfig {
  if (tls === undefined) return sender;
  const { certificate, key, serverCa } = tls;
  const own = {
    ...(certificate === undefined ? {} : { certificate: resolve(folder, certificate) }),
    ...(key === undefined ? {} : { key: resolve(folder, key) }),
  };
  return { ...sender, tls: { ...tls, ...own, serverCa: resolve(folder, serverCa) } };
}

type AnyChannel = z.infer<typeof channel>;

/** Every folder that a channel reads or writes (04 P2). */
function usedFolders(one: AnyChannel, index: number, base: string): readonly UsedFolder[] {
  // What is not written out stands where the folder is.
  const written = (paths: Readonly<Record<string, string | undefined>>): UsedFolder[] =>
    Object.entries(paths).flatMap(([key, path]) =>
      path === undefined
        ? []
        : [
            {
              channel: index,
              key: key in one ? key : "folder",
              path,
              use: "written" as const,
              recursive: false,
            },
          ],
    );
  if (one.kind === "folder") {
    const { folder, tempFolder, sentFolder } = withAbsoluteFolders(one, base);
    return written({ folder, tempFolder, sentFolder });
  }
  if (one.kind !== "file-drop") return [];
  const { folder, workFolder, archiveFolder, errorFolder, recursive } = withFolders(one, base);
  const drop = { channel: index, key: "folder", path: folder, use: "drop", recursive } as const;
  return [drop, ...written({ workFolder, archiveFolder, errorFolder })];
}

const hasFixedPort = ({ port }: ChannelConfig): boolean => port !== 0;

/** Port 0 is whatever is free; several senders may deliver to one. */
function portsDiffer(channels: readonly AnyChannel[]): boolean {
  const fixed = channels.filter((one) => one.kind === "mllp-listener").filter(hasFixedPort);
  return new Set(fixed.map(({ host, port }) => `${host} ${port}`)).size === fixed.length;
}
