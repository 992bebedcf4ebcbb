/**
 * The oracle for what the inbox of a store holds: reads the file itself and shares no code with the agent (10
 * section 1). Seqs without a hole: for loads in which nothing is skipped.
 *
 * @module
 */
import { hash } from "node:crypto";
import type Database from "better-sqlite3";
import { recordAt, type SealedRecord, SealedStore } from "./sealed-store.ts";
import { type InboxRow, inboxOf, inboxPositionsOf, storeIdOf } from "./store-tables.ts";

/** States of `inbox.state` that an outcome is reported for. */
const REPORTED = new Set([2, 3]);
const CHAIN_START: Buffer = Buffer.alloc(32);

export interface InboxReport {
  /** `channel/epoch/seq` to the row, and its bytes if they are kept. */
  readonly messages: ReadonlyMap<
    string,
    { readonly row: InboxRow; readonly body: Buffer | undefined }
  >;
  readonly reasons: readonly string[];
}

export const nameOf = ({ name, epoch, seq }: InboxRow): string => `${name}/${epoch}/${seq}`;

/** @param reports control ids of the messages on `$outcomes` */
export function inspectInbox(
  db: Database.Database,
  stateDir: string,
  kek: Uint8Array,
  reports: ReadonlySet<string>,
): InboxReport {
  const sealed = new SealedStore(stateDir, kek, storeIdOf(db));
  const messages = new Map<string, { row: InboxRow; body: Buffer | undefined }>();
  const reasons: string[] = [];
  const ends = new Map<string, { seq: number; chain: Buffer }>();
  for (const row of inboxOf(db)) {
    const name = nameOf(row);
    const epoch = `${row.channel}/${row.epoch}`;
    const before = ends.get(epoch) ?? { seq: 0, chain: CHAIN_START };
    if (row.seq !== before.seq + 1) reasons.push(`order: ${name} after ${before.seq}`);
    const head = headOf(sealed, row);
    if (typeof head === "string") reasons.push(`sealing: ${name} ${head}`);
    const body = row.kept === 1 ? bodyOf(db, sealed, row) : undefined;
    if (typeof head === "object" && typeof body === "object") {
      reasons.push(...unlike(sealed, row, head, body).map((why) => `integrity: ${name} ${why}`));
      const chain = chainAfter(before.chain, row, head.sha256);
      if (!chain.equals(head.chain)) reasons.push(`chain: ${name}`);
      ends.set(epoch, { seq: row.seq, chain });
    } else ends.set(epoch, { ...before, seq: row.seq });
    if (typeof body === "string") reasons.push(`sealing: ${name} ${body}`);
    if (REPORTED.has(row.state) !== reports.has(name)) {
      reasons.push(`atomicity: ${name} is in state ${row.state}, report ${reports.has(name)}`);
    }
    messages.set(name, { row, body: typeof body === "object" ? body : undefined });
  }
  for (const { id, name, epoch, lastSeq, chain } of inboxPositionsOf(db)) {
    const end = ends.get(`${id}/${epoch}`) ?? { seq: 0, chain: CHAIN_START };
    if (end.seq !== lastSeq) reasons.push(`position: ${name} says ${lastSeq}, holds ${end.seq}`);
    const place = { column: "inbox_channel.chain", channel: id, row: epoch } as const;
    const plain = chain === null ? "is none" : sealed.open(chain, { ...place, direction: "down" });
    if (typeof plain === "string") reasons.push(`chain: of ${name} ${plain}`);
    else if (!plain.equals(end.chain)) reasons.push(`chain: of ${name} is another`);
  }
  return { messages, reasons };
}

function headOf(sealed: SealedStore, row: InboxRow): SealedRecord | string | undefined {
  if (row.head === null) return row.kept === 1 ? "has no head" : undefined;
  const place = { column: "inbox.head", channel: row.channel, row: row.id } as const;
  const plain = sealed.open(row.head, { ...place, direction: "down" });
  return typeof plain === "string" ? plain : (recordAt(plain, 0) ?? "holds no record");
}

function bodyOf(db: Database.Database, sealed: SealedStore, { id }: InboxRow): Buffer | string {
  const rows = db
    .prepare("SELECT ordinal, bytes FROM inbox_slice WHERE body = ? ORDER BY ordinal")
    .raw()
    .all(id) as [number, Buffer][];
  const parts: Buffer[] = [];
  for (const [ordinal, bytes] of rows) {
    const place = { column: "inbox_slice.bytes", channel: 0, row: id, extra: ordinal } as const;
    const plain = sealed.open(bytes, { ...place, direction: "down" });
    if (typeof plain === "string") return `slice ${ordinal} ${plain}`;
    parts.push(plain);
  }
  return Buffer.concat(parts);
}

function unlike(
  sealed: SealedStore,
  { epoch, seq, length, contentToken }: InboxRow,
  { sha256, identity }: SealedRecord,
  body: Buffer,
): string[] {
  const reasons: string[] = [];
  if (body.length !== length) reasons.push(`holds ${body.length} of ${length} bytes`);
  if (!hash("sha256", body, "buffer").equals(sha256)) reasons.push("has another digest");
  if (!sealed.token(2, sha256).equals(contentToken)) reasons.push("has another token");
  if (identity.epoch !== BigInt(epoch) || identity.seq !== BigInt(seq)) reasons.push("is another");
  return reasons;
}

function chainAfter(before: Buffer, { epoch, seq }: InboxRow, sha256: Buffer): Buffer {
  const numbers = Buffer.alloc(16);
  numbers.writeBigUInt64BE(BigInt(epoch), 0);
  numbers.writeBigUInt64BE(BigInt(seq), 8);
  return hash("sha256", Buffer.concat([before, numbers, sha256]), "buffer");
}
