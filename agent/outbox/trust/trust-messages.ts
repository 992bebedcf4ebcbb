/** Trust state as it lies in the store (07 2.12), and what the main thread asks the writer about it. @module */

/** One entry of the audit (08 6), as it is stored: never written again. */
export interface AuditRow {
  /** From 1, without gaps. */
  readonly seq: number;
  readonly atMs: number;
  readonly bytes: Uint8Array;
  /** SHA-256 of the hash before it and `bytes`, 32 bytes; the first one follows {@link AUDIT_START}. */
  readonly hash: Uint8Array;
}

/** Where a chain of entries begins. */
export const AUDIT_START: Uint8Array = new Uint8Array(32);

/** The last entry; seq 0 and {@link AUDIT_START} where there is none yet. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: Uint8Array;
}

/** A signed document, or what was made of some. */
export interface DocumentRow {
  /** A word such as `trust`, `config`, `approval`. */
  readonly kind: string;
  /** By which it is found: lower-case hexadecimal, as a rule SHA-256 of its payload. */
  readonly digest: string;
  readonly atMs: number;
  /** The envelope as it came. */
  readonly bytes: Uint8Array;
}

/** A document without its bytes. */
export interface DocumentEntry extends Omit<DocumentRow, "bytes"> {
  readonly length: number;
}

export interface NonceRow {
  /** 16 bytes. */
  readonly nonce: Uint8Array;
  /** Until when it is kept, wall clock (07 VM3). */
  readonly expiresMs: number;
}

/** What changes in one transaction: all of it, or nothing. */
export interface TrustChange {
  /** Follows the head of the audit without a gap. */
  readonly audit: readonly AuditRow[];
  /** By name; null takes a value away. */
  readonly values?: ReadonlyMap<string, Uint8Array | null>;
  /** The newest of its kind from now on; one of the same kind and digest is replaced. */
  readonly documents?: readonly DocumentRow[];
  readonly nonces?: {
    readonly add: readonly NonceRow[];
    /** Those whose `expiresMs` is before it are forgotten first; absent: none. */
    readonly nowMs?: number;
  };
}

/**
 * What our own book-keeping changes, of which the audit says nothing: how far the SIEM has come, the counter of
 * status documents. Names and kinds begin with {@link NOTE_PREFIX}.
 */
export type NoteChange = Pick<TrustChange, "values" | "documents">;

export const NOTE_PREFIX = "note.";

/** All that is there but the bytes of documents, and entries of the audit. */
export interface TrustSnapshot {
  readonly values: ReadonlyMap<string, Uint8Array>;
  /** Newest first, at most {@link DOCUMENTS_MAX_COUNT} of a kind. */
  readonly documents: readonly DocumentEntry[];
  readonly auditHead: AuditHead;
  readonly nonceCount: number;
  /** Names of values, and `kind/digest` of documents, whose bytes are not those that were stored; at most 100. */
  readonly damaged: readonly string[];
}

/** What is kept of a kind; older ones go with the commit that brings one more. */
export const DOCUMENTS_MAX_COUNT = 2_048;

/** 07 VM3: a full store of them refuses, and evicts nothing. */
export const NONCES_MAX_COUNT = 10_000;

/** Questions, with the type of their answers. Changes are durable when answered. */
export interface TrustQuestions {
  trustLoad: { readonly ask: undefined; readonly answer: TrustSnapshot };
  trustCommit: { readonly ask: TrustChange; readonly answer: undefined };
  trustNote: { readonly ask: NoteChange; readonly answer: undefined };
  trustHasNonce: { readonly ask: { readonly nonce: Uint8Array }; readonly answer: boolean };
  trustDocument: {
    readonly ask: { readonly kind: string; readonly digest: string };
    readonly answer: DocumentRow | undefined;
  };
  trustDocuments: {
    readonly ask: { readonly kind: string; readonly limit: number };
    readonly answer: DocumentRow[];
  };
  trustDocumentsAfter: {
    readonly ask: { readonly kind: string; readonly digest: string; readonly limit: number };
    readonly answer: DocumentRow[];
  };
  auditHead: { readonly ask: undefined; readonly answer: AuditHead };
  auditPage: {
    readonly ask: { readonly afterSeq: number; readonly limit: number };
    readonly answer: AuditRow[];
  };
  auditPrune: { readonly ask: AuditCut; readonly answer: undefined };
}

/** Entries up to a seq that go, with what is left in their place (08 6: a signed anchor of the cut). */
export interface AuditCut {
  readonly throughSeq: number;
  /** Values that change in the same transaction, and the entry that says so. */
  readonly change: TrustChange;
}

/** The writer thread, as far as trust goes. */
export interface TrustWriter {
  ask<Name extends keyof TrustQuestions>(
    name: Name,
    ask: TrustQuestions[Name]["ask"],
  ): Promise<TrustQuestions[Name]["answer"]>;
}
