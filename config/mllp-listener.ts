/**
 * A channel of kind `mllp-listener`: every key of 03, with its default and its bounds.
 *
 * @module
 */
import { BlockList, isIP } from "node:net";
import { z } from "zod";
import {
  BLOCK_IDLE_TIMEOUT_MS,
  BLOCK_MAX_BYTES,
  BLOCK_MAX_CEILING_BYTES,
  BLOCK_MAX_DURATION_MS,
  CONNECTIONS_MAX_COUNT,
  DEFERRED_TIMEOUT_MS,
  DUPLICATE_WINDOW_MS,
  END_OF_BLOCK_WAIT_MS,
  JUNK_MAX_BYTES,
  JUNK_SAMPLE_BYTES,
  KEEP_ALIVE_MS,
  PENDING_BLOCKS_MAX_COUNT,
  QUARANTINE_MAX_BYTES,
  SLICE_BYTES,
  SPOOL_THRESHOLD_BYTES,
  STALE_AFTER_MS,
  STORE_DEADLINE_MS,
  TLS_HANDSHAKE_TIMEOUT_MS,
} from "#agent/limits.ts";
import { ipv6Groups } from "./addresses.ts";
import { bytes, channelName, charsetName, headerCodes, percent, seconds } from "./values.ts";

const CONNECTIONS_CEILING = 10_000;
const GIB = 1024 ** 3;
const HOUR_MS = 3_600_000;

const port = z.int().min(0).max(65_535);
/** 03 C3: an address or CIDR range. */
const source = z
  .string()
  .refine(isAddressOrRange, { message: "must be an IP address or a range such as 10.20.0.0/16" })
  .refine((text) => !isAddressOrRange(text) || isWritten(text), {
    message: "has bits set behind its prefix: write the first address of the range",
  });
/** The listener binds exactly one address: a name could come to mean another. */
const host = z
  .string()
  .refine((text) => text === "localhost" || (isIP(text) !== 0 && !text.includes("%")), {
    message: "must be an address of this machine, such as 10.20.3.4 or 127.0.0.1",
  });
