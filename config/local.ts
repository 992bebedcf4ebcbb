/**
 * `local.yaml`: the hospital's own file. Remote configuration can never exceed it.
 *
 * Every key with its default and unit is in this one schema; what this version does not do is refused
 * by name rather than ignored.
 *
 * @module
 */
import { isIP } from "node:net";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import {
  BLOCK_IDLE_TIMEOUT_MS,
  BLOCK_MAX_BYTES,
  BLOCK_MAX_CEILING_BYTES,
  BLOCK_MAX_DURATION_MS,
  CONNECTIONS_MAX_COUNT,
  END_OF_BLOCK_WAIT_MS,
  SHUTDOWN_GRACE_MS,
} from "#agent/limits.ts";
import { loadDocument } from "./document.ts";

const CONNECTIONS_CEILING = 10_000;
const port = z.int().min(0).max(65_535);
const seconds = (defaultMs: number): z.ZodDefault<z.ZodInt> =>
  z
    .int()
    .min(1)
    .max(86_400)
    .default(defaultMs / 1000);

/** 03 C3: an address or CIDR range. */
const source = z.string().refine(isAddressOrRange, {
  message: "must be an IP address or a range such as 10.20.0.0/16",
});

const mllpListener = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
      message: "must be lower-case letters, digits and hyphens, at most 63",
    }),
    kind: z.literal("mllp-listener", {
      message: "must be mllp-listener: this version has no other kind",
    }),
    host: z.string().min(1).default("127.0.0.1"),
    port,
    allow: z.array(source).default([]),
    ackMode: z.enum(["auto", "storeAA", "commitOnly", "none"]).default("auto"),
    neAlAsOriginal: z.boolean().default(true),
    allowEmptyControlId: z.boolean().default(false),
    lenientEnd: z.boolean().default(true),
    endOfBlockWaitMilliseconds: z.int().min(10).max(10_000).default(END_OF_BLOCK_WAIT_MS),
    blockIdleTimeoutSeconds: seconds(BLOCK_IDLE_TIMEOUT_MS),
    blockMaxSeconds: seconds(BLOCK_MAX_DURATION_MS),
    maxBlockBytes: z.int().min(1_024).max(BLOCK_MAX_CEILING_BYTES).default(BLOCK_MAX_BYTES),
    maxConnections: z.int().min(1).max(CONNECTIONS_CEILING).default(CONNECTIONS_MAX_COUNT),
  })
  .refine((channel) => isLoopback(channel.host) || channel.allow.length > 0, {
    path: ["allow"],
    message: "is required unless host is a loopback address: name who may connect",
  });

const localSchema = z
  .strictObject({
    stateDir: z.string().min(1),
    allowVolatileState: z.boolean().default(false),
    receiver: z.strictObject({
      url: z.string().refine(isSecureWebSocketUrl, {
        message: "must be a URL such as wss://gateway.example.org",
      }),
    }),
    identity: z.strictObject({
      certificate: z.string().min(1),
      key: z.string().min(1),
      receiverCa: z.string().min(1),
    }),
    configSource: z
      .literal("local", { message: "must be local: this version has no other source" })
      .default("local"),
    shutdownGraceSeconds: z
      .int()
      .min(0)
      .max(300)
      .default(SHUTDOWN_GRACE_MS / 1000),
    channels: z.array(mllpListener).min(1, { message: "must name at least one channel" }),
  })
  .refine(({ channels }) => new Set(channels.map(({ name }) => name)).size === channels.length, {
    path: ["channels"],
    message: "must not use a name twice",
  });

export type LocalConfig = z.infer<typeof localSchema>;
export type ChannelConfig = LocalConfig["channels"][number];

/**
 * Reads `local.yaml`. Paths in it are relative to its folder.
 *
 * @throws {DocumentError} every problem with line and column; nothing is guessed
 */
export function loadLocalConfig(file: string): LocalConfig {
  const config = loadDocument(file, localSchema);
  const folder = dirname(resolve(file));
  const { certificate, key, receiverCa } = config.identity;
  return {
    ...config,
    stateDir: resolve(folder, config.stateDir),
    identity: {
      certificate: resolve(folder, certificate),
      key: resolve(folder, key),
      receiverCa: resolve(folder, receiverCa),
    },
  };
}

function isAddressOrRange(text: string): boolean {
  const [address = "", prefix, ...rest] = text.split("/");
  const version = isIP(address);
  // A zone (fe80::1%eth0) names an interface of this machine: no list can be checked against it.
  if (version === 0 || address.includes("%") || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 6 ? 128 : 32);
}

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);

function isSecureWebSocketUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, username, password, search, hash } = new URL(text);
  // Nothing that would be sent along, or silently not.
  return protocol === "wss:" && pathname === "/" && username + password + search + hash === "";
}
