/**
 * Trust state and audit in the writer thread: each change is one transaction (07 VT7, VC10).
 *
 * A page of these tables that cannot be read is damage of trust state, for which 07 2.12 has its table: messages
 * flow on. What reading finds is named, what writing finds is refused.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { AgentError, codeOf } from "../../errors.ts";
import { readUnlessCorrupt, translated } from "../format/fault.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import { chainHash } from "./audit-hash.ts";
import {
  AUDIT_START,
  type AuditCut,
  type AuditHead,
  type AuditRow,
  DOCUMENTS_MAX_COUNT,
  type DocumentEntry,
  type DocumentRow,
  NONCES_MAX_COUNT,
  type NoteChange,
  type TrustChange,
  type TrustSnapshot,
} from "./trust-messages.ts";

export interface TrustRowsOptions {
  readonly store: GroupCommit;
  /** Called with why a change was refused, unless that halts the store. */
  readonly onRefused: (error: AgentError) => void;
}

const PAGE_ROWS = 100;
const DAMAGED_MAX_COUNT = 100;

type ValueColumns = [name: string, value: Uint8Array, sum: Uint8Array];
type DocumentColumns = [string, string, number, Uint8Array, Uint8Array];
type ListColumns = [number, string, string, number, number, Uint8Array, Uint8Array];
type AuditColumns = [number, number, Uint8Array, Uint8Array];

export class TrustRows {
  readonly #options: TrustRowsOptions;

  constructor(options: TrustRowsOptions) {
    this.#options = options;
  }

