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
import { DEFAULT_APPROVER_SOCKET } from "#agent/host/approver-folder.ts";
import {
  AUDIT_KEEP_DAYS,
  BALLAST_BYTES,
  CLOCK_SKEW_ALARM_MS,
  DISK_BUDGET_BYTES,
  DUPLICATE_MEMORY_KEYS,
  HEALTH_PROBE_MS,
  LEDGER_DAYS,
  OUTBOX_AGE_ALARM_MINUTES,
  RENEWAL_OVERDUE_DAYS,
  RETAIN_HOURS,
  SHUTDOWN_GRACE_MS,
  SILENCE_FACTOR,
} from "#agent/limits.ts";
import { type ChannelSet, channelList, channelSetOf, clashesOf } from "./channel-set.ts";
import { loadDocument } from "./document.ts";
import { mail, withAbsoluteMailFiles } from "./mail.ts";
import { policy, withAbsoluteRoots } from "./policy.ts";
import { receiver } from "./receiver.ts";
import { siem, withAbsoluteSiemFiles } from "./siem.ts";
import { statusPage } from "./status-page.ts";
import { isZone } from "./zoned-time.ts";

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
    // Wrapped by Windows for this machine.
    z.strictObject({
      custody: z.literal("dpapi"),
      file: z.string().min(1).default(DEFAULT_KEK_FILE),
    }),
    // What systemd puts into `$CREDENTIALS_DIRECTORY/kek`.
    z.strictObject({ custody: z.literal("credential") }),
  ],
  { error: "must say how the key is kept: file, dpapi or credential" },
);

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
    /** 07 2.8: where members of holdfast-approvers ask; its folder is of their group. */
    approverSocket: z.string().min(1).max(100).default(DEFAULT_APPROVER_SOCKET),
    /** 07 2.7: where the channels come from. */
    configSource: z
      .enum(["local", "signed"], { message: "must be local or signed" })
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
    /** 08 PL4: in log and status. */
    logControlIds: z.enum(["clear", "token"]).default("clear"),
    /** 08 PL8. */
    statusPage,
    /** 08 PL9. */
    mail: mail.optional(),
    /** 08 PL10. */
    outboxAgeAlarmMinutes: z.int().min(1).max(10_080).default(OUTBOX_AGE_ALARM_MINUTES),
    silenceFactor: z.number().min(1.5).max(100).default(SILENCE_FACTOR),
    /** By whose hours senders are busy or silent; absent: this machine's. */
    timeZone: z
      .string()
      .refine(isZone, {
        message: "must be a zone of the IANA database, such as Europe/Berlin",
      })
      .optional(),
    auditKeepDays: z.int().min(1).max(36_500).default(AUDIT_KEEP_DAYS),
    /** What signed configuration may do here, and how it comes into force (07 2.7). */
    policy,
    channels: channelList.optional(),
  })
  .superRefine(({ configSource, channels }, { addIssue }) => {
    const message = channelsFault(configSource, channels !== undefined);
    if (message !== undefined) addIssue({ code: "custom", path: ["channels"], message });
  });

/** Every key of the file; all but `channels` belong to it alone. */
export const LOCAL_KEYS: readonly string[] = Object.keys(settings.shape);

/** @param base the folder that relative paths begin at */
const localSchema = (base: string) =>
  settings.superRefine(({ stateDir, channels = [] }, { addIssue }) => {
    for (const { channel, key, message } of clashesOf(channels, base, resolve(base, stateDir))) {
      addIssue({ code: "custom", path: ["channels", channel, key], message });
    }
  });

/** With `configSource: signed` there are no channels in it. */
export type LocalConfig = Omit<z.infer<typeof settings>, "channels"> & ChannelSet;
type IdentityFiles = NonNullable<z.infer<typeof settings>["identity"]>;
export type ChannelConfig = ChannelSet["channels"][number];

/**
 * Reads `local.yaml`. Paths in it are relative to its folder.
 *
 * @throws {DocumentError} every problem with line and column; nothing is guessed
 */
export function loadLocalConfig(file: string): LocalConfig {
  const base = dirname(resolve(file));
  const { channels = [], ...config } = loadDocument(file, localSchema(base));
  const { identity, ...rest } = config;
  const { proxyPasswordFile: password, ...receiverRest } = config.receiver;
  const proxyPassword = password && { proxyPasswordFile: resolve(base, password) };
  return {
    ...rest,
    ...(identity === undefined ? {} : { identity: withAbsoluteIdentity(identity, base) }),
    stateDir: resolve(base, config.stateDir),
    approverSocket: resolve(base, config.approverSocket),
    receiver: { ...receiverRest, ...proxyPassword },
    kek: withAbsoluteFile(config.kek, base),
    ...(config.siem && { siem: withAbsoluteSiemFiles(config.siem, base) }),
    ...(config.mail && { mail: withAbsoluteMailFiles(config.mail, base) }),
    policy: withAbsoluteRoots(config.policy, base),
    ...channelSetOf(channels, { folders: base, tls: base }),
  };
}

/** What is silently ignored would be believed to run. */
function channelsFault(configSource: string, arePresent: boolean): string | undefined {
  if (configSource === "local") return arePresent ? undefined : "is missing";
  return arePresent
    ? "must be absent with configSource: signed: the channels come from the signed configuration"
    : undefined;
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
  return kek.custody === "credential" ? kek : { ...kek, file: resolve(folder, kek.file) };
}
