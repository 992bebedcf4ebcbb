/**
 * Signatures by the convention of Standard Webhooks (standardwebhooks.com, specification 1.0): HMAC-SHA256
 * over `id.timestamp.body`, so that any of its libraries can verify them.
 *
 * @module
 */
import { createHash, createHmac } from "node:crypto";
import type { OutletEvent } from "./event.ts";
import { cursorOf } from "./json.ts";

const PREFIX = "whsec_";
/** The bounds of the convention, in bytes. */
const SECRET_MIN_BYTES = 24;
const SECRET_MAX_BYTES = 64;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Reads secrets, one a line: `whsec_` and 24 to 64 bytes in base64. Several, while one is replaced by
 * another: each signs.
 *
 * @returns undefined if a line is anything else, or there is none
 */
export function secretsFrom(text: string): readonly Uint8Array[] | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const secrets: Uint8Array[] = [];
  for (const line of lines) {
    const encoded = line.trim().slice(PREFIX.length);
    if (!(line.trim().startsWith(PREFIX) && BASE64.test(encoded))) return undefined;
    const secret = Buffer.from(encoded, "base64");
    if (secret.length < SECRET_MIN_BYTES || secret.length > SECRET_MAX_BYTES) return undefined;
    secrets.push(secret);
  }
  return secrets.length === 0 ? undefined : secrets;
}

/**
 * The id of an event: the same at every try, and of nothing else, so that a consumer knows repeats by it.
 * It is made of the identity, so that the signature covers the identity too: `msg_` and the SHA-256, in
 * hexadecimal, of kind, agent, channel and cursor, each followed by LF.
 */
export function webhookId({ kind, agent, channel, end }: OutletEvent): string {
  const identity = [kind, agent, channel, cursorOf(end)].map((part) => `${part}\n`).join("");
  return `msg_${createHash("sha256").update(identity).digest("hex")}`;
}

/**
 * @param timestampS in seconds since 1970
 * @param body in pieces; read once
 * @returns the value of `webhook-signature`
 */
export async function signatureOf(
  secrets: readonly Uint8Array[],
  id: string,
  timestampS: number,
  body: AsyncIterable<Uint8Array>,
): Promise<string> {
  const signers = secrets.map((secret) => createHmac("sha256", secret));
  for (const signer of signers) signer.update(`${id}.${timestampS}.`);
  for await (const piece of body) for (const signer of signers) signer.update(piece);
  return signers.map((signer) => `v1,${signer.digest("base64")}`).join(" ");
}
