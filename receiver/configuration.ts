/**
 * `receiver.yaml`: what the operator of a receiver may say.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { loadDocument } from "#config/document.ts";
import { MESSAGE_MAX_BYTES } from "#protocol/limits.ts";
import { CONSOLE, withAbsoluteTls } from "./console/configuration.ts";
import { foreignCode, identifierFrom, ReceiverError } from "./errors.ts";
import { ENROLMENT, withAbsoluteCa } from "./identity/configuration.ts";
import {
  CONNECTIONS_DEFAULT_COUNT,
  MESSAGE_LIMIT_DEFAULT_BYTES,
  RETAIN_DEFAULT_HOURS,
  SOCKET_AGE_DEFAULT_HOURS,
} from "./limits.ts";
import { OUTLETS, withAbsolutePaths } from "./outlets/configuration.ts";
import { isNetwork } from "./proxy-protocol.ts";
import { STORE, withAbsoluteFiles } from "./store-configuration.ts";

const TRUST_DOMAIN = /^[a-z0-9]([a-z0-9.-]{0,253}[a-z0-9])?$/;

const LISTEN = z
  .strictObject({
    host: z.string().min(1),
    port: z.int().min(0).max(65_535),
    /** A balancer in front writes who is behind it (TP4). */
    proxyProtocol: z.boolean().default(false),
    /** Networks of the balancer, in CIDR notation: whoever may write a header may write any source. */
    proxyFrom: z.array(z.string().refine(isNetwork, "no network such as 10.0.0.0/8")).default([]),
  })
  .refine(({ proxyProtocol, proxyFrom }) => proxyProtocol === proxyFrom.length > 0, {
    path: ["proxyFrom"],
    error: "is needed with proxyProtocol: true, and only then",
  });

const SCHEMA = z
  .strictObject({
    stateDir: z.string().min(1),
    listen: LISTEN,
    tls: z.strictObject({
      certificate: z.string().min(1),
      key: z.string().min(1),
      agentCa: z.string().min(1),
      /** Certificate of the CA that issued `certificate`; agents that enrol pin it. */
      ca: z.string().min(1).optional(),
    }),
    enrolment: ENROLMENT,
    trustDomain: z.string().regex(TRUST_DOMAIN).default("holdfast.local"),
    store: STORE,
    limits: z
      .strictObject({
        connections: z.int().min(1).max(65_536).default(CONNECTIONS_DEFAULT_COUNT),
        /** No connection is older (07 1.8). */
        maxSocketAgeHours: z.number().min(0.1).max(168).default(SOCKET_AGE_DEFAULT_HOURS),
      })
      .prefault({}),
    messageLimitBytes: z.int().min(1).max(MESSAGE_MAX_BYTES).default(MESSAGE_LIMIT_DEFAULT_BYTES),
    /** Bodies stay so long at least; without outlets they go only if this is said (TP38). */
    retainHours: z.int().min(RETAIN_DEFAULT_HOURS).max(87_600).optional(),
    outlets: OUTLETS,
    console: CONSOLE,
  })
  .refine(({ enrolment, tls }) => enrolment === undefined || tls.ca !== undefined, {
    path: ["tls", "ca"],
    error: "is needed with enrolment: agents pin it",
  });

/** Paths are absolute; relative ones were meant from the folder of the file. */
export type Configuration = z.infer<typeof SCHEMA>;

/**
 * Reads the configuration.
 *
 * @throws {DocumentError} with line and column of everything that is wrong
 */
export function loadConfiguration(file: string): Configuration {
  const {
    stateDir,
    tls,
    store,
    outlets,
    enrolment,
    console: found,
    ...rest
  } = loadDocument(file, SCHEMA);
  const from = (path: string): string => resolve(dirname(file), path);
  return {
    ...rest,
    stateDir: from(stateDir),
    store: withAbsoluteFiles(store, from),
    enrolment: withAbsoluteCa(enrolment, from),
    outlets: outlets.map((outlet) => withAbsolutePaths(outlet, from)),
    console: withAbsoluteTls(found, from),
    tls: {
      certificate: from(tls.certificate),
      key: from(tls.key),
      agentCa: from(tls.agentCa),
      ...(tls.ca !== undefined && { ca: from(tls.ca) }),
    },
  };
}

/** @throws {ReceiverError} `TLS_FILE`, naming the key of the configuration whose file it is */
export function readTlsFiles(tls: Configuration["tls"]): Configuration["tls"] {
  const read = (key: keyof Configuration["tls"], path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      const facts = { key: identifierFrom(`tls.${key}`), error: foreignCode(error) };
      throw new ReceiverError("TLS_FILE", { cause: error, facts });
    }
  };
  return {
    certificate: read("certificate", tls.certificate),
    key: read("key", tls.key),
    agentCa: read("agentCa", tls.agentCa),
    ...(tls.ca !== undefined && { ca: read("ca", tls.ca) }),
  };
}
