/**
 * The anchor (07 2.6): the vendor's trust keys, compiled in. A tenant's first trust document must be signed by
 * them; from then on each document is signed by the one before.
 *
 * The vendor's keys are put here before the first release, by whoever holds the ceremony. Until then nothing can be
 * enrolled but with an anchor that a person names (`holdfast enroll --anchor FILE`): a trial, or a test.
 *
 * @module
 */
import { z } from "zod";
import { ed25519FromRaw, keyIdOf } from "#documents/public-key.ts";
import type { Role } from "#documents/role.ts";

/** 07 2.3: the trust role's threshold is 2 at least. */
export const ANCHOR_MIN_THRESHOLD = 2;

export const COMPILED_ANCHOR: Role = { keys: new Map(), threshold: ANCHOR_MIN_THRESHOLD };

const schema = z.strictObject({
  /** Raw Ed25519 public keys, hexadecimal. */
  keys: z
    .array(z.string().regex(/^[0-9a-f]{64}$/))
    .min(1)
    .max(16),
  threshold: z.int().min(1).max(16),
});

/** @param text JSON: `{"keys": ["<64 hexadecimal digits>", …], "threshold": 2}` @returns undefined if it is no anchor */
export function readAnchor(text: string): Role | undefined {
  const read = schema.safeParse(jsonOf(text));
  if (!read.success) return undefined;
  const raws = read.data.keys.map((hex) => new Uint8Array(Buffer.from(hex, "hex")));
  if (raws.some((raw) => ed25519FromRaw(raw) === undefined)) return undefined;
  const keys = new Map(raws.map((raw) => [keyIdOf(raw), raw]));
  return { keys, threshold: read.data.threshold };
}

/** A person's file, whose two keys need no escape: what V8 would misread (`documents/strict-json.ts`) is no anchor. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
