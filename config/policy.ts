/**
 * The `policy` block of `local.yaml`: what signed configuration may do on this machine, and how it comes into force
 * (07 2.7, 2.8; 08 for support).
 *
 * Nothing received can change it. A list that is absent allows nothing.
 *
 * @module
 */
import { resolve } from "node:path";
import { z } from "zod";
import { keyFromHex } from "#documents/trust-rules.ts";
import { canonicalHost, rangeOf } from "./addresses.ts";
import { changeWindow } from "./change-windows.ts";
import type { Risk } from "./risk.ts";

const KEYS_MAX_COUNT = 16;
const LIST_MAX_COUNT = 1_000;
const PORT_MAX = 65_535;

/** 07 VA1: judged as VT3 judges a key of a trust document. */
const hospitalKey = z
  .string({ message: "must be in quotes: 64 hexadecimal digits" })
  .refine((text) => keyFromHex(text) !== undefined, {
    message: "must be an Ed25519 public key: 32 bytes as 64 lower-case hexadecimal digits",
  });

const approval = z
  .strictObject({
    mode: z.enum(["local", "signed", "standing"]).default("local"),
    hospitalKeys: z
      .array(hospitalKey)
      .max(KEYS_MAX_COUNT)
      .refine((keys) => new Set(keys).size === keys.length, {
        message: "must not name a key twice",
      })
      .default([]),
    hospitalKeyThreshold: z.int().min(1).max(KEYS_MAX_COUNT).default(1),
    standingClasses: z
      .array(
        z.enum(["low", "medium"], { message: "must be low or medium: high is never standing" }),
      )
      .default(["low"]),
  })
  .refine(({ mode, hospitalKeys }) => mode !== "signed" || hospitalKeys.length > 0, {
    path: ["hospitalKeys"],
    message: "is required with mode: signed: say whose signatures count",
  })
  .refine(
    ({ hospitalKeys, hospitalKeyThreshold }) =>
      hospitalKeys.length === 0 || hospitalKeyThreshold <= hospitalKeys.length,
    { path: ["hospitalKeyThreshold"], message: "must not be above the number of hospitalKeys" },
  );

const range = z.string().refine((text) => rangeOf(text) !== undefined, {
  message: "must be an IP address or a range such as 10.20.0.0/16",
});
const list = <T extends z.ZodType>(one: T) => z.array(one).max(LIST_MAX_COUNT).default([]);

/** 2575, or "2575-2580". */
const ports = z.union([
  z.int().min(1).max(PORT_MAX),
  z.string().refine((text) => portRange(text) !== undefined, {
    message: 'must be a port or a range such as "2575-2580"',
  }),
]);

const support = z.strictObject({
  enabled: z.boolean().default(true),
  consentLevel: z.int().min(0).max(2).default(0),
  windowMaxHours: z.int().min(1).max(72).default(4),
  releaseMode: z.enum(["auto", "hold"]).default("auto"),
  sentCopyDays: z.int().min(0).max(3_650).default(90),
});

const updates = z.strictObject({
  mode: z.enum(["off", "announce", "apply"]).default("off"),
});

export const policy = z
  .strictObject({
    approval: approval.prefault({}),
    changeWindows: z.array(changeWindow).max(100).default([]),
    probationMinutes: z.int().min(2).max(120).default(10),
    listenAddresses: list(range),
    listenPorts: list(ports),
    sourceNetworks: list(range),
    folderRoots: list(z.string().min(1).max(4_096)),
    /** Holds the certificates and keys that signed configuration names; absent: it may name none. */
    tlsFolder: z.string().min(1).max(4_096).optional(),
    destinations: list(
      z.string().refine((text) => destinationOf(text) !== undefined, {
        message: "must be host:port, such as ris.hospital.example:2575 or [fd00::1]:2575",
      }),
    ),
    support: support.prefault({}),
    updates: updates.prefault({}),
    // To be believed to be there, and not to be, would be the loss of everything that is stored.
    kekRecoveryKey: z
      .undefined({ message: "kekRecoveryKey comes with a later version: not in this one" })
      .optional(),
  })
  .prefault({});

export type Policy = z.infer<typeof policy>;
export type ApprovalPolicy = Policy["approval"];

/** @param base what relative paths begin at */
export function withAbsoluteRoots(given: Policy, base: string): Policy {
  const { folderRoots, tlsFolder, ...rest } = given;
  return {
    ...rest,
    folderRoots: folderRoots.map((root) => resolve(base, root)),
    ...(tlsFolder === undefined ? {} : { tlsFolder: resolve(base, tlsFolder) }),
  };
}

/**
 * Whose yes a change needs (07 2.8).
 *
 * With `standing`, what is not in its classes needs hospital keys where there are any: they may ask for two people,
 * and one person at the machine must not be a way around that.
 */
export function approvalFor(
  { mode, hospitalKeys, standingClasses }: ApprovalPolicy,
  risk: Risk,
): "none" | "local" | "signed" {
  if (mode !== "standing") return mode;
  // `high` cannot be listed, and is compared with what can be.
  if (standingClasses.some((one) => one === risk)) return "none";
  return hospitalKeys.length > 0 ? "signed" : "local";
}

/** @returns the first and the last port; nothing if it is neither a port nor a range */
export function portRange(given: number | string): readonly [number, number] | undefined {
  if (typeof given === "number") return [given, given];
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(given);
  if (match === null) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
  return first >= 1 && first <= last && last <= PORT_MAX ? [first, last] : undefined;
}

/** @returns the same text for every way to write one destination */
export function destinationOf(text: string): string | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, six, plain, port] = match;
  const host = six ?? plain ?? "";
  if (six !== undefined && rangeOf(six)?.family === undefined) return undefined;
  if (Number(port) < 1 || Number(port) > PORT_MAX) return undefined;
  return destination(host, Number(port));
}

export const destination = (host: string, port: number): string => `${canonicalHost(host)} ${port}`;
