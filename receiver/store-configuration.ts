/**
 * `store` in `receiver.yaml`: where messages are kept.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { foreignCode, identifierFrom, ReceiverError } from "./errors.ts";
import { DATABASE_POOL_SIZE } from "./limits.ts";
import type { DatabaseOptions, DatabaseTls } from "./store/postgres/database.ts";

const POSTGRES = z
  .strictObject({
    kind: z.literal("postgres"),
    /** A name, an address, or the folder of a local socket. */
    host: z.string().min(1),
    port: z.int().min(1).max(65_535).default(5_432),
    database: z.string().min(1),
    user: z.string().min(1),
    passwordFile: z.string().min(1).optional(),
    tls: z
      .strictObject({
        ca: z.string().min(1),
        certificate: z.string().min(1).optional(),
        key: z.string().min(1).optional(),
      })
      .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
        path: ["key"],
        error: "belongs to tls.certificate: both or none",
      })
      .optional(),
    poolSize: z.int().min(1).max(200).default(DATABASE_POOL_SIZE),
  })
  .refine(({ host, tls }) => tls !== undefined || isOnThisMachine(host), {
    path: ["tls"],
    error: "must be given: messages would cross the network in the clear",
  });

export const STORE = z
  .discriminatedUnion("kind", [z.strictObject({ kind: z.literal("sqlite") }), POSTGRES], {
    error: "must say which store it is: kind: sqlite, or kind: postgres",
  })
  .default({ kind: "sqlite" });

export type StoreConfiguration = z.infer<typeof STORE>;
type Postgres = z.infer<typeof POSTGRES>;

/** @param from makes a path absolute */
export function withAbsoluteFiles(
  store: StoreConfiguration,
  from: (path: string) => string,
): StoreConfiguration {
  if (store.kind === "sqlite") return store;
  const { passwordFile, tls, ...rest } = store;
  return {
    ...rest,
    ...(passwordFile === undefined ? {} : { passwordFile: from(passwordFile) }),
    ...(tls === undefined ? {} : { tls: withAbsoluteTls(tls, from) }),
  };
}

/**
 * Reads the files that are named.
 *
 * @throws {ReceiverError} `STORE_FILE`
 */
export function databaseOptions(
  store: Postgres,
  warn: NonNullable<DatabaseOptions["warn"]>,
): DatabaseOptions {
  const { host, port, database, user, passwordFile, tls, poolSize } = store;
  const password = passwordReader(passwordFile);
  // Said now, and not only when the database can be reached.
  password?.();
  return {
    ...{ host, port, database, user, poolSize, warn },
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: readTls(tls) }),
  };
}

function passwordReader(file: string | undefined): (() => string) | undefined {
  if (file === undefined) return undefined;
  return () => readStoreFile("passwordFile", file).replace(/\r?\n$/, "");
}

function withAbsoluteTls(
  { ca, certificate, key }: NonNullable<Postgres["tls"]>,
  from: (path: string) => string,
): NonNullable<Postgres["tls"]> {
  return {
    ca: from(ca),
    ...(certificate === undefined ? {} : { certificate: from(certificate) }),
    ...(key === undefined ? {} : { key: from(key) }),
  };
}

function readTls({ ca, certificate, key }: NonNullable<Postgres["tls"]>): DatabaseTls {
  return {
    ca: readStoreFile("tls.ca", ca),
    ...(certificate === undefined ? {} : { cert: readStoreFile("tls.certificate", certificate) }),
    ...(key === undefined ? {} : { key: readStoreFile("tls.key", key) }),
  };
}

function readStoreFile(key: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const facts = { key: identifierFrom(`store.${key}`), error: foreignCode(error) };
    throw new ReceiverError("STORE_FILE", { cause: error, facts });
  }
}

function isOnThisMachine(host: string): boolean {
  return host.startsWith("/") || ["localhost", "127.0.0.1", "::1"].includes(host);
}
