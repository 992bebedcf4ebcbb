/**
 * Who may ask: whoever shows one of the tokens. They are compared as SHA-256, all of them and in constant
 * time, so that neither their text nor their number of right letters can be measured.
 *
 * @module
 */
import { hash, timingSafeEqual } from "node:crypto";

/** RFC 6750 section 2.1; 32 letters of it cannot be guessed. */
const TOKEN = /^[A-Za-z0-9._~+/-]{32,256}=*$/;
const BEARER = /^Bearer +(\S+)$/i;

/** @returns the digests of tokens, one a line; undefined if a line is no token, or there is none */
export function tokensFrom(text: string): readonly Uint8Array[] | undefined {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const tokens = lines.filter((line) => line !== "");
  if (tokens.length === 0 || !tokens.every((token) => TOKEN.test(token))) return undefined;
  return tokens.map(digestOf);
}

/** @param authorization the value of that header */
export function isAllowed(
  tokens: readonly Uint8Array[],
  authorization: string | undefined,
): boolean {
  const [, token = ""] = BEARER.exec(authorization ?? "") ?? [];
  const shown = digestOf(token);
  let isKnown = false;
  for (const digest of tokens) isKnown = timingSafeEqual(digest, shown) || isKnown;
  return isKnown;
}

function digestOf(token: string): Uint8Array {
  return hash("sha256", token, "buffer");
}
