/** Keys of the people who sign: private ones in files, public ones in files or as hex. @module */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { existsSync } from "node:fs";
import { ed25519FromRaw, rawOf } from "../public-key.ts";
import { readBytes, readSecret } from "./files.ts";
import { askPassphrase } from "./passphrase.ts";
import { SignError, signError } from "./sign-error.ts";

const RAW_HEX = /^[0-9a-f]{64}$/;

/**
 * @param file PKCS#8 in PEM, mode 0600; with a passphrase or without
 * @throws {SignError}
 */
export async function readPrivateKey(
  file: string,
  passphraseFile: string | undefined,
): Promise<KeyObject> {
  const key = await privateKeyIn(file, passphraseFile);
  if (key.asymmetricKeyType === "ed25519") return key;
  throw new SignError("FILE_UNREADABLE", `${file} is no Ed25519 key`);
}

/** The other half of `supportKey` (08 5.4). @throws {SignError} */
export async function readSupportPrivateKey(
  file: string,
  passphraseFile: string | undefined,
): Promise<KeyObject> {
  const key = await privateKeyIn(file, passphraseFile);
  if (key.asymmetricKeyType === "x25519") return key;
  throw new SignError("FILE_UNREADABLE", `${file} is no X25519 key`);
}

async function privateKeyIn(file: string, passphraseFile: string | undefined): Promise<KeyObject> {
  const pem = Buffer.from(readSecret(file));
  const isLocked = pem.includes("-----BEGIN ENCRYPTED PRIVATE KEY-----");
  const passphrase = isLocked
    ? await askPassphrase(`Passphrase of ${file}`, passphraseFile)
    : undefined;
  return privateKeyOf(file, pem, passphrase);
}

function privateKeyOf(file: string, pem: Buffer, passphrase: string | undefined): KeyObject {
  try {
    if (passphrase === undefined) return createPrivateKey(pem);
    return createPrivateKey({ key: pem, passphrase });
  } catch (cause) {
    const code = passphrase === undefined ? "FILE_UNREADABLE" : "KEY_LOCKED";
    throw signError(code, file, cause);
  }
}

/**
 * A public key as people name it: 64 hex digits, or the path of a file in PEM or DER.
 *
 * @returns 32 bytes that may stand in a trust document (VT3)
 * @throws {SignError} `FILE_UNREADABLE`
 */
export function readPublicKey(name: string): Uint8Array {
  const raw = RAW_HEX.test(name) && !existsSync(name) ? fromHex(name) : rawOfFile(name);
  if (ed25519FromRaw(raw) === undefined) {
    throw new SignError("FILE_UNREADABLE", `${name} is no usable Ed25519 public key`);
  }
  return raw;
}

/** X25519, for what only the vendor's support may open (08). @returns 32 bytes as hex */
export function readSupportKey(name: string): string {
  if (RAW_HEX.test(name) && !existsSync(name)) return name;
  const key = publicKeyOf(name);
  const { x } = key.export({ format: "jwk" });
  if (key.asymmetricKeyType !== "x25519" || x === undefined) {
    throw new SignError("FILE_UNREADABLE", `${name} is no X25519 public key`);
  }
  return Buffer.from(x, "base64url").toString("hex");
}

function rawOfFile(file: string): Uint8Array {
  const key = publicKeyOf(file);
  if (key.asymmetricKeyType === "ed25519") return rawOf(key);
  throw new SignError("FILE_UNREADABLE", `${file} is no Ed25519 public key`);
}

/** Private keys are refused: who hands one out where a public one is asked must hear of it. */
function publicKeyOf(file: string): KeyObject {
  const bytes = Buffer.from(readBytes(file));
  if (bytes.includes("PRIVATE KEY")) {
    throw new SignError("FILE_UNREADABLE", `${file} is a private key; name the public one`);
  }
  const isPem = bytes.includes("-----BEGIN ");
  try {
    return createPublicKey(isPem ? bytes : { key: bytes, format: "der", type: "spki" });
  } catch (cause) {
    throw signError("FILE_UNREADABLE", file, cause);
  }
}

const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
