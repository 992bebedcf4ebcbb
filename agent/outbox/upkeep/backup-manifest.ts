/**
 * `manifest.json`: what a backup is, written last, so that a folder without it is no backup (05 S19).
 *
 * @module
 */
import { createHash } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { AgentError } from "../../errors.ts";
import { createFile, makeFolder, replaceFile } from "../../host/atomic-file.ts";
import { unreadManifest } from "./backup-fault.ts";
import type { KeyFile } from "./copy-store.ts";

const MANIFEST_FILE = "manifest.json";
export const DATABASE_FILE = "holdfast.db";
/** The key files, wrapped; never the key that wraps them. */
export const KEYS_FOLDER = "keys";

export const FORMAT = 1;

export interface ManifestFile {
  /** Relative to the backup's folder, with `/`. */
  readonly name: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** No content, no control id: names of channels, numbers, times. */
export interface Manifest {
  readonly format: typeof FORMAT;
  /** Of the program that made it. */
  readonly version: string;
  readonly schema: number;
  /** Hexadecimal. */
  readonly storeId: string;
  /** RFC 3339: when the copy was whole. */
  readonly madeAt: string;
  /** Epochs and seqs as text: they may pass 2^53. */
  readonly channels: readonly {
    readonly name: string;
    readonly epoch: string;
    readonly lastSeq: string;
    readonly ackedSeq: string;
  }[];
  readonly counts: {
    /** Messages with their bodies, each read against its digest. */
    readonly messages: number;
    /** Ledger entries of messages whose bodies are pruned. */
    readonly pruned: number;
    readonly quarantined: number;
    /** Downstream messages with their bytes; absent before schema version 4. */
    readonly inbox?: number;
    /** Rows of dropped files; absent before schema version 5. */
    readonly files?: number;
    readonly bodyBytes: number;
    /** Rows that were damaged in the store itself when it was copied. */
    readonly damaged: number;
  };
  readonly files: readonly ManifestFile[];
}

/** Makes the folder a backup. Flushed. */
export function writeManifest(folder: string, manifest: Manifest): void {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  replaceFile(join(folder, MANIFEST_FILE), text, 0o400);
}

/** @throws {AgentError} `BACKUP_NOT_FOUND`; `BACKUP_DAMAGED` if it is none of ours; `FILE_NOT_READABLE` */
export function readManifest(folder: string): Manifest {
  let found: Partial<Manifest>;
  try {
    found = JSON.parse(readFileSync(join(folder, MANIFEST_FILE), "utf8")) as Partial<Manifest>;
  } catch (error) {
    throw unreadManifest(error);
  }
  const { format, schema, storeId, counts, files, channels } = found;
  const isOurs =
    format === FORMAT &&
    typeof schema === "number" &&
    /^[0-9a-f]{32}$/.test(String(storeId)) &&
    typeof counts === "object" &&
    Array.isArray(channels) &&
    Array.isArray(files) &&
    files.every((file: Partial<ManifestFile>) => isSafeName(String(file.name)));
  if (!isOurs) throw new AgentError("BACKUP_DAMAGED", { manifest: true });
  return found as Manifest;
}

/** Nothing that a manifest names may lead out of its folder. */
const isSafeName = (name: string): boolean =>
  name === DATABASE_FILE || /^keys\/(?:index|[1-9]\d{0,9})\.key$/.test(name);

/** Key files, each flushed, in a new folder below `folder`. */
export function writeKeyFiles(folder: string, keys: readonly KeyFile[]): void {
  const to = join(folder, KEYS_FOLDER);
  makeFolder(to, 0o700);
  for (const { name, content } of keys) createFile(join(to, name), content, 0o400);
}

const READ_BYTES = 1_048_576;

/** What lies in the folder, each file read through. */
export function filesOf(folder: string): ManifestFile[] {
  const keys = readdirSync(join(folder, KEYS_FOLDER)).sort();
  const names = [DATABASE_FILE, ...keys.map((name) => `${KEYS_FOLDER}/${name}`)];
  return names.map((name) => ({ name, ...digestOf(join(folder, name)) }));
}

function digestOf(file: string): { readonly bytes: number; readonly sha256: string } {
  const digest = createHash("sha256");
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  const descriptor = openSync(file, "r");
  let bytes = 0;
  try {
    for (;;) {
      const count = readSync(descriptor, buffer);
      if (count === 0) break;
      digest.update(buffer.subarray(0, count));
      bytes += count;
    }
  } finally {
    closeSync(descriptor);
  }
  return { bytes, sha256: digest.digest("hex") };
}
