/**
 * A document on its way from hand to hand: an envelope with fewer signatures than it will need, at first with
 * none. Nothing but this tool reads one without signatures.
 *
 * @module
 */
import type { KeyObject } from "node:crypto";
import { decodeBase64 } from "../base64.ts";
import { type DocumentType, documentTypeOf } from "../document-types.ts";
import { type Envelope, readEnvelope, writeEnvelope } from "../envelope.ts";
import { parsePayload } from "../payload.ts";
import type { DocumentOf } from "../schemas.ts";
import { encodePayload, withSignature } from "../sign.ts";
import { readStrictJson } from "../strict-json.ts";
import { digestOf } from "../verify.ts";
import { readBytes, replaceDocument, writeNew } from "./files.ts";
import { readPrivateKey } from "./keys.ts";
import type { Say } from "./output.ts";
import { SignError, signError } from "./sign-error.ts";

export interface SigningOptions {
  /** Files of private keys. */
  readonly key?: readonly string[];
  readonly passphraseFile?: string;
}

/** @throws {SignError} `FILE_UNREADABLE` if it is no envelope of one of our types */
export function readDraft(file: string): Envelope {
  const bytes = readBytes(file);
  const json = readStrictJson(bytes);
  const value = json.kind === "object" ? json.value : {};
  const type = documentTypeOf(value["payloadType"]);
  if (type === undefined) throw new SignError("FILE_UNREADABLE", `${file} is no signed document`);
  const { signatures, payload } = value;
  if (Array.isArray(signatures) && signatures.length === 0 && typeof payload === "string") {
    const decoded = decodeBase64(payload);
    if (decoded !== undefined) return { type, payload: decoded, signatures: [] };
  }
  const envelope = readEnvelope(bytes, type);
  if (!("kind" in envelope)) return envelope;
  const { code, step, detail = "" } = envelope;
  throw new SignError("FILE_UNREADABLE", `${file}: ${code} at ${step} ${detail}`.trimEnd());
}

/** What a draft says. @throws {SignError} `DOCUMENT_REFUSED` if no agent would read it */
export function contentOf<T extends DocumentType>(type: T, { payload }: Envelope): DocumentOf[T] {
  const parsed = parsePayload(type, payload);
  if (parsed.kind === "parsed") return parsed.document;
  throw new SignError("DOCUMENT_REFUSED", `${parsed.code} at ${parsed.step} ${parsed.detail}`);
}

/** @throws {SignError} `DOCUMENT_UNFIT`, naming the field */
export function newDraft(type: DocumentType, payload: object): Envelope {
  try {
    return { type, payload: encodePayload(type, payload), signatures: [] };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "";
    throw signError("DOCUMENT_UNFIT", why, cause);
  }
}

/** Signs with each key, in order. */
export async function signDraft(draft: Envelope, options: SigningOptions): Promise<Envelope> {
  let signed = draft;
  for (const file of options.key ?? []) {
    const key: KeyObject = await readPrivateKey(file, options.passphraseFile);
    signed = withSignature(signed, key);
  }
  return signed;
}

/** Writes a new document, signed by whoever is at hand, and says so. */
export async function createDocument(
  say: Say,
  out: string,
  draft: Envelope,
  options: SigningOptions,
): Promise<void> {
  const signed = await signDraft(draft, options);
  writeNew(out, writeEnvelope(signed));
  sayWritten(say, out, signed);
}

export function replaceDraft(say: Say, file: string, draft: Envelope): void {
  replaceDocument(file, writeEnvelope(draft));
  sayWritten(say, file, draft);
}

function sayWritten(say: Say, file: string, { type, payload, signatures }: Envelope): void {
  const count = signatures.length === 1 ? "1 signature" : `${signatures.length} signatures`;
  say(`${type} document with ${count}: ${file}`);
  say(`digest ${digestOf(payload)}`);
}
