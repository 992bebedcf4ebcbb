/** `holdfast-sign release add`, `bytes`, `attach`: metadata goes from hand to hand. @module */
import { readBytes, writeNew } from "#documents/cli/files.ts";
import { readPublicKey } from "#documents/cli/keys.ts";
import type { Say } from "#documents/cli/output.ts";
import { customSchema } from "../target.ts";
import {
  type AnyMetadata,
  attachSignature,
  bytesToSign,
  readDraft,
  replaceDraft,
  type SigningOptions,
  signMetadata,
} from "./draft.ts";

/** Adds signatures, after saying what is signed. */
export async function addSignatures(
  say: Say,
  file: string,
  options: SigningOptions,
): Promise<void> {
  const { metadata } = readDraft(file);
  for (const line of describe(metadata)) say(line);
  await signMetadata(metadata, options);
  replaceDraft(say, file, metadata);
}

export function writeBytes(file: string, out: string): void {
  writeNew(out, bytesToSign(readDraft(file).metadata));
}

export function attach(
  say: Say,
  file: string,
  options: { readonly signature: string; readonly publicKey: string },
): void {
  const { metadata } = readDraft(file);
  attachSignature(metadata, readPublicKey(options.publicKey), readBytes(options.signature));
  replaceDraft(say, file, metadata);
}

/** What a person should read before signing. */
export function describe({ signed }: AnyMetadata): string[] {
  const lines = [`${signed.type} ${signed.version}, good until ${signed.expires}`];
  if (signed.type === "root") {
    for (const [role, { threshold, keyIDs }] of Object.entries(signed.roles)) {
      lines.push(`${role}: ${threshold} of`, ...keyIDs.map((id) => `  ${hexOf(signed.keys[id])}`));
    }
  }
  if (signed.type === "targets") {
    for (const { path, length, hashes, custom } of Object.values(signed.targets)) {
      const { version, releaseCounter, minFrom } = customSchema.parse(custom);
      lines.push(`${path} ${version} (release ${releaseCounter}, from ${minFrom} on)`);
      lines.push(`  ${length} bytes, SHA-256 ${hashes["sha256"]}`);
    }
  }
  return lines;
}

const hexOf = (key: { readonly keyVal: { readonly public?: string } } | undefined): string =>
  key?.keyVal.public ?? "?";
