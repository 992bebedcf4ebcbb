/**
 * The oracle for what a store holds: reads the file itself and shares no code with the agent (10 section 1).
 *
 * @module
 */
import { hash } from "node:crypto";
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
  /** A segment's id, or minus an upload's. */
  readonly body: number;
  readonly bodyAt: number;
}

interface QuarantineRow {
  readonly controlId: string;
  readonly sha256: Buffer;
  readonly bytes: Buffer;
  readonly upload: number | null;
  readonly bodyAt: number;
  readonly length: number;
}

/** Last message of a channel and epoch, and the chain after each. */
interface Tail {
  readonly chains: Buffer[];
}

export interface StoreReport {
  /** Control id to body, of every message that is stored whole. */
  readonly bodies: ReadonlyMap<string, Buffer>;
  /** Control id to what was kept, of every block that was set aside whole. */
  readonly setAside: ReadonlyMap<string, Buffer>;
  /** What an oracle found wrong; empty if the store is sound. */
  readonly reasons: readonly string[];
}

/** Judges a closed store: integrity of bodies, order without a hole, chain, SQLite's own check. */
export function inspectStore(stateDir: string): StoreReport {
  const db = new Database(join(stateDir, "outbox/holdfast.db"));
  try {
    return inspectDatabase(db);
  } finally {
    db.close();
  }
}

/** The same over a connection that is open, for a store that locks out others. */
export function inspectDatabase(db: Database.Database): StoreReport {
  const reasons: string[] = [];
  const checked = db.pragma("integrity_check", { simple: true });
  if (checked !== "ok") reasons.push(`integrity_check: ${checked}`);
  const bodies = new Map<string, Buffer>();
  const tails = new Map<string, Tail>();
  const bodyOf = bodyReader(db);
  for (const row of messagesOf(db)) {
    const key = `${row.channel}/${row.epoch}`;
    const tail = tails.get(key) ?? { chains: [Buffer.alloc(32)] };
    tails.set(key, tail);
    reasons.push(...outOfOrder(row, tail));
    tail.chains.push(row.chain);
    const body = bodyOf(row);
    if (body.length !== row.length || !sha256(body).equals(row.sha256)) {
      reasons.push(`integrity: ${row.controlId} holds ${body.length} of ${row.length} bytes`);
    } else if (bodies.has(row.controlId)) reasons.push(`uniqueness: ${row.controlId} twice`);
    else bodies.set(row.controlId, body);
  }
  const { setAside, wrong } = quarantineOf(db);
  reasons.push(...wrong, ...cursorsAhead(db, tails), ...wronglyCounted(db));
  return { bodies, setAside, reasons };
}

/** What a store holds of bodies that no row names: none once it has been opened and swept (05 S11). */
export function leftovers(db: Database.Database): string[] {
  const count = (sql: string): number => db.prepare(sql).pluck().get() as number;
  const incomplete = count("SELECT count(*) FROM upload WHERE complete = 0");
  const orphans = count("SELECT count(*) FROM slice WHERE upload NOT IN (SELECT id FROM upload)");
  const unnamed = count(
    `SELECT count(*) FROM upload WHERE complete = 1
       AND id NOT IN (SELECT -body FROM message WHERE body < 0)
       AND id NOT IN (SELECT upload FROM quarantine WHERE upload IS NOT NULL)`,
  );
  return incomplete + orphans + unnamed === 0
    ? []
    : [`leftovers: ${incomplete} incomplete, ${orphans} slices, ${unnamed} complete, unnamed`];
}

function messagesOf(db: Database.Database): Row[] {
  return db
    .prepare(
      `SELECT channel, epoch, seq, length, sha256, chain, CAST(control_id AS TEXT) AS controlId,
         body, body_at AS bodyAt FROM message ORDER BY channel, epoch, seq`,
    )
    .all() as Row[];
}

/** Reads bodies of rows in the order of their seq: each segment is fetched once. */
function bodyReader(db: Database.Database): (row: Row) => Buffer {
  const segment = db.prepare("SELECT bytes FROM segment WHERE id = ?").pluck();
  let held: { readonly id: number; readonly bytes: Buffer } = { id: 0, bytes: Buffer.alloc(0) };
  return ({ body, bodyAt, length }) => {
    // A batch lies in one upload: each of its messages is a part of it.
    if (body < 0) return slicesOf(db, -body).subarray(bodyAt, bodyAt + length);
    if (held.id !== body) {
      held = { id: body, bytes: (segment.get(body) as Buffer | undefined) ?? Buffer.alloc(0) };
    }
    return held.bytes.subarray(bodyAt, bodyAt + length);
  };
}

