/** Metadata on its way from hand to hand: as it will be published, with fewer signatures. @module */
import { createHash, type KeyObject, sign, verify } from "node:crypto";
import {
  Key,
  Metadata,
  MetadataKind,
  type Root,
  Signature,
  type Snapshot,
  type Targets,
  type Timestamp,
} from "@tufjs/models";
import { readBytes, replaceDocument, writeNew } from "#documents/cli/files.ts";
import { readPrivateKey } from "#documents/cli/keys.ts";
import type { Say } from "#documents/cli/output.ts";
import { SignError, signError } from "#documents/cli/sign-error.ts";
import { ed25519FromRaw, rawOf } from "#documents/public-key.ts";
import { readStrictJson } from "#documents/strict-json.ts";
import { inspectMetadata, ROLES, type RoleName } from "../inspect.ts";

export type AnyMetadata = Metadata<Root | Targets | Snapshot | Timestamp>;
type Json = Parameters<typeof Metadata.fromJSON>[1];

export interface SigningOptions {
  readonly key?: readonly string[];
  readonly passphraseFile?: string;
}

/** A key as TUF writes it, under the id that TUF gives it (specification 4.2: of its canonical JSON). */
export function tufKey(raw: Uint8Array): Key {
  const keyVal = { public: Buffer.from(raw).toString("hex") };
  // Keys in order, no spaces, ASCII alone: this is canonical.
  const canonical = JSON.stringify({ keytype: "ed25519", keyval: keyVal, scheme: "ed25519" });
  const keyID = createHash("sha256").update(canonical).digest("hex");
  return new Key({ keyID, keyType: "ed25519", scheme: "ed25519", keyVal });
}

/** @throws {SignError} `FILE_UNREADABLE` for anything that the agents' check of W5 to W8 would not read */
export function readDraft(file: string): {
  readonly role: RoleName;
  readonly metadata: AnyMetadata;
} {
  const bytes = readBytes(file);
  const json = readStrictJson(bytes);
  const value = json.kind === "object" ? json.value : {};
  const type = (value["signed"] as { _type?: unknown } | undefined)?._type;
  const role = ROLES.find((name) => name === type);
  if (role === undefined) throw new SignError("FILE_UNREADABLE", `${file} is no release metadata`);
  const inspected = inspectMetadata(role, bytes);
  if (inspected.kind === "refused") {
    const { code, step, detail = "" } = inspected;
    throw new SignError("FILE_UNREADABLE", `${file}: ${code} at ${step} ${detail}`.trimEnd());
  }
  return { role, metadata: fromJson(role, value) };
}

function fromJson(role: RoleName, value: unknown): AnyMetadata {
  const json = value as Json;
  if (role === "root") return Metadata.fromJSON(MetadataKind.Root, json);
  if (role === "targets") return Metadata.fromJSON(MetadataKind.Targets, json);
  if (role === "snapshot") return Metadata.fromJSON(MetadataKind.Snapshot, json);
  return Metadata.fromJSON(MetadataKind.Timestamp, json);
}

export function encode(metadata: { toJSON(): unknown }): string {
  return `${JSON.stringify(metadata.toJSON(), null, 1)}\n`;
}

/** The bytes that are signed: Ed25519 over all of them, without a hash before it. */
export function bytesToSign(metadata: AnyMetadata): Uint8Array {
  const before = { ...metadata.signatures };
  let bytes: Uint8Array = new Uint8Array();
  metadata.sign((canonical) => {
    bytes = new Uint8Array(canonical);
    return new Signature({ keyID: "", sig: "" });
  });
  metadata.signatures = before;
  return bytes;
}

/** Signs with each key, in order. */
export async function signMetadata(metadata: AnyMetadata, options: SigningOptions): Promise<void> {
  for (const file of options.key ?? []) {
    signWith(metadata, await readPrivateKey(file, options.passphraseFile));
  }
}

export function signWith(metadata: AnyMetadata, key: KeyObject): void {
  const { keyID } = tufKey(rawOf(key));
  metadata.sign(
    (bytes) => new Signature({ keyID, sig: sign(undefined, bytes, key).toString("hex") }),
  );
}

/** @throws {SignError} `SIGNATURE_FOREIGN` if it is not of that key over these bytes */
export function attachSignature(
  metadata: AnyMetadata,
  raw: Uint8Array,
  signature: Uint8Array,
): void {
  const { keyID } = tufKey(raw);
  const key = ed25519FromRaw(raw);
  const isOurs = key !== undefined && verify(undefined, bytesToSign(metadata), key, signature);
  if (!isOurs) throw new SignError("SIGNATURE_FOREIGN", keyID);
  const sig = Buffer.from(signature).toString("hex");
  metadata.signatures[keyID] = new Signature({ keyID, sig });
}

export function createDraft(say: Say, file: string, metadata: AnyMetadata): void {
  writeNew(file, encode(metadata));
  sayWritten(say, file, metadata);
}

export function replaceDraft(say: Say, file: string, metadata: AnyMetadata): void {
  replaceDocument(file, new TextEncoder().encode(encode(metadata)));
  sayWritten(say, file, metadata);
}

function sayWritten(say: Say, file: string, { signatures, signed }: AnyMetadata): void {
  const count = Object.keys(signatures).length;
  say(`${signed.type} ${signed.version}, ${count} signature${count === 1 ? "" : "s"}: ${file}`);
}

/** @throws {SignError} `SIGNATURES_MISSING` if `metadata` is not signed by enough keys of `role` in `root` */
export function needSignatures(root: Metadata<Root>, role: RoleName, metadata: AnyMetadata): void {
  try {
    root.verifyDelegate(role, metadata);
  } catch (cause) {
    const { threshold } = root.signed.roles[role] ?? { threshold: 0 };
    const about = `${role} ${metadata.signed.version} needs ${threshold} of root ${root.signed.version}`;
    throw signError("SIGNATURES_MISSING", about, cause);
  }
}