const fingerprint = z.string().regex(/^(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/, {
  message: "must be a SHA-256 fingerprint: 64 hexadecimal digits, colons or none between the bytes",
});
const notYet = (what: string): string =>
  `${what} comes with downstream delivery: not in this version`;

const tls = z
  .strictObject({
    certificate: z.string().min(1),
    key: z.string().min(1),
    clientCa: z.string().min(1).optional(),
    clientCertificate: z.enum(["required", "optional"]).default("required"),
    allowedSubjects: z.array(z.string().min(1)).default([]),
    pinnedCertificates: z.array(fingerprint).default([]),
    tlsHandshakeTimeoutSeconds: seconds(TLS_HANDSHAKE_TIMEOUT_MS, 1, 120),
  })
  .refine(
    ({ clientCa, clientCertificate, allowedSubjects, pinnedCertificates }) =>
      clientCa !== undefined ||
      (clientCertificate === "optional" &&
        allowedSubjects.length + pinnedCertificates.length === 0),
    {
      path: ["clientCa"],
      message:
        "is required: it says whose client certificates may send (or clientCertificate: optional)",
    },
  );

export const mllpListener = z
  .strictObject({
    name: channelName,
    kind: z.literal("mllp-listener"),
    // Who may connect.
    host: host.default("127.0.0.1"),
    port,
    allow: z.array(source).default([]),
    tls: tls.optional(),
    maxConnections: z.int().min(1).max(CONNECTIONS_CEILING).default(CONNECTIONS_MAX_COUNT),
    staleAfterSeconds: seconds(STALE_AFTER_MS),
    idleTimeoutSeconds: seconds(0, 0),
    keepAliveSeconds: seconds(KEEP_ALIVE_MS),
    // What they hear.
    ackMode: z.enum(["auto", "storeAA", "commitOnly", "none", "r2", "deferred"]).default("auto"),
    neAlAsOriginal: z.boolean().default(true),
    answerApplicationAck: z.boolean().default(false),
    applicationAckChannel: z.undefined({ message: notYet("applicationAckChannel") }).optional(),
    appAckSameSocket: z.literal(false, { message: notYet("appAckSameSocket") }).default(false),
    deferredTimeoutSeconds: seconds(DEFERRED_TIMEOUT_MS, 1, 600),
    deferredFallback: z.enum(["close", "storeAA", "error"]).default("close"),
    malformedReply: z.enum(["reject", "error", "accept", "close"]).default("reject"),
    cannotStoreReply: z.enum(["close", "error", "reject"]).default("close"),
    oversizeReply: z.enum(["reject", "close"]).default("reject"),
    emptyBlockReply: z.enum(["none", "reject"]).default("none"),
    batchReply: z.enum(["batch", "first", "none"]).default("batch"),
    storeDeadlineSeconds: seconds(STORE_DEADLINE_MS, 1, 60),
    // 06 TP23: whose messages leave first.
    priority: z.enum(["urgent", "normal", "bulk"]).default("normal"),
    // 06 TP30: what becomes of a message that the receiver will never take.
    onReceiverReject: z.enum(["hold", "quarantine"]).default("hold"),
    // What is a message.
    allowEmptyControlId: z.boolean().default(false),
    allowedProcessingIds: headerCodes,
    allowedVersions: headerCodes,
    charset: charsetName.optional(),
    fallbackCharset: charsetName.default("windows-1252"),
    // Framing.
    lenientEnd: z.boolean().default(true),
    endOfBlockWaitMilliseconds: z.int().min(10).max(10_000).default(END_OF_BLOCK_WAIT_MS),
    blockIdleTimeoutSeconds: seconds(BLOCK_IDLE_TIMEOUT_MS),
    blockMaxSeconds: seconds(BLOCK_MAX_DURATION_MS),
    maxBlockBytes: bytes(BLOCK_MAX_BYTES, 1_024, BLOCK_MAX_CEILING_BYTES),
    spoolThresholdBytes: bytes(SPOOL_THRESHOLD_BYTES, SLICE_BYTES, 16 * SPOOL_THRESHOLD_BYTES),
    maxJunkBytes: bytes(JUNK_MAX_BYTES, 64, 16_777_216),
    junkSampleBytes: bytes(JUNK_SAMPLE_BYTES, 0, 65_536),
    // How much is kept.
    duplicatePolicy: z.enum(["replayAck", "forwardFlagged", "off"]).default("replayAck"),
    duplicateWindowHours: z
      .number()
      .min(0)
      .max(8_760)
      .default(DUPLICATE_WINDOW_MS / HOUR_MS),
    quarantineMaxBytes: bytes(QUARANTINE_MAX_BYTES, 1_048_576, 64 * GIB),
    maxPendingBlocks: z.int().min(1).max(10_000).default(PENDING_BLOCKS_MAX_COUNT),
    highWaterPercent: percent(80),
    lowWaterPercent: percent(70),
  })
  .refine((channel) => isLoopback(channel.host) || channel.allow.length > 0, {
    path: ["allow"],
    message: "is required unless host is a loopback address: name who may connect",
  })
  .refine(
    ({ blockMaxSeconds, blockIdleTimeoutSeconds }) => blockIdleTimeoutSeconds <= blockMaxSeconds,
    {
      path: ["blockIdleTimeoutSeconds"],
      message: "must not be above blockMaxSeconds",
    },
  )
  .refine(({ lowWaterPercent, highWaterPercent }) => lowWaterPercent < highWaterPercent, {
    path: ["lowWaterPercent"],
    message: "must be below highWaterPercent",
  });

function isAddressOrRange(text: string): boolean {
  const [address = "", prefix, ...rest] = text.split("/");
  const version = isIP(address);
  // A zone (fe80::1%eth0) names an interface of this machine: no list can be checked against it.
  if (version === 0 || address.includes("%") || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 6 ? 128 : 32);
}

/** Whether a range is written as its first address: 10.20.3.4/16 is more likely a slip than a wish. */
function isWritten(text: string): boolean {
  const [address = "", prefix] = text.split("/");
  if (prefix === undefined) return true;
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  const range = new BlockList();
  range.addSubnet(address, Number(prefix), family);
  // Of a range with bits set behind its prefix, the address one below is inside, too.
  const below = addressBelow(address);
  return below === undefined || !range.check(below, family);
}

/** The address before, or `undefined` for the first of all. */
function addressBelow(address: string): string | undefined {
  const six = isIP(address) === 6;
  const groups = six ? ipv6Groups(address) : address.split(".").map(Number);
  const most = six ? 0xffff : 0xff;
  for (let at = groups.length - 1; at >= 0; at--) {
    const group = groups[at] ?? 0;
    groups[at] = group === 0 ? most : group - 1;
    if (group === 0) continue;
    return six ? groups.map((one) => one.toString(16)).join(":") : groups.join(".");
  }
  return undefined;
}

/** Whether a range holds every address of its family. */
export const isEveryone = (range: string): boolean => /\/0+$/.test(range);

/** Whether a listener on it listens on every interface. */
export const isEveryInterface = (host: string): boolean =>
  host === "0.0.0.0" || (isIP(host) === 6 && ipv6Groups(host).every((group) => group === 0));

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
