/**
 * A channel of kind `mllp-sender`, downstream: every key of 03 section 8, with its default and its bounds.
 *
 * @module
 */
import { isIP } from "node:net";
import { z } from "zod";
import {
  APPLICATION_ACK_TIMEOUT_MS,
  BLOCK_IDLE_TIMEOUT_MS,
  BLOCK_MAX_BYTES,
  BLOCK_MAX_CEILING_BYTES,
  BLOCK_MAX_DURATION_MS,
  CONNECT_TIMEOUT_MS,
  END_OF_BLOCK_WAIT_MS,
  KEEP_ALIVE_MS,
  REPLY_TIMEOUT_MS,
  RETRY_MAX_MS,
  RETRY_MIN_MS,
  TLS_HANDSHAKE_TIMEOUT_MS,
} from "#agent/limits.ts";
import { channelName, seconds } from "./values.ts";

/** RFC 1123 section 2.1; a trailing dot is allowed, a wildcard is not. */
const HOST_NAME =
  /^(?=.{1,253}$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;
const YEAR_SECONDS = 31_536_000;

const count = (standard: number, least: number): z.ZodDefault<z.ZodInt> =>
  z.int().min(least).max(1_000_000).default(standard);
const fingerprint = z.string().regex(/^(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/, {
  message: "must be a SHA-256 fingerprint: 64 hexadecimal digits, colons or none between the bytes",
});
const policy = z.enum(["hold", "quarantine", "retryForever"]).default("hold");

const tls = z
  .strictObject({
    serverCa: z.string().min(1),
    serverName: z
      .string()
      .refine(isHostName, { message: "must be a DNS name, without wildcards" })
      .optional(),
    certificate: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
    allowedSubjects: z.array(z.string().min(1)).default([]),
    pinnedCertificates: z.array(fingerprint).default([]),
    tlsHandshakeTimeoutSeconds: seconds(TLS_HANDSHAKE_TIMEOUT_MS, 1, 120),
  })
  .refine(({ certificate, key }) => key !== undefined || certificate === undefined, {
    path: ["key"],
    message: "is required beside certificate",
  })
  .refine(({ certificate, key }) => certificate !== undefined || key === undefined, {
    path: ["certificate"],
    message: "is required beside key",
  });

export const mllpSender = z
  .strictObject({
    name: channelName,
    kind: z.literal("mllp-sender"),
    // Where to.
    host: z.string().refine((text) => isIP(text) !== 0 || isHostName(text), {
      message: "must be a name or an address, such as ris.hospital.example or 10.20.3.4",
    }),
    port: z.int().min(1).max(65_535),
    tls: tls.optional(),
    connectTimeoutSeconds: seconds(CONNECT_TIMEOUT_MS, 1, 600),
    keepAliveSeconds: seconds(KEEP_ALIVE_MS),
    keepOpen: z.boolean().default(true),
    maxInFlight: z.literal(1, { message: "must be 1: this version has no other value" }).default(1),
    // Which reply.
    expectReply: z.enum(["auto", "application", "accept", "any", "none"]).default("auto"),
    matchControlId: z.enum(["exact", "truncated", "off"]).default("exact"),
    replyTimeoutSeconds: seconds(REPLY_TIMEOUT_MS, 1, 3_600),
    applicationAckTimeoutSeconds: seconds(APPLICATION_ACK_TIMEOUT_MS),
    waitForApplicationAck: z.boolean().default(false),
    // What follows from it.
    retryMinSeconds: seconds(RETRY_MIN_MS, 1, 3_600),
    retryMaxSeconds: seconds(RETRY_MAX_MS, 1, 3_600),
    errorRetries: count(3, 0),
    maxReplyErrors: count(3, 1),
    onError: policy,
    onReject: policy,
    expireAfterSeconds: seconds(0, 0, 10 * YEAR_SECONDS),
    // Framing of replies.
    lenientEnd: z.boolean().default(true),
    endOfBlockWaitMilliseconds: z.int().min(10).max(10_000).default(END_OF_BLOCK_WAIT_MS),
    blockIdleTimeoutSeconds: seconds(BLOCK_IDLE_TIMEOUT_MS),
    blockMaxSeconds: seconds(BLOCK_MAX_DURATION_MS),
    maxBlockBytes: z.int().min(1_024).max(BLOCK_MAX_CEILING_BYTES).default(BLOCK_MAX_BYTES),
  })
  .refine(
    ({ blockMaxSeconds, blockIdleTimeoutSeconds }) => blockIdleTimeoutSeconds <= blockMaxSeconds,
    {
      path: ["blockIdleTimeoutSeconds"],
      message: "must not be above blockMaxSeconds",
    },
  )
  .refine(({ retryMinSeconds, retryMaxSeconds }) => retryMinSeconds <= retryMaxSeconds, {
    path: ["retryMinSeconds"],
    message: "must not be above retryMaxSeconds",
  })
  .refine(
    ({ waitForApplicationAck, expectReply }) => !waitForApplicationAck || mayWait(expectReply),
    {
      path: ["waitForApplicationAck"],
      message:
        "has no meaning with this expectReply: there is no second acknowledgment to wait for",
    },
  );

export type SenderConfig = z.infer<typeof mllpSender>;

const mayWait = (expectReply: string): boolean =>
  expectReply === "auto" || expectReply === "application";

/** Four numbers with dots look like a name, too: only an address may. */
function isHostName(text: string): boolean {
  return HOST_NAME.test(text) && !/^[\d.]+$/.test(text);
}
