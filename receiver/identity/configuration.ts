/**
 * The keys of `receiver.yaml` that are about enrolment (07 1.3 to 1.6).
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { RECOVERIES_DEFAULT_COUNT } from "../limits.ts";

const PATH = z.string().min(1);

const CA = z.discriminatedUnion("kind", [
  /** The receiver itself issues. [agent-ca.crt and agent-ca.key in stateDir] */
  z.strictObject({
    kind: z.literal("embedded"),
    certificate: PATH.optional(),
    key: PATH.optional(),
  }),
  /** A program issues: `docs/receiver-identities.md` says what it is given and has to answer. */
  z.strictObject({
    kind: z.literal("command"),
    command: z.array(z.string().min(1).max(4_096)).min(1).max(32),
  }),
]);

/** Absent: nobody can enrol, and nobody can renew. */
export const ENROLMENT = z
  .strictObject({
    /** Where agents reach this receiver; their `receiver.url` has the same host. */
    url: z.string().refine(isBareHttps, "must be https://HOST or https://HOST:PORT"),
    ca: CA.prefault({ kind: "embedded" }),
    /** Renewals of one agent with an expired certificate, until a person resets the count. */
    recoveryMaxCount: z.int().min(0).max(100).default(RECOVERIES_DEFAULT_COUNT),
  })
  .optional();

export type EnrolmentConfiguration = NonNullable<z.output<typeof ENROLMENT>>;
export type CaConfiguration = EnrolmentConfiguration["ca"];

/** The files of the embedded CA in `stateDir`. */
export function authorityFilesIn(stateDir: string) {
  return { certificate: join(stateDir, "agent-ca.crt"), key: join(stateDir, "agent-ca.key") };
}

/** @param from makes a path absolute */
export function withAbsoluteCa(
  enrolment: z.output<typeof ENROLMENT>,
  from: (path: string) => string,
): z.output<typeof ENROLMENT> {
  if (enrolment === undefined || enrolment.ca.kind === "command") return enrolment;
  const { certificate, key } = enrolment.ca;
  return {
    ...enrolment,
    ca: {
      kind: "embedded",
      ...(certificate !== undefined && { certificate: from(certificate) }),
      ...(key !== undefined && { key: from(key) }),
    },
  };
}

function isBareHttps(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, username, password, search, hash } = new URL(text);
  return protocol === "https:" && pathname === "/" && username + password + search + hash === "";
}
