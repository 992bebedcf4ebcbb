/**
 * The file that a key-encryption key (KEK) lies in, as text or as bytes, whoever else may read it (08 2.2).
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { readFileSync, realpathSync, type Stats, statSync } from "node:fs";
import { AgentError, codeOf } from "../errors.ts";

export const KEK_BYTES = 32;
export const KEK_MODE = 0o400;
/** A text, so that a person can copy it to paper or a safe. */
const AS_TEXT = /^([0-9a-f]{64})\r?\n?$/i;
const TEXT_MAX_BYTES = 66;

/**
 * What a rotation puts beside the KEK's file until every key is wrapped by it.
 *
 * @param file not a link: what is put in its place must replace the KEK itself
 */
export const nextKekFile = (file: string): string => `${file}.next`;

export const newKek = (): Buffer => randomBytes(KEK_BYTES);

/** A new KEK as the content of its file. */
export const newKekText = (): string => `${newKek().toString("hex")}\n`;

/** @throws {AgentError} `KEK_MISSING`, `KEK_MALFORMED`. Rights are not looked at */
export function readKek(file: string): Uint8Array {
  const content = kekContent(file, TEXT_MAX_BYTES);
  const kek = kekIn(content);
  if (kek === undefined) throw new AgentError("KEK_MALFORMED", { bytes: content.length });
  return kek;
}

/** @returns `undefined` if it is none */
export function kekIn(content: Buffer): Uint8Array | undefined {
  if (content.length === KEK_BYTES) return new Uint8Array(content);
  const digits = AS_TEXT.exec(content.toString("latin1"))?.[1];
  return digits === undefined ? undefined : new Uint8Array(Buffer.from(digits, "hex"));
}

/** @throws {AgentError} `KEK_MISSING`; `KEK_MALFORMED` if it is larger */
export function kekContent(file: string, maxBytes: number): Buffer {
  // A wrong path may lead to anything.
  const { size } = statusOf(file);
  if (size > maxBytes) throw new AgentError("KEK_MALFORMED", { bytes: size });
  return found(() => readFileSync(file));
}

/** @throws {AgentError} `KEK_MISSING` */
export function realPathOf(file: string): string {
  return found(() => realpathSync(file));
}

/** @throws {AgentError} `KEK_MISSING` */
export function statusOf(file: string): Stats {
  return found(() => statSync(file));
}

function found<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw missing(error);
  }
}

const missing = (cause: unknown): AgentError =>
  new AgentError("KEK_MISSING", { sysCode: codeOf(cause) }, { cause });