function outOfOrder(row: Row, { chains }: Tail): string[] {
  const reasons: string[] = [];
  const last = chains.length - 1;
  if (row.seq !== last + 1) reasons.push(`order: ${row.seq} follows ${last}`);
  const numbers = Buffer.alloc(16);
  numbers.writeBigUInt64BE(BigInt(row.epoch), 0);
  numbers.writeBigUInt64BE(BigInt(row.seq), 8);
  const chain = sha256(Buffer.concat([chains[last] ?? Buffer.alloc(0), numbers, row.sha256]));
  if (!chain.equals(row.chain)) reasons.push(`chain: parts at ${row.seq}`);
  return reasons;
}

function quarantineOf(db: Database.Database): {
  readonly setAside: ReadonlyMap<string, Buffer>;
  readonly wrong: readonly string[];
} {
  const setAside = new Map<string, Buffer>();
  const wrong: string[] = [];
  const sql = `SELECT CAST(control_id AS TEXT) AS controlId, sha256, bytes, upload, length,
                 body_at AS bodyAt FROM quarantine`;
  for (const row of db.prepare(sql).all() as QuarantineRow[]) {
    const { upload, bodyAt, length } = row;
    const kept =
      upload === null ? row.bytes : slicesOf(db, upload).subarray(bodyAt, bodyAt + length);
    if (!sha256(kept).equals(row.sha256)) wrong.push(`integrity: quarantine ${row.controlId}`);
    else if (setAside.has(row.controlId)) wrong.push(`uniqueness: quarantine ${row.controlId}`);
    else setAside.set(row.controlId, kept);
  }
  return { setAside, wrong };
}

/** What is counted along equals a recount (05 S20): bytes of a channel, uses of an upload, quarantine. */
function wronglyCounted(db: Database.Database): string[] {
  const count = (sql: string): number => db.prepare(sql).pluck().get() as number;
  const sums = count(
    `SELECT count(*) FROM (SELECT through_bytes,
         sum(length + length(attributes)) OVER (PARTITION BY channel, epoch ORDER BY seq) AS bytes
         FROM message)
       WHERE through_bytes <> bytes`,
  );
  const acked = count(
    `SELECT count(*) FROM cursor WHERE acked_bytes <> coalesce((SELECT sum(length + length(attributes)) FROM message
       WHERE message.channel = cursor.channel AND message.epoch = cursor.epoch AND seq <= acked), 0)`,
  );
  const uses = count(
    `SELECT count(*) FROM upload WHERE complete = 1 AND uses <>
       (SELECT count(*) FROM message WHERE body = -upload.id) +
       (SELECT count(*) FROM quarantine WHERE upload = upload.id)`,
  );
  const totals = count(
    `SELECT count(*) FROM quarantine_total AS total WHERE (total.count, total.bytes) <>
       (SELECT count(*), coalesce(sum(kept), 0) FROM quarantine WHERE channel = total.channel)`,
  );
  return sums + acked + uses + totals === 0
    ? []
    : [`accounting: ${sums} sums, ${acked} cursors, ${uses} uploads, ${totals} totals`];
}

/** A cursor names a row that is there, with its chain: what is settled was stored once. */
function cursorsAhead(db: Database.Database, tails: ReadonlyMap<string, Tail>): string[] {
  const cursors = db.prepare("SELECT channel, epoch, acked, acked_chain FROM cursor").raw().all();
  return (cursors as [number, number, number, Buffer | null][]).flatMap(
    ([channel, epoch, acked, chain]) => {
      if (acked === 0) return [];
      const known = tails.get(`${channel}/${epoch}`)?.chains[acked];
      if (known === undefined) return [`cursor: channel ${channel} acked ${acked}, never stored`];
      return chain?.equals(known) === true ? [] : [`cursor: chain of channel ${channel} parts`];
    },
  );
}

function slicesOf(db: Database.Database, upload: number): Buffer {
  const slices = db.prepare("SELECT bytes FROM slice WHERE upload = ? ORDER BY ordinal").pluck();
  return Buffer.concat(slices.all(upload) as Buffer[]);
}

const sha256 = (bytes: Uint8Array): Buffer => hash("sha256", bytes, "buffer");
