/** `holdfast-sign add`, `pae`, `attach`: a document goes from hand to hand, also to hands of hardware. @module */
import { keyIdOf } from "../public-key.ts";
import { bytesToSign, withAttached } from "../sign.ts";
import { readDraft, replaceDraft, type SigningOptions, signDraft } from "./draft.ts";
import { readBytes, writeNew } from "./files.ts";
import { readPublicKey } from "./keys.ts";
import type { Say } from "./output.ts";
import { SignError, signError } from "./sign-error.ts";
import { readTrust } from "./trust.ts";
import { describe } from "./verify.ts";

/** Adds signatures to a document, after saying what it is. */
export async function addSignatures(
  say: Say,
  file: string,
  options: SigningOptions,
): Promise<void> {
  const draft = readDraft(file);
  for (const line of describe(draft)) say(line);
  replaceDraft(say, file, await signDraft(draft, options));
}

/** Writes the bytes that hardware signs: Ed25519 over all of them, without a hash before it. */
export async function writePae(file: string, out: string | undefined): Promise<void> {
  const bytes = bytesToSign(readDraft(file));
  if (out !== undefined) {
    writeNew(out, bytes);
    return;
  }
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error == null ? resolve() : reject(error)));
  });
}

export interface AttachOptions {
  readonly signature: string;
  /** File or hex. */
  readonly publicKey?: string;
  readonly keyId?: string;
  /** A trust document that has the key of `keyId`. */
  readonly trust?: string;
}

/** Attaches what hardware signed, if it is of that key over this document. */
export function attach(say: Say, file: string, options: AttachOptions): void {
  const raw = keyOf(options);
  const draft = readDraft(file);
  const signature = readBytes(options.signature);
  try {
    replaceDraft(say, file, withAttached(draft, raw, signature));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw signError("SIGNATURE_FOREIGN", keyIdOf(raw), cause);
  }
}

function keyOf({ publicKey, keyId, trust }: AttachOptions): Uint8Array {
  if (publicKey !== undefined) {
    const raw = readPublicKey(publicKey);
    if (keyId === undefined || keyId === keyIdOf(raw)) return raw;
    throw new SignError("SIGNATURE_FOREIGN", `${publicKey} has the id ${keyIdOf(raw)}`);
  }
  if (keyId === undefined || trust === undefined) {
    throw new SignError("OPTION_MISSING", "say --public-key, or --key-id and --trust");
  }
  const hex = new Map(Object.entries(readTrust(trust).keys)).get(keyId);
  if (hex !== undefined) return readPublicKey(hex);
  throw new SignError("SIGNATURE_FOREIGN", `${trust} has no key ${keyId}`);
}
