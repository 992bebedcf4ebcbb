/**
 * The oracle for what a store holds: reads the file itself and shares no code with the agent (10 section 1).
 *
 * @module
 */
import { hash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import {
  kekFileBeside,
  readKek,
  recordAt,
  type SealedRecord,
  SealedStore,
} from "./sealed-store.ts";
import { wronglyCounted } from "./store-accounting.ts";
import {
  type CursorRow,
  channelsOf,
  cursorsOf,
  type MessageRow,
  type MissingRange,
  messagesOf,
  missingOf,
  quarantineOf,
  REISSUED,
  storeIdOf,
} from "./store-tables.ts";

/** Flags of rows that may hold what another row holds: forwarded although repeated, released, reissued, replayed. */
const MAY_REPEAT = 4 | 8 | 16 | 32;
const CHAIN_START: Buffer = Buffer.alloc(32);
const NO_BYTES: Buffer = Buffer.alloc(0);

export interface StoreReport {
  /** Control id to body, of every message that is stored whole. */
  readonly bodies: ReadonlyMap<string, Buffer>;
  /** Control id to what was kept, of every block that was set aside whole. */
  readonly setAside: ReadonlyMap<string, Buffer>;
  /** The same with those that have no control id, such as files that are not looked into: each that is there, in order. */
  readonly stored: readonly StoredBody[];
  readonly blocks: readonly StoredBody[];
  /** How many whole messages stand on `$status`: what the agent says of itself. */
  readonly ownMessages: number;
  /** Rows whose bodies were pruned, with the name of their channel. */
  readonly pruned: readonly PrunedRow[];
  /** What the store says of itself that a rollback took away. */
  readonly missing: readonly MissingRange[];
  /** What an oracle found wrong; empty if the store is sound. */
  readonly reasons: readonly string[];
}

export interface StoredBody {
  readonly channel: string;
  readonly controlId: string;
  readonly body: Buffer;
}

/** A ledger entry: the message was here, and is not any more. */
export interface PrunedRow {
  readonly channel: string;
  readonly epoch: number;
  readonly seq: number;
  /** `controlTokenOf` its control id. */
  readonly controlToken: string;
}

/**
 * Judges a closed store: integrity of bodies, order without a hole, chain, accounting, SQLite's own check.
 *
 * @param kek absent: that of `makePair`, beside the configuration
 */
export function inspectStore(
  stateDir: string,
  kek: Uint8Array = readKek(kekFileBeside(stateDir)),
): StoreReport {
  const db = new Database(join(stateDir, "outbox/holdfast.db"));
  try {
    return inspectDatabase(db, stateDir, kek);
  } finally {
    db.close();
  }
}

/** The same over a connection that is open, for a store that locks out others. */
export function inspectDatabase(
  db: Database.Database,
  stateDir: string,
  kek: Uint8Array,
): StoreReport {
  return new Inspection(db, new SealedStore(stateDir, kek, storeIdOf(db))).report();
}

/** Whether there is anything to inspect: a cut in the first moments leaves no table. */
export function holdsStore(stateDir: string): boolean {
  return existsSync(join(stateDir, "outbox/holdfast.db"));
}

/** One epoch of a channel while its rows are walked in the order of their seq. */
interface Walk {
  readonly cursor: CursorRow;
  seq: number;
  chain: Buffer;
  bytes: number;
  /** Whether the row before is known: chain and sum go on from there, or from `trimmed`. */
  known: boolean;
}

class Inspection {
  readonly #db: Database.Database;
  readonly #sealed: SealedStore;
  readonly #reasons: string[] = [];
  readonly #channels: ReadonlyMap<number, string>;
  readonly #bodies = new Map<string, Buffer>();
  readonly #setAside = new Map<string, Buffer>();
  readonly #stored: StoredBody[] = [];
  readonly #blocks: StoredBody[] = [];
  readonly #pruned: PrunedRow[] = [];
  #ownMessages = 0;
  /** `channel/epoch/seq` of what rows say they replace, to how often. */
  readonly #replaced = new Map<string, number>();
  /** The segment that was opened last: consecutive rows share it. */
  #held = { id: 0, plain: NO_BYTES };
  /** The upload that was opened last: a batch lies in one. */
  #slices = { id: 0, bytes: NO_BYTES };

  constructor(db: Database.Database, sealed: SealedStore) {
    this.#db = db;
    this.#sealed = sealed;
    this.#channels = channelsOf(db);
  }

  report(): StoreReport {
    const checked = this.#db.pragma("integrity_check", { simple: true });
    if (checked !== "ok") this.#reasons.push(`integrity_check: ${checked}`);
    const cursors = cursorsOf(this.#db);
    const rows = messagesOf(this.#db);
    this.#messages(rows, cursors);
    const missing = missingOf(this.#db);
    this.#reissuedAgain(rows, cursors, missing);
    this.#quarantine();
    this.#everythingElseOpens();
    this.#notThere(missing, rows, cursors);
    this.#reasons.push(...wronglyCounted(this.#db));
    return {
      ...{ bodies: this.#bodies, setAside: this.#setAside, pruned: this.#pruned, missing },
      ...{ stored: this.#stored, blocks: this.#blocks, ownMessages: this.#ownMessages },
      reasons: this.#reasons,
    };
  }

  #messages(rows: readonly MessageRow[], cursors: readonly CursorRow[]): void {
    const walks = new Map<string, Walk>();
    for (const cursor of cursors) walks.set(keyOf(cursor), this.#walkFrom(cursor));
    for (const row of rows) {
      const walk = walks.get(keyOf(row));
      if (walk === undefined) continue;
      this.#follows(row, walk);
      if (row.seq <= walk.cursor.trimmed) this.#ledgerEntry(row, walk);
      else this.#message(row, walk);
      walk.seq = row.seq;
    }
  }

  #walkFrom(cursor: CursorRow): Walk {
    const { channel, epoch, trimmed, trimmedChain, trimmedBytes } = cursor;
    const place = { column: "cursor.trimmed_chain", channel, row: epoch };
    const opened = trimmedChain === null ? CHAIN_START : this.#sealed.open(trimmedChain, place);
    if (typeof opened === "string") this.#say(`seal: trimmed_chain of ${keyOf(cursor)} ${opened}`);
    if (trimmed > 0 && trimmedChain === null) this.#say(`chain: ${keyOf(cursor)} trimmed, none`);
    const chain = typeof opened === "string" ? CHAIN_START : opened;
    return { cursor, seq: 0, chain, bytes: trimmedBytes, known: true };
  }

  /** No hole; below `trimmed` the ledger may have let go of its oldest entries. */
  #follows({ seq, channel, epoch }: MessageRow, { seq: last, cursor }: Walk): void {
    const mayBegin = last === 0 && seq <= cursor.trimmed + 1;
    if (seq !== last + 1 && !mayBegin) {
      this.#say(`order: ${channel}/${epoch} has ${seq} after ${last}`);
    }
  }

  #ledgerEntry({ channel, epoch, seq, controlToken, throughBytes }: MessageRow, walk: Walk): void {
    const name = this.#channels.get(channel) ?? "";
    this.#pruned.push({ channel: name, epoch, seq, controlToken: controlToken.toString("hex") });
    if (seq === walk.cursor.trimmed && throughBytes !== walk.bytes) {
      this.#say(`accounting: ${channel}/${epoch} trimmed at ${walk.bytes}, row ${throughBytes}`);
    }
  }

  #message(row: MessageRow, walk: Walk): void {
    const { channel, epoch, seq } = row;
    const name = `${channel}/${epoch}/${seq}`;
    const record = this.#recordOf(row, name);
    if (record === undefined) {
      walk.known = false;
      walk.bytes = row.throughBytes;
      return;
    }
    const controlId = record.controlId.toString("latin1");
    this.#chained(name, row, record, walk);
    walk.bytes += row.length + record.attributes.length;
    if (walk.bytes !== row.throughBytes) this.#say(`accounting: through_bytes of ${name}`);
    walk.bytes = row.throughBytes;
    this.#tokensFit(name, row, record);
    if (record.replaces.seq !== 0n) {
      const old = `${channel}/${record.replaces.epoch}/${record.replaces.seq}`;
      this.#replaced.set(old, (this.#replaced.get(old) ?? 0) + 1);
    }
    const body = row.upload === 0 ? record.body : this.#bodyInUpload(row);
    if (body.length !== row.length || !sha256(body).equals(record.sha256)) {
      this.#say(`integrity: ${controlId} holds ${body.length} of ${row.length} bytes`);
    } else if (walk.cursor.ended === REISSUED && seq > walk.cursor.acked) {
      // Its copy in the later epoch is the message.
    } else if (this.#channels.get(channel) === "$status") {
      // What the agent says of itself (06 TP35): whole, but nobody's message.
      this.#ownMessages += 1;
    } else if (isTwice(this.#bodies, controlId) && (row.flags & MAY_REPEAT) === 0) {
      this.#say(`uniqueness: ${controlId} twice`);
    } else {
      this.#bodies.set(controlId, body);
      this.#stored.push({ channel: this.#channels.get(channel) ?? "", controlId, body });
    }
  }

  #recordOf(
    { channel, segment, recordAt: at }: MessageRow,
    name: string,
  ): SealedRecord | undefined {
    if (this.#held.id !== segment) {
      const place = { column: "segment.bytes", channel, row: segment };
      const bytes = this.#db.prepare("SELECT bytes FROM segment WHERE id = ?").pluck().get(segment);
      const plain =
        bytes === undefined ? "is not there" : this.#sealed.open(bytes as Buffer, place);
      if (typeof plain === "string") this.#say(`seal: segment ${segment} of ${name} ${plain}`);
      this.#held = { id: segment, plain: typeof plain === "string" ? NO_BYTES : plain };
    }
    const record = recordAt(this.#held.plain, at);
    if (record === undefined) this.#say(`integrity: ${name} has no record`);
    else if (`${channel}/${record.identity.epoch}/${record.identity.seq}` !== name) {
      this.#say(`integrity: ${name} has another's record`);
    }
    return record;
  }

  #chained(name: string, { epoch, seq }: MessageRow, record: SealedRecord, walk: Walk): void {
    const chain = chainAfter(walk.chain, epoch, seq, record.sha256);
    if (walk.known && !chain.equals(record.chain)) this.#say(`chain: parts at ${name}`);
    walk.chain = record.chain;
    walk.known = true;
  }

  #tokensFit(
    name: string,
    row: Pick<MessageRow, "contentToken"> & Partial<MessageRow>,
    { controlId, sha256: digest }: SealedRecord,
  ): void {
    const control = controlId.length === 0 ? NO_BYTES : this.#sealed.token(1, controlId);
    const controlFits = row.controlToken === undefined || row.controlToken.equals(control);
    if (!controlFits || !row.contentToken.equals(this.#sealed.token(2, digest))) {
      this.#say(`tokens: those of ${name} are not its own`);
    }
  }

  #bodyInUpload({ upload, uploadAt, length }: MessageRow): Buffer {
    return this.#slicesOf(upload).subarray(uploadAt, uploadAt + length);
  }

  #slicesOf(upload: number): Buffer {
    if (this.#slices.id === upload) return this.#slices.bytes;
    const rows = this.#db
      .prepare("SELECT ordinal, bytes FROM slice WHERE upload = ? ORDER BY ordinal")
      .raw()
      .all(upload) as [number, Buffer][];
    const parts = rows.map(([ordinal, bytes]) => {
      const place = { column: "slice.bytes", channel: 0, row: upload, extra: ordinal };
      const part = this.#sealed.open(bytes, place);
      if (typeof part !== "string") return part;
      this.#say(`seal: slice ${ordinal} of upload ${upload} ${part}`);
      return NO_BYTES;
    });
    this.#slices = { id: upload, bytes: Buffer.concat(parts) };
    return this.#slices.bytes;
  }

  /** What a reissued epoch had not settled stands once in a later one, or is named (06 TP18). */
  #reissuedAgain(
    rows: readonly MessageRow[],
    cursors: readonly CursorRow[],
    missing: readonly MissingRange[],
  ): void {
    const ended = new Map(cursors.map((cursor) => [keyOf(cursor), cursor]));
    for (const row of rows) {
      const cursor = ended.get(keyOf(row));
      if (cursor?.ended !== REISSUED || row.seq <= cursor.acked) continue;
      const copies = this.#replaced.get(`${keyOf(row)}/${row.seq}`) ?? 0;
      const named = missing.some((range) => covers(range, row));
      if (copies + (named ? 1 : 0) !== 1) {
        this.#say(`uniqueness: ${keyOf(row)}/${row.seq} reissued ${copies} times`);
      }
    }
  }

  #quarantine(): void {
    for (const row of quarantineOf(this.#db)) {
      const { id, channel, sealed, upload, bodyAt, length, keptBytes } = row;
      const plain = this.#sealed.open(sealed, { column: "quarantine.sealed", channel, row: id });
      const record = typeof plain === "string" ? undefined : recordAt(plain, 0);
      if (record === undefined) {
        this.#say(`seal: quarantine ${id} ${typeof plain === "string" ? plain : "has no record"}`);
        continue;
      }
      const controlId = record.controlId.toString("latin1");
      this.#tokensFit(`quarantine ${id}`, row, record);
      const kept =
        upload === 0 ? record.body : this.#slicesOf(upload).subarray(bodyAt, bodyAt + length);
      if (upload === 0 && kept.length !== keptBytes) this.#say(`accounting: quarantine ${id}`);
      if (!sha256(kept).equals(record.sha256)) this.#say(`integrity: quarantine ${controlId}`);
      else if (isTwice(this.#setAside, controlId)) this.#say(`uniqueness: quarantine ${controlId}`);
      else {
        this.#setAside.set(controlId, kept);
        this.#blocks.push({ channel: this.#channels.get(channel) ?? "", controlId, body: kept });
      }
    }
  }

  /** Every envelope has its key, also those that no oracle looks into. */
  #everythingElseOpens(): void {
    const recent = this.#db.prepare("SELECT id, entries FROM recent").raw().all();
    for (const [row, entries] of recent as [number, Buffer][]) {
      const opened = this.#sealed.open(entries, { column: "recent.entries", channel: 0, row });
      if (typeof opened === "string") this.#say(`seal: recent ${row} ${opened}`);
    }
    const known = new Set(this.#sealed.keyEpochs);
    for (const [table, column] of [
      ["segment", "bytes"],
      ["slice", "bytes"],
      ["quarantine", "sealed"],
    ] as const) {
      const heads = this.#db.prepare(`SELECT DISTINCT substr(${column}, 2, 4) FROM ${table}`);
      for (const head of heads.pluck().all() as Buffer[]) {
        const epoch = head.length === 4 ? head.readUInt32BE(0) : 0;
        if (!known.has(epoch)) this.#say(`seal: ${table} names key ${epoch}, no such file`);
      }
    }
  }

  /** What a rollback took away is of an epoch that has ended, and not here; channel 0 is quarantine. */
  #notThere(
    missing: readonly MissingRange[],
    rows: readonly MessageRow[],
    cursors: readonly CursorRow[],
  ): void {
    for (const range of missing) {
      const { channel, firstSeq, lastSeq, cause } = range;
      const cursor = cursors.find((one) => keyOf(one) === keyOf(range));
      const there = cause === "rollback" && rows.some((row) => covers(range, row));
      if (there || firstSeq > lastSeq || (channel !== 0 && cursor?.ended === 0)) {
        this.#say(`honesty: ${keyOf(range)} says ${firstSeq} to ${lastSeq} are missing`);
      }
    }
  }

  #say(reason: string): void {
    this.#reasons.push(reason);
  }
}

/** What has no control id has no other name here, either. */
const isTwice = (known: ReadonlyMap<string, Buffer>, controlId: string): boolean =>
  controlId !== "" && known.has(controlId);

/** 06 TP15. */
function chainAfter(before: Buffer, epoch: number, seq: number, digest: Buffer): Buffer {
  const numbers = Buffer.alloc(16);
  numbers.writeBigUInt64BE(BigInt(epoch), 0);
  numbers.writeBigUInt64BE(BigInt(seq), 8);
  return sha256(Buffer.concat([before, numbers, digest]));
}

const covers = (range: MissingRange, row: MessageRow): boolean =>
  keyOf(row) === keyOf(range) && row.seq >= range.firstSeq && row.seq <= range.lastSeq;

const keyOf = ({ channel, epoch }: { readonly channel: number; readonly epoch: number }): string =>
  `${channel}/${epoch}`;

const sha256 = (bytes: Uint8Array): Buffer => hash("sha256", bytes, "buffer");
