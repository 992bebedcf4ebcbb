/**
 * Heads of agents' audits, and where they stood when they said so (08 6, 07 2.2): append-only. What nobody can
 * take back here is what an agent's audit is held against, should its machine be put back, or changed.
 *
 * @module
 */

/** What must never go back, of one device key. */
export interface HeadMarks {
  readonly counter: number;
  readonly auditSeq: number;
  /** Of the entry `auditSeq`, hexadecimal. */
  readonly auditHead: string;
  readonly generation: number;
}

export interface AddHeadCall extends HeadMarks {
  readonly agent: number;
  /** Whose signature was verified, hexadecimal; empty: the agent has none, and nothing was verified. */
  readonly deviceKeyHex: string;
  /** SHA-256 of the payload, hexadecimal: the same head is kept once. */
  readonly digest: string;
  /** As it came, JSON. */
  readonly envelope: string;
  readonly atMs: number;
}

export interface AddHeadResult {
  readonly kind: "ok";
  /** It came before; nothing was changed. */
  readonly known: boolean;
  /** The highest of each that came before it from the same device key; null: it is the first. */
  readonly before: HeadMarks | null;
}

export interface HeadRecord extends HeadMarks {
  /** Rises in the order in which they came. */
  readonly id: number;
  readonly isVerified: boolean;
  readonly receivedAtMs: number;
  readonly envelope: string;
}

export interface Heads {
  /** Keeps one; it is never changed, and never goes. */
  addHead(call: AddHeadCall): Promise<AddHeadResult | { readonly kind: "busy" }>;
  /** One page, oldest first; empty after the last. */
  headsAfter(call: { readonly agent: number; readonly id: number }): Promise<readonly HeadRecord[]>;
}

export interface HeadStore {
  readonly heads: Heads;
}
