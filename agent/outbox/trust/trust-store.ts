/**
 * Trust chain, document history, sequence marks, nonces and audit (07 2.12): main-thread face of their part of the
 * store.
 *
 * Nobody but `agent/audit` calls `commit` and `prune`: a change without its entry would be one that nobody can find.
 *
 * @module
 */
import {
  type AuditCut,
  type AuditHead,
  type AuditRow,
  type DocumentRow,
  NOTE_PREFIX,
  type NoteChange,
  type TrustChange,
  type TrustSnapshot,
  type TrustWriter,
} from "./trust-messages.ts";

/** Read at once at most. */
export const AUDIT_PAGE_MAX_COUNT = 500;

export class TrustStore {
  readonly #writer: TrustWriter;

  constructor(writer: TrustWriter) {
    this.#writer = writer;
  }

  /** All that is there but the bytes of documents, and entries of the audit. @throws {AgentError} `STORE_*` */
  load(): Promise<TrustSnapshot> {
    return this.#writer.ask("trustLoad", undefined);
  }

  /**
   * One transaction; durable when this resolves, and nothing of it is there when it rejects.
   *
   * @throws {AgentError} `STORE_*`; `NONCE_SEEN`, `NONCES_FULL` (07 VM3); `AGENT_DEFECT` where the entries do not
   *   follow the head of the audit
   * @throws {TypeError} without an entry of the audit
   */
  async commit(change: TrustChange): Promise<void> {
    if (change.audit.length === 0) throw new TypeError("Cannot change trust state unrecorded");
    await this.#writer.ask("trustCommit", copyOf(change));
  }

  /**
   * The same for book-keeping, of which the audit says nothing.
   *
   * @throws {AgentError} `STORE_*` @throws {TypeError} for a name that is not one of a note
   */
  async note(change: NoteChange): Promise<void> {
    const names = [
      ...(change.values?.keys() ?? []),
      ...(change.documents ?? []).map(({ kind }) => kind),
    ];
    if (!names.every((name) => name.startsWith(NOTE_PREFIX))) {
      throw new TypeError("Cannot change trust state unrecorded");
    }
    const { values, documents } = copyOf({ ...change, audit: [] });
    await this.#writer.ask("trustNote", {
      ...(values && { values }),
      ...(documents && { documents }),
    });
  }

  /** Whether a command with this nonce came before (07 VM3). */
  hasNonce(nonce: Uint8Array): Promise<boolean> {
    return this.#writer.ask("trustHasNonce", { nonce: exact(nonce) });
  }

  /** @returns `undefined` if it is not there, or its bytes are not those that were stored */
  document(kind: string, digest: string): Promise<DocumentRow | undefined> {
    return this.#writer.ask("trustDocument", { kind, digest });
  }

  /** Newest first; those that are damaged are left out. */
  documents(kind: string, limit: number): Promise<DocumentRow[]> {
    return this.#writer.ask("trustDocuments", { kind, limit });
  }

  /** In order of their digests, those after `digest`: for kinds whose digest is a number of fixed length. */
  documentsAfter(kind: string, digest: string, limit: number): Promise<DocumentRow[]> {
    return this.#writer.ask("trustDocumentsAfter", { kind, digest, limit });
  }

  auditHead(): Promise<AuditHead> {
    return this.#writer.ask("auditHead", undefined);
  }

  /** Entries after `afterSeq`, oldest first, at most `limit` and {@link AUDIT_PAGE_MAX_COUNT}; nothing is checked. */
  auditPage(afterSeq: number, limit: number): Promise<AuditRow[]> {
    const most = Math.min(limit, AUDIT_PAGE_MAX_COUNT);
    return this.#writer.ask("auditPage", { afterSeq, limit: most });
  }

  /** Forgets entries; the change is made in the same transaction. @throws as `commit` */
  async auditPrune({ throughSeq, change }: AuditCut): Promise<void> {
    if (change.audit.length === 0) throw new TypeError("Cannot change trust state unrecorded");
    await this.#writer.ask("auditPrune", { throughSeq, change: copyOf(change) });
  }
}

/** Without what lies beside them in memory: that would be copied along. */
const exact = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

function copyOf({ audit, values, documents, nonces }: TrustChange): TrustChange {
  return {
    audit: audit.map((row) => ({ ...row, bytes: exact(row.bytes), hash: exact(row.hash) })),
    ...(values && {
      values: new Map([...values].map(([name, value]) => [name, value && exact(value)])),
    }),
    ...(documents && { documents: documents.map((one) => ({ ...one, bytes: exact(one.bytes) })) }),
    ...(nonces && {
      nonces: {
        ...nonces,
        add: nonces.add.map(({ nonce, expiresMs }) => ({ nonce: exact(nonce), expiresMs })),
      },
    }),
  };
}
