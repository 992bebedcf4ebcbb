/** `holdfast-sign unseal`: opens a support bundle where the support key is, offline (08 5.4). @module */
import { openForSupport, readHeader } from "../support-seal.ts";
import { readBytes, writeSecret } from "./files.ts";
import { readSupportPrivateKey } from "./keys.ts";
import type { Say } from "./output.ts";
import { SignError } from "./sign-error.ts";

export interface UnsealOptions {
  readonly key: string;
  readonly passphraseFile?: string;
  readonly out: string;
}

/** 10 MB and what stands around it. */
const SEALED_MAX_BYTES = 11_000_000;

const WHY = {
  noBundle: "is no sealed bundle",
  otherKey: "is sealed to another support key",
  altered: "was altered, or is not whole",
} as const;

/** Writes the text into a new file (0600), and says by which digest it stands in the hospital's audit. */
export async function unseal(say: Say, file: string, options: UnsealOptions): Promise<void> {
  const bytes = readBytes(file, SEALED_MAX_BYTES);
  if (readHeader(bytes) === undefined)
    throw new SignError("FILE_UNREADABLE", `${file} ${WHY.noBundle}`);
  const key = await readSupportPrivateKey(options.key, options.passphraseFile);
  const opened = openForSupport(bytes, key);
  if (opened.kind === "unreadable") {
    throw new SignError("FILE_UNREADABLE", `${file} ${WHY[opened.why]}`);
  }
  writeSecret(options.out, opened.plain);
  say(`${opened.plain.length} bytes: ${options.out}`);
  say(`sha256 ${opened.header.sha256}`);
}
