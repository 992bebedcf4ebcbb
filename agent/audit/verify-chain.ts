/**
 * Whether the audit is what was written (08 6, A01).
 *
 * The chain alone shows an edit, a deletion in its middle and a swap. That entries are missing at its end, that all of it
 * was written anew, or that an older copy was put in its place, shows only against a head that was held elsewhere. What
 * happened behind the last head that was sent cannot be shown.
 *
 * @module
 */
import { chainHash } from "../outbox/trust/audit-hash.ts";
import { AUDIT_START, type AuditRow } from "../outbox/trust/trust-messages.ts";
import { readEntry } from "./entry.ts";

/** What a signed head says: the entry that was the last one then. */
export interface HeldHead {
  readonly auditSeq: number;
  /** Hexadecimal. */
  readonly auditHead: string;
  readonly issuedAtMs: number;
}

/** Where older entries were cut off (`cut.ts`). */
export interface ChainCut {
  /** The last entry that went. */
  readonly throughSeq: number;
  readonly hash: Uint8Array;
}

export type ChainFault =
  /** Bytes, hash, number or predecessor of the entry do not fit together. */
  | "altered"
  /** Entries from here to the next one are not there. */
  | "missing"
  /** A head knows entries that are not there: cut off at the end, or an older copy. */
  | "truncated"
  /** A head knows another entry under this number. */
  | "rewritten"
  /** A head knows an entry that was too young to be cut off at the beginning. */
  | "cutEarly";

export interface ChainFinding {
  readonly fault: ChainFault;
  readonly seq: number;
}

export interface ChainReport {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Hash of the last entry, hexadecimal. */
  readonly head: string;
  readonly entryCount: number;
  /** Heads that were held against an entry, or against the cut. */
  readonly comparedCount: number;
  /** Heads from before the cut, of entries that had had their time. */
  readonly olderCount: number;
  readonly faultCount: number;
  /** The first hundred. */
  readonly findings: readonly ChainFinding[];
}

const PAGE_ROWS = 500;
const FINDINGS_MAX_COUNT = 100;

export interface ChainQuestion {
  /** Entries after a seq, oldest first. */
  readonly page: (afterSeq: number, limit: number) => Promise<readonly AuditRow[]>;
  /** Its signature was verified by whoever asks. */
  readonly cut?: ChainCut | undefined;
  readonly heads?: readonly HeldHead[];
  /** Entries from then on have to be there, cut or not. */
  readonly keptSinceMs?: number;
}

type ChainAsked = Omit<ChainQuestion, "page">;

/** Reads all of it, in pages. */
export async function verifyChain({ page, ...asked }: ChainQuestion): Promise<ChainReport> {
  const check = new ChainCheck(asked);
  for (let after = check.lastSeq; ; ) {
    const rows = await page(after, PAGE_ROWS);
    for (const row of rows) check.take(row);
    const last = rows.at(-1);
    if (last === undefined) return check.report();
    after = last.seq;
  }
}

/** The same, for whoever has the entries in hand: one after the other. */
export class ChainCheck {
  readonly #cut: ChainCut | undefined;
  readonly #heads: ReadonlyMap<number, readonly HeldHead[]>;
  readonly #findings: ChainFinding[] = [];
  #faults = 0;
  #count = 0;
  #compared = 0;
  #older = 0;
  #seq: number;
  #hash: Uint8Array;

  constructor({ cut, heads = [], keptSinceMs = Number.POSITIVE_INFINITY }: ChainAsked) {
    this.#cut = cut;
    this.#seq = cut?.throughSeq ?? 0;
    this.#hash = cut?.hash ?? AUDIT_START;
    this.#heads = Map.groupBy(heads, ({ auditSeq }) => auditSeq);
    if (cut !== undefined) this.#compareCut(cut, heads, keptSinceMs);
  }

  get lastSeq(): number {
    return this.#seq;
  }

  take(row: AuditRow): void {
    const { seq, hash } = row;
    if (seq !== this.#seq + 1) this.#found("missing", this.#seq + 1);
    else if (!follows(this.#hash, row)) this.#found("altered", seq);
    this.#count += 1;
    this.#seq = seq;
    this.#hash = hash;
    this.#compare(seq);
  }

  report(): ChainReport {
    for (const [seq] of this.#heads) if (seq > this.#seq) this.#found("truncated", seq);
    return {
      ...{ firstSeq: (this.#cut?.throughSeq ?? 0) + 1, lastSeq: this.#seq },
      ...{ head: hex(this.#hash), entryCount: this.#count },
      ...{ comparedCount: this.#compared, olderCount: this.#older },
      ...{ faultCount: this.#faults, findings: this.#findings },
    };
  }

  #compare(seq: number): void {
    for (const { auditHead } of this.#heads.get(seq) ?? []) {
      this.#compared += 1;
      if (auditHead !== hex(this.#hash)) this.#found("rewritten", seq);
    }
  }

  #compareCut(cut: ChainCut, heads: readonly HeldHead[], keptSinceMs: number): void {
    this.#compare(cut.throughSeq);
    for (const { auditSeq, issuedAtMs } of heads) {
      if (auditSeq >= cut.throughSeq) continue;
      this.#older += 1;
      // The entry behind it was not made before the head was, and is gone all the same.
      if (issuedAtMs >= keptSinceMs) this.#found("cutEarly", auditSeq);
    }
  }

  #found(fault: ChainFault, seq: number): void {
    this.#faults += 1;
    if (this.#findings.length < FINDINGS_MAX_COUNT) this.#findings.push({ fault, seq });
  }
}

/** Whether an entry is the one behind `prev`, by its hash and by its own words. */
function follows(prev: Uint8Array, { seq, bytes, hash }: AuditRow): boolean {
  const entry = readEntry(bytes);
  if (entry?.seq !== seq || entry.prev !== hex(prev)) return false;
  return Buffer.compare(chainHash(prev, bytes), hash) === 0;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
