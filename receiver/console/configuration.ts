/** The key `console` of `receiver.yaml`: where the fleet console is, and who may what there. @module */
import { z } from "zod";
import { isLoopback } from "../outlets/loopback.ts";
import { ROLES } from "./roles.ts";

/** Names of people, and of those whom a link lets in. */
export const PERSON_NAME = z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N} .@_-]{0,63}$/u, "no name");
const FINGERPRINT = z
  .string()
  .transform((text) => text.replaceAll(":", "").toLowerCase())
  .refine((text) => /^[0-9a-f]{64}$/.test(text), "no SHA-256 fingerprint: openssl x509 -sha256");
const PORT_DEFAULT = 8_516;

export const CONSOLE = z
  .strictObject({
    host: z.string().min(1).default("127.0.0.1"),
    port: z.int().min(0).max(65_535).default(PORT_DEFAULT),
    /** Names by which browsers may call it, beside its address. */
    hostNames: z.array(z.string().toLowerCase().min(1).max(253)).max(64).default([]),
    tls: z
      .strictObject({
        certificate: z.string().min(1),
        key: z.string().min(1),
        /** Issuers of people's certificates. */
        clientCa: z.string().min(1),
      })
      .optional(),
    people: z
      .array(z.strictObject({ certificate: FINGERPRINT, name: PERSON_NAME, role: z.enum(ROLES) }))
      .max(1_000)
      .default([]),
    /** `twoPeople`: whoever hands a question in does not send it. */
    questions: z.enum(["twoPeople", "onePerson"]).default("twoPeople"),
  })
  .refine(({ host, tls }) => tls !== undefined || isLoopback(host), {
    path: ["tls"],
    error: "is needed where others than this machine reach the console",
  })
  .refine(({ people, tls }) => people.length === 0 || tls !== undefined, {
    path: ["tls"],
    error: "is needed with people: they show certificates",
  })
  .refine(
    ({ people }) => new Set(people.map(({ certificate }) => certificate)).size === people.length,
    { path: ["people"], error: "names one certificate twice" },
  )
  .optional();

export type ConsoleConfiguration = NonNullable<z.infer<typeof CONSOLE>>;

/** @param from makes a path absolute */
export function withAbsoluteTls(
  found: ConsoleConfiguration | undefined,
  from: (path: string) => string,
): ConsoleConfiguration | undefined {
  if (found?.tls === undefined) return found;
  const { certificate, key, clientCa } = found.tls;
  const tls = { certificate: from(certificate), key: from(key), clientCa: from(clientCa) };
  return { ...found, tls };
}
