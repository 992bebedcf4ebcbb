/**
 * The files of the embedded CA: its certificate, and its key with mode 0600. Who has the key can make an
 * agent of anybody whose serial stands in the register, and of nobody else (07 1.8 G6).
 *
 * @module
 */
import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { createAuthority, loadAuthority } from "#certs/authority.ts";
import { foreignCode, identifierFrom, ReceiverError } from "../errors.ts";

export interface AuthorityPaths {
  readonly certificate: string;
  readonly key: string;
}

/**
 * Makes a CA and writes it.
 *
 * @throws {ReceiverError} `CA_EXISTS`, `CA_FILE`; nothing that exists is replaced
 */
export async function createAuthorityFiles(
  paths: AuthorityPaths,
  { commonName, nowMs }: { readonly commonName: string; readonly nowMs: number },
): Promise<void> {
  const made = await createAuthority(commonName, nowMs);
  // The key first: a certificate without it would look like a CA.
  writeNew(paths.key, made.privateKeyPem, 0o600);
  writeNew(paths.certificate, made.certificatePem, 0o644);
}

/** @throws {ReceiverError} `CA_FILE` if it is absent, no CA, or others may read the key */
export async function loadAuthorityFiles(paths: AuthorityPaths) {
  const files = {
    certificatePem: read(paths.certificate, "certificate"),
    privateKeyPem: read(paths.key, "key"),
  };
  try {
    return await loadAuthority(files);
  } catch (error) {
    throw unfit("pair", error);
  }
}

function writeNew(path: string, text: string, mode: number): void {
  try {
    const descriptor = openSync(path, "wx", mode);
    try {
      writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (foreignCode(error) === "EEXIST") throw new ReceiverError("CA_EXISTS", { cause: error });
    throw unfit("write", error);
  }
}

function read(path: string, part: "certificate" | "key"): string {
  try {
    const descriptor = openSync(path, "r");
    try {
      // Asked of what was opened, not of a path that may be another file by then.
      if (part === "key" && (fstatSync(descriptor).mode & 0o077) !== 0) throw unfit("exposed");
      return readFileSync(descriptor, "utf8");
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (error instanceof ReceiverError) throw error;
    throw unfit(part, error);
  }
}

function unfit(part: string, cause?: unknown): ReceiverError {
  const facts = { part: identifierFrom(part), error: foreignCode(cause) };
  return new ReceiverError("CA_FILE", { cause, facts });
}
