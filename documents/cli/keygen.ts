/** `holdfast-sign keygen`: a key pair in two files. @module */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { keyIdOf, rawOf } from "../public-key.ts";
import { writeNew, writeSecret } from "./files.ts";
import type { Say } from "./output.ts";
import { askPassphrase } from "./passphrase.ts";
import { SignError } from "./sign-error.ts";

export interface KeygenOptions {
  readonly out: string;
  readonly passphraseFile?: string;
  /** False with `--no-passphrase`. */
  readonly passphrase: boolean;
  /** X25519 instead of Ed25519. */
  readonly support?: boolean;
}

/** Writes `OUT.key.pem` (0600) and `OUT.pub.pem`. */
export async function keygen(say: Say, options: KeygenOptions): Promise<void> {
  const { out } = options;
  const { publicKey, privateKey } =
    options.support === true ? generateKeyPairSync("x25519") : generateKeyPairSync("ed25519");
  const passphrase = options.passphrase ? await newPassphrase(options.passphraseFile) : undefined;
  writeSecret(`${out}.key.pem`, encodePrivate(privateKey, passphrase));
  writeNew(`${out}.pub.pem`, publicKey.export({ format: "pem", type: "spki" }));
  say(`private key  ${out}.key.pem${passphrase === undefined ? "  WITHOUT passphrase" : ""}`);
  say(`public key   ${out}.pub.pem`);
  if (options.support === true) return;
  const raw = rawOf(publicKey);
  // As `policy.approval.hospitalKeys` and an anchor name it.
  say(`in hex       ${Buffer.from(raw).toString("hex")}`);
  say(`key id       ${keyIdOf(raw)}`);
}

async function newPassphrase(file: string | undefined): Promise<string> {
  const first = await askPassphrase("New passphrase", file);
  if (first === "") throw new SignError("DOCUMENT_UNFIT", "an empty passphrase protects nothing");
  if (file !== undefined) return first;
  if (first === (await askPassphrase("Once more", undefined))) return first;
  throw new SignError("DOCUMENT_UNFIT", "the two passphrases differ");
}

/** PKCS#8 (RFC 5958); with a passphrase PBES2, as OpenSSL writes and reads it. */
function encodePrivate(key: KeyObject, passphrase: string | undefined): string | Buffer {
  if (passphrase === undefined) return key.export({ format: "pem", type: "pkcs8" });
  return key.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase });
}
