/**
 * Base64 as DSSE has it: the standard or the URL-safe alphabet (RFC 4648 sections 4 and 5).
 *
 * @module
 */

/**
 * Decodes a text that has exactly one reading.
 *
 * Either alphabet, not mixed; standard with its padding, URL-safe with or without. `Buffer` skips what it
 * does not know and drops stray bits, so the text must be what its bytes are encoded as (V5).
 *
 * @returns undefined if it is anything else
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  const standard = bytes.toString("base64");
  const urlSafe = standard.replaceAll("+", "-").replaceAll("/", "_");
  const readings = [standard, urlSafe, urlSafe.replaceAll("=", "")];
  return readings.includes(text) ? new Uint8Array(bytes) : undefined;
}

/** The standard alphabet, padded. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
