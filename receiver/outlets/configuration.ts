/**
 * The key `outlets` of `receiver.yaml`: how the platform gets what is stored here.
 *
 * @module
 */
import { z } from "zod";
import type { WaitingOutlet } from "../store/store.ts";
import { tokensFrom } from "./http-access.ts";
import type { HttpOptions } from "./http-server.ts";
import { KAFKA, withAbsoluteKafkaPaths } from "./kafka-configuration.ts";
import { isLoopback } from "./loopback.ts";
import { fileError, textOf } from "./outlet-files.ts";
import { HANDS_ON, NAME } from "./outlet-keys.ts";
import type { WebhookOptions } from "./webhook.ts";
import { secretsFrom } from "./webhook-signature.ts";

const WEBHOOK = z.strictObject({
  kind: z.literal("webhook"),
  ...HANDS_ON,
  url: z.string().superRefine((text, context) => {
    const message = problemOfUrl(text);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  }),
  /** `whsec_…`, one a line; several while one is replaced. */
  secretFile: z.string().min(1),
  /** PEM; the trust store of Node if it is absent. */
  caFile: z.string().min(1).optional(),
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
  .array(z.discriminatedUnion("kind", [WEBHOOK, KAFKA, HTTP]))
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
  if (outlet.kind === "kafka") return withAbsoluteKafkaPaths(outlet, from);
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
  if (outlet.kind !== "http") return [own];
  return [own, ...outlet.positions.map((name, index) => ({ name, at: ["positions", index] }))];
}

/** Messages leave encrypted, unless they do not leave the machine. */
function problemOfUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null) return "is no URL";
  if (url.username !== "" || url.password !== "" || url.hash !== "") {
    return "must have no user, password or fragment";
  }
  if (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname)))
    return undefined;
  return "must begin with https://; http:// is for this machine only";
}
