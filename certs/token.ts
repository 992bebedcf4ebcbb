/**
 * The enrolment token (07 1.4): what a hospital is given so that one machine may become one agent.
 *
 * ```
 * holdfast1.<base64url(JSON)>.<first 8 hexadecimal digits of SHA-256 of the middle part>
 * ```
 *
 * Its seed never travels: the receiver keeps the public key that belongs to it, and the agent signs. The
 * check part finds a slip of the hand before any try is spent. Used by both ends: knows no disk, no clock.
 *
 * @module
 */
import { hash, type KeyObject } from "node:crypto";
import { z } from "zod";
import { AGENT_NAME } from "./agent-name.ts";
import { ED25519_BYTES, ed25519OfSeed } from "./ed25519.ts";

export const TOKEN_ID_BYTES = 16;
/** 07 1.4: how long a token is valid, and how often a wrong signature may be tried. */
export const TOKEN_LIFETIME_MS = 86_400_000;
export const TOKEN_TRIES = 5;

/** The longest one that makes sense has 700 characters: host names have 253 at most. */
export const TOKEN_MAX_CHARACTERS = 2_048;

export interface EnrolmentToken {
  /** `https://host[:port]`: where the receiver is. */
  readonly url: string;
  readonly tenant: string;
  readonly agent: string;
  /** 16 bytes, lower-case hexadecimal. */
  readonly tokenId: string;
  /** 32 bytes: the seed of an Ed25519 key. Secret. */
  readonly seed: Uint8Array;
  /** SHA-256 of the receiver CA's SubjectPublicKeyInfo (DER), lower-case hexadecimal. */
  readonly caSpkiSha256: string;
  /** `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly expires: string;
}

/** What a text turned out to be. */
export type ParsedToken =
  | { readonly kind: "token"; readonly token: EnrolmentToken }
  | {
      readonly kind: "refused";
      /** Not begun like a token; not as it was copied; not made by a receiver of this version. */
      readonly why: "notAToken" | "mistyped" | "malformed";
    };

const LABEL = "holdfast1";
const PARTS = /^holdfast1\.([A-Za-z0-9_-]+)\.([0-9a-f]{8})$/;
const UTC_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

const schema = z.strictObject({
  url: z.string().refine(isBareHttps),
  tenant: z.string().regex(AGENT_NAME),
  agent: z.string().regex(AGENT_NAME),
  tokenId: z.string().regex(/^[0-9a-f]{32}$/),
  seed: z.string().refine((text) => fromBase64url(text)?.length === ED25519_BYTES),
  caSpkiSha256: z.string().regex(/^[0-9a-f]{64}$/),
  expires: z.string().refine((text) => UTC_TIME.test(text) && !Number.isNaN(Date.parse(text))),
});

/** @returns one line of ASCII; secret, for it holds the seed */
export function formatToken({ seed, ...rest }: EnrolmentToken): string {
  const fields = { ...rest, seed: Buffer.from(seed).toString("base64url") };
  const middle = Buffer.from(JSON.stringify(fields)).toString("base64url");
  return `${LABEL}.${middle}.${checkOf(middle)}`;
}

/**
 * Reads a token. White space anywhere in it is a mail program's, and is passed over.
 *
 * @param text as a person put it into a file; nothing of it is ever quoted
 */
export function parseToken(text: string): ParsedToken {
  if (text.length > 2 * TOKEN_MAX_CHARACTERS) return { kind: "refused", why: "notAToken" };
  const line = text.replaceAll(/\s+/g, "");
  if (!line.startsWith(`${LABEL}.`)) return { kind: "refused", why: "notAToken" };
  const [, middle, check] = PARTS.exec(line) ?? [];
  if (middle === undefined || checkOf(middle) !== check) {
    return { kind: "refused", why: "mistyped" };
  }
  const read = schema.safeParse(jsonOf(fromBase64url(middle)));
  if (!read.success) return { kind: "refused", why: "malformed" };
  const seed = new Uint8Array(Buffer.from(read.data.seed, "base64url"));
  return { kind: "token", token: { ...read.data, seed } };
}

/** The key that signs for a token; its public half is what the receiver keeps. */
export function tokenKey({ seed }: Pick<EnrolmentToken, "seed">): KeyObject {
  return ed25519OfSeed(seed);
}

const checkOf = (middle: string): string => hash("sha256", middle, "hex").slice(0, 8);

/** Strict: what does not come out the same again was something else. */
function fromBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}

/** Whoever makes a token says what he likes in it: keys that V8 misreads (`documents/strict-json.ts`) are none of the schema. */
function jsonOf(bytes: Buffer | undefined): unknown {
  try {
    return bytes === undefined ? undefined : JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

function isBareHttps(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname, username, password, search, hash: mark } = new URL(text);
  if (protocol !== "https:" || hostname === "" || pathname !== "/") return false;
  return username + password + search + mark === "";
}
