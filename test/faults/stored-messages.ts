/**
 * The oracle for what a store holds: reads the file itself and shares no code with the agent (10 section 1).
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import Database from "better-sqlite3";

interface Row {
  readonly channel: number;
  readonly epoch: number;
  readonly seq: number;
  readonly length: number;
  readonly sha256: Buffer;
  readonly chain: Buffer;
  readonly controlId: string;
  readonly upload: number | null;
  readonly body: Buffer | null;
}

export interface StoreReport {
  /** Control id to body, of every message that is stored whole. */
  readonly bodies: ReadonlyMap<string, Buffer>;
  /** What an oracle found wrong; empty if the store is sound. */
  readonly reasons: readonly string[];
}

/** Judges a closed store: integrity of bodies, order without a hole, chain, SQLite's own check. */
export function inspectStore(stateDir: string): StoreReport {
  const db = new Database(join(stateDir, "outbox/holdfast.db"));
  try {
    const reasons: string[] = [];
    const checked = db.pragma("integrity_check", { simple: true });
    if (checked !== "ok") reasons.push(`integrity_check: ${checked}`);
    const bodies = new Map<string, Buffer>();
    const tails = new Map<string, { seq: number; chain: Buffer }>();
    for (const row of rowsOf(db)) {
      const key = `${row.channel}/${row.epoch}`;
      const tail = tails.get(key) ?? { seq: 0, chain: Buffer.alloc(32) };
      reasons.push(...inOrder(row, tail));
      tails.set(key, { seq: row.seq, chain: row.chain });
      const body = row.upload === null ? row.body : slicesOf(db, row.upload);
      if (body === null || body.length !== row.length || !sha256(body).equals(row.sha256)) {
        reasons.push(`integrity: ${row.controlId} holds ${body?.length} of ${row.length} bytes`);
      } else if (bodies.has(row.controlId)) reasons.push(`uniqueness: ${row.controlId} twice`);
      else bodies.set(row.controlId, body);
    }
    return { bodies, reasons };
  } finally {
    db.close();
  }
}

function rowsOf(db: Database.Database): Row[] {
  return db
    .prepare(
      `SELECT channel, epoch, seq, length, sha256, chain, CAST(control_id AS TEXT) AS controlId,
         upload, bytes AS body FROM message m LEFT JOIN body b ON b.id = m.id
       ORDER BY channel, epoch, seq`,
    )
    .all() as Row[];
}

function inOrder(row: Row, tail: { readonly seq: number; readonly chain: Buffer }): string[] {
  const reasons: string[] = [];
  if (row.seq !== tail.seq + 1) reasons.push(`order: ${row.seq} follows ${tail.seq}`);
  const numbers = Buffer.alloc(16);
  numbers.writeBigUInt64BE(BigInt(row.epoch), 0);
  numbers.writeBigUInt64BE(BigInt(row.seq), 8);
  const chain = sha256(Buffer.concat([tail.chain, numbers, row.sha256]));
  if (!chain.equals(row.chain)) reasons.push(`chain: parts at ${row.seq}`);
  return reasons;
}

function slicesOf(db: Database.Database, upload: number): Buffer {
  const slices = db.prepare("SELECT bytes FROM slice WHERE upload = ? ORDER BY ordinal").pluck();
  return Buffer.concat(slices.all(upload) as Buffer[]);
}

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