  load(): TrustSnapshot {
    const damaged: string[] = [];
    const values = new Map<string, Uint8Array>();
    const documents: DocumentEntry[] = [];
    const { prepared } = this.#options.store;
    this.#readAll("values", damaged, () => {
      for (let after = ""; ; ) {
        const page = prepared.trustValuesAfter.all(after, PAGE_ROWS) as ValueColumns[];
        for (const [name, value, sum] of page) {
          if (isSummed(sum, [name], value)) values.set(name, new Uint8Array(value));
          else damaged.push(String(name));
          after = name;
        }
        if (page.length < PAGE_ROWS) return;
      }
    });
    this.#readAll("documents", damaged, () => {
      for (let before = Number.MAX_SAFE_INTEGER; ; ) {
        // One at a time: a document may have a megabyte.
        const [row] = prepared.trustDocumentList.all(before, 1) as ListColumns[];
        if (row === undefined) return;
        const [id, kind, digest, atMs, length, sum, bytes] = row;
        before = id;
        if (isSummed(sum, [kind, digest], bytes)) documents.push({ kind, digest, atMs, length });
        else damaged.push(`${kind}/${digest}`);
      }
    });
    const auditHead = readUnlessCorrupt(() => this.auditHead());
    if (auditHead === undefined) damaged.push("audit");
    const nonceCount = readUnlessCorrupt(() => prepared.trustNonceCount.get(0) as number);
    if (nonceCount === undefined) damaged.push("nonces");
    return {
      ...{ values, documents, nonceCount: nonceCount ?? NONCES_MAX_COUNT },
      auditHead: auditHead ?? { seq: 0, hash: AUDIT_START },
      damaged: damaged.slice(0, DAMAGED_MAX_COUNT),
    };
  }

  auditHead(): AuditHead {
    const row = this.#options.store.prepared.auditLast.get(Number.MAX_SAFE_INTEGER) as
      | [number, Uint8Array]
      | undefined;
    return row === undefined
      ? { seq: 0, hash: AUDIT_START }
      : { seq: row[0], hash: new Uint8Array(row[1]) };
  }

  auditPage(afterSeq: number, limit: number): AuditRow[] {
    const { auditAfter } = this.#options.store.prepared;
    const rows = auditAfter.all(afterSeq, limit) as AuditColumns[];
    return rows.map(([seq, atMs, bytes, hash]) => ({
      ...{ seq, atMs, bytes: new Uint8Array(bytes), hash: new Uint8Array(hash) },
    }));
  }

  hasNonce(nonce: Uint8Array): boolean {
    return this.#options.store.prepared.trustNonceAt.get(nonce) !== undefined;
  }

  document(kind: string, digest: string): DocumentRow | undefined {
    const row = this.#options.store.prepared.trustDocumentAt.get(kind, digest);
    return row === undefined ? undefined : documentOf(row as DocumentColumns);
  }

  documents(kind: string, limit: number): DocumentRow[] {
    const rows = this.#options.store.prepared.trustDocumentsOf.all(kind, limit);
    return (rows as DocumentColumns[]).flatMap((row) => documentOf(row) ?? []);
  }

  documentsAfter(kind: string, digest: string, limit: number): DocumentRow[] {
    const rows = this.#options.store.prepared.trustDocumentsAfter.all(kind, digest, limit);
    return (rows as DocumentColumns[]).flatMap((row) => documentOf(row) ?? []);
  }

  /** @throws {AgentError} as `TrustStore.commit` */
  commit(change: TrustChange): undefined {
    this.#write(() => this.#carryOut(change));
  }

  note(change: NoteChange): undefined {
    this.#write(() => this.#keep(change));
  }

  prune({ throughSeq, change }: AuditCut): undefined {
    this.#write(() => {
      this.#carryOut(change);
      this.#options.store.prepared.auditForget.run(throughSeq);
    });
  }

  #carryOut(change: TrustChange): void {
    this.#append(change.audit);
    this.#keep(change);
    if (change.nonces === undefined) return;
    const { prepared } = this.#options.store;
    const { add, nowMs } = change.nonces;
    if (nowMs !== undefined) prepared.trustNonceForget.run(nowMs);
    let count = add.length === 0 ? 0 : (prepared.trustNonceCount.get(0) as number);
    for (const { nonce, expiresMs } of add) {
      if (this.hasNonce(nonce)) throw new AgentError("NONCE_SEEN", {});
      // VM3: full refuses, and evicts nothing.
      if (count >= NONCES_MAX_COUNT) throw new AgentError("NONCES_FULL", { count });
      count += 1;
      prepared.trustNonceInsert.run(nonce, expiresMs);
    }
  }

  /** An entry that does not follow would be found only when somebody looks for it. */
  #append(rows: readonly AuditRow[]): void {
    const { auditInsert } = this.#options.store.prepared;
    let { seq, hash } = this.auditHead();
    for (const row of rows) {
      const follows = Buffer.compare(chainHash(hash, row.bytes), row.hash) === 0;
      if (row.seq !== seq + 1 || !follows) throw new AgentError("AUDIT_UNWRITABLE", { head: seq });
      auditInsert.run(row.seq, row.atMs, row.bytes, row.hash);
      ({ seq, hash } = row);
    }
  }

  #keep({ values, documents }: NoteChange): void {
    const { prepared } = this.#options.store;
    for (const [name, value] of values ?? []) {
      if (value === null) prepared.trustValueTake.run(name);
      else prepared.trustValueSet.run(name, value, sumOf([name], value));
    }
    for (const { kind, digest, atMs, bytes } of documents ?? []) {
      prepared.trustDocumentTake.run(kind, digest);
      prepared.trustDocumentInsert.run(kind, digest, atMs, bytes, sumOf([kind, digest], bytes));
      const beyond = prepared.trustDocumentBeyond.get(kind, DOCUMENTS_MAX_COUNT);
      if (beyond !== undefined) prepared.trustDocumentForget.run(kind, beyond);
    }
  }

  #readAll(what: string, damaged: string[], read: () => void): void {
    const isRead = readUnlessCorrupt(() => {
      read();
      return true;
    });
    if (isRead === undefined) damaged.push(what);
  }

  #write(work: () => void): void {
    const { store, onRefused } = this.#options;
    try {
      store.inTransaction(() => contained(work));
    } catch (error) {
      const fault = store.budget.refusal(translated(error), []);
      if (fault.disposition !== "halt") onRefused(fault);
      throw fault;
    }
  }
}

/** Before COMMIT a corrupt page is one of these tables, and of nothing else (05 S16). */
function contained(work: () => void): void {
  try {
    work();
  } catch (error) {
    throw codeOf(error).startsWith("SQLITE_CORRUPT") ? damagedTables(error) : error;
  }
}

const damagedTables = (cause: unknown): AgentError =>
  new AgentError("AUDIT_UNWRITABLE", { sysCode: codeOf(cause) }, { cause });

function sumOf(key: readonly string[], bytes: Uint8Array): Buffer {
  const digest = createHash("sha256");
  for (const part of key) digest.update(`${Buffer.byteLength(part)}:${part},`);
  return digest.update(bytes).digest();
}

const isSummed = (sum: Uint8Array, key: readonly string[], bytes: Uint8Array): boolean =>
  sum instanceof Uint8Array &&
  bytes instanceof Uint8Array &&
  Buffer.compare(sumOf(key, bytes), sum) === 0;

function documentOf([kind, digest, atMs, bytes, sum]: DocumentColumns): DocumentRow | undefined {
  if (!isSummed(sum, [kind, digest], bytes)) return undefined;
  return { kind, digest, atMs, bytes: new Uint8Array(bytes) };
}
