/** `holdfast-sign bundle`: documents on a stick (07 2.13). @module */
import { writeBundle } from "../bundle.ts";
import type { DocumentType } from "../document-types.ts";
import { BUNDLE_MAX_BYTES } from "../limits.ts";
import { readDraft } from "./draft.ts";
import { readBytes, writeNew } from "./files.ts";
import type { Say } from "./output.ts";
import { SignError } from "./sign-error.ts";

export interface BundleOptions {
  readonly out: string;
  readonly trust?: readonly string[];
  readonly config?: string;
  readonly approval?: readonly string[];
  readonly head?: string;
}

/** @param options trust documents in their order, from any version on */
export function makeBundle(say: Say, options: BundleOptions): void {
  const bytes = writeBundle({
    trustChain: (options.trust ?? []).map((file) => envelope(file, "trust")),
    config: options.config === undefined ? undefined : envelope(options.config, "config"),
    approvals: (options.approval ?? []).map((file) => envelope(file, "approval")),
    head: options.head === undefined ? undefined : envelope(options.head, "head"),
  });
  if (bytes.length > BUNDLE_MAX_BYTES) throw new SignError("DOCUMENT_UNFIT", "more than 5 MB");
  writeNew(options.out, bytes);
  say(`bundle of ${bytes.length} bytes: ${options.out}`);
}

function envelope(file: string, type: DocumentType): Uint8Array {
  const draft = readDraft(file);
  if (draft.type !== type) {
    throw new SignError("FILE_UNREADABLE", `${file} is a ${draft.type} document, not ${type}`);
  }
  if (draft.signatures.length === 0) throw new SignError("SIGNATURES_MISSING", file);
  return readBytes(file);
}
