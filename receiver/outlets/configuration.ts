/**
 * The key `outlets` of `receiver.yaml`: how the platform gets what is stored here.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { z } from "zod";
import { foreignCode, identifierFrom, ReceiverError } from "../errors.ts";
import { OUTLET_CHANNELS_AT_ONCE } from "../limits.ts";
import { isReserved, isServed } from "../served-channels.ts";
import type { WaitingOutlet } from "../store/store.ts";
import { tokensFrom } from "./http-access.ts";
import type { HttpOptions } from "./http-server.ts";
import type { WebhookOptions } from "./webhook.ts";
import { secretsFrom } from "./webhook-signature.ts";

const NAME = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "is no name such as lab-1");

const WEBHOOK = z.strictObject({
  kind: z.literal("webhook"),
  name: NAME,
  url: z.string().superRefine((text, context) => {
    const message = problemOfUrl(text);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  }),
  /** Only these; all if it is absent. */
  channels: z.array(z.string().refine(isHandedOn, "is no channel of agents")).min(1).optional(),
  /** `whsec_…`, one a line; several while one is replaced. */
  secretFile: z.string().min(1),
  /** PEM; the trust store of Node if it is absent. */
  caFile: z.string().min(1).optional(),
  timeoutSeconds: z.int().min(1).max(600).default(30),
  channelsAtOnce: z.int().min(1).max(256).default(OUTLET_CHANNELS_AT_ONCE),
});

const HTTP = z
  .strictObject({
    kind: z.literal("http"),
    name: NAME,
    listen: z.strictObject({
      host: z.string().min(1),
      port: z.int().min(0).max(65_535),
    }),
    tls: z.strictObject({
      certificate: z.string().min(1),
      key: z.string().min(1),
      /** Issuers of consumers: with it each needs a certificate. */
      clientCa: z.string().min(1).optional(),
    }),
    /** One a line, at least 32 characters each. */
    tokensFile: z.string().min(1).optional(),
    /** Names under which consumers may keep where they stand; retention waits for them. */
    positions: z.array(NAME).max(64).default([]),
  })
  .refine(({ tokensFile, tls }) => tokensFile !== undefined || tls.clientCa !== undefined, {
    path: ["tokensFile"],
    error: "is needed, or tls.clientCa: otherwise anybody could read",
  });

export const OUTLETS = z
  .array(z.discriminatedUnion("kind", [WEBHOOK, HTTP]))
  .max(64)
  .default([])
  .superRefine((outlets, context) => {
    const seen = new Set<string>();
    for (const [index, outlet] of outlets.entries()) {
      for (const { name, at } of namesOf(outlet)) {
        const path = [index, ...at];
        const message = "another outlet or position has this name";
        if (seen.has(name)) context.addIssue({ code: "custom", path, message });
        seen.add(name);
      }
    }
  });
export type OutletConfiguration = z.infer<typeof OUTLETS>[number];
type WebhookConfiguration = Extract<OutletConfiguration, { readonly kind: "webhook" }>;
type HttpConfiguration = Extract<OutletConfiguration, { readonly kind: "http" }>;

/** @returns the positions that the store keeps for an outlet: retention waits for them */
export function positionsOf(outlet: OutletConfiguration): readonly WaitingOutlet[] {
  if (outlet.kind === "http") {
    return outlet.positions.map((name) => ({ outlet: name, channels: null }));
  }
  return [{ outlet: outlet.name, channels: outlet.channels ?? null }];
}

/** @param from makes a path absolute, which was meant from the folder of the configuration */
export function withAbsolutePaths(
  outlet: OutletConfiguration,
  from: (path: string) => string,
): OutletConfiguration {
  if (outlet.kind === "webhook") {
    const { caFile, secretFile, ...rest } = outlet;
    const ca = caFile === undefined ? {} : { caFile: from(caFile) };
    return { ...rest, secretFile: from(secretFile), ...ca };
  }
  const { tls, tokensFile, ...rest } = outlet;
  return {
    ...rest,
    tls: {
      certificate: from(tls.certificate),
      key: from(tls.key),
      ...(tls.clientCa === undefined ? {} : { clientCa: from(tls.clientCa) }),
    },
    ...(tokensFile === undefined ? {} : { tokensFile: from(tokensFile) }),
  };
}

/** @throws {ReceiverError} `OUTLET_FILE`, naming the outlet and the key */
export function readWebhook(outlet: WebhookConfiguration): WebhookOptions {
  const secrets = secretsFrom(textOf(outlet, "secretFile", outlet.secretFile));
  if (secrets === undefined) throw fileError(outlet, "secretFile");
  const { name, caFile, timeoutSeconds, channelsAtOnce } = outlet;
  return {
    name,
    url: new URL(outlet.url),
    secrets,
    timeoutMs: timeoutSeconds * 1_000,
    ca: caFile === undefined ? null : textOf(outlet, "caFile", caFile),
    connections: channelsAtOnce,
  };
}

/** @throws {ReceiverError} `OUTLET_FILE`, naming the outlet and the key */
export function readHttp(outlet: HttpConfiguration): HttpOptions {
  const { name, listen, tls, tokensFile, positions } = outlet;
  const tokens =
    tokensFile === undefined ? null : tokensFrom(textOf(outlet, "tokensFile", tokensFile));
  if (tokens === undefined) throw fileError(outlet, "tokensFile");
  return {
    name,
    ...listen,
    certificate: textOf(outlet, "tls.certificate", tls.certificate),
    key: textOf(outlet, "tls.key", tls.key),
    clientCa: tls.clientCa === undefined ? null : textOf(outlet, "tls.clientCa", tls.clientCa),
    tokens,
    positions,
  };
}

/** A name, and the keys that lead to it. */
interface NameAt {
  readonly name: string;
  readonly at: readonly (string | number)[];
}

/** @returns what an outlet and its positions are called: no two may share a position in the store */
export function namesOf(outlet: OutletConfiguration): readonly NameAt[] {
  const own = { name: outlet.name, at: ["name"] };
  if (outlet.kind === "webhook") return [own];
  return [own, ...outlet.positions.map((name, index) => ({ name, at: ["positions", index] }))];
}

/** TP35: no platform gets what is the receiver's own. */
function isHandedOn(channel: string): boolean {
  return isServed(channel) && !isReserved(channel);
}

function textOf(outlet: OutletConfiguration, key: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw fileError(outlet, key, error);
  }
}

function fileError(outlet: OutletConfiguration, key: string, cause?: unknown): ReceiverError {
  const named = { outlet: identifierFrom(outlet.name), key: identifierFrom(key) };
  const error = cause === undefined ? {} : { error: foreignCode(cause) };
  return new ReceiverError("OUTLET_FILE", { cause, facts: { ...named, ...error } });
}

/** Messages leave encrypted, unless they do not leave the machine. */
function problemOfUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null) return "is no URL";
  if (url.username !== "" || url.password !== "" || url.hash !== "") {
    return "must have no user, password or fragment";
  }
  if (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url))) return undefined;
  return "must begin with https://; http:// is for this machine only";
}

function isLoopback({ hostname }: URL): boolean {
  if (hostname === "localhost" || hostname === "[::1]") return true;
  return isIP(hostname) === 4 && hostname.startsWith("127.");
}
