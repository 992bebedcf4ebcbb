/** Tables of schema version 8 as the oracle reads them: plain rows, plain numbers. @module */
import type Database from "better-sqlite3";

export interface MessageRow {
  readonly id: number;
  readonly channel: number;
  readonly epoch: number;
  readonly seq: number;
  readonly length: number;
  readonly flags: number;
  readonly segment: number;
  readonly recordAt: number;
  readonly upload: number;
  readonly uploadAt: number;
  readonly throughBytes: number;
  readonly controlToken: Buffer;
  readonly contentToken: Buffer;
}

export interface CursorRow {
  readonly channel: number;
  readonly epoch: number;
  readonly acked: number;
  readonly trimmed: number;
  readonly ackedBytes: number;
  readonly trimmedBytes: number;
  readonly trimmedChain: Buffer | null;
  readonly ended: number;
  readonly final: number | null;
}

export interface QuarantineRow {
  readonly id: number;
  readonly channel: number;
  readonly reason: string;
  readonly length: number;
  readonly contentToken: Buffer;
  readonly sealed: Buffer;
  readonly keptBytes: number;
  readonly upload: number;
  readonly bodyAt: number;
}

/** Seqs that a rollback took away. */
export interface MissingRange {
  readonly channel: number;
  readonly epoch: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly cause: string;
}

/** `ended` of a cursor whose unsettled rows were appended again: nothing of it leaves (06 TP18). */
export const REISSUED = 2;

export const storeIdOf = (db: Database.Database): Buffer =>
  db.prepare("SELECT store_id FROM identity").pluck().get() as Buffer;

export const channelsOf = (db: Database.Database): Map<number, string> =>
  new Map(db.prepare("SELECT id, name FROM channel").raw().all() as [number, string][]);

export const messagesOf = (db: Database.Database): MessageRow[] =>
  db
    .prepare(
      `SELECT id, channel, epoch, seq, length, flags, segment, record_at AS recordAt, upload,
         upload_at AS uploadAt, through_bytes AS throughBytes, control_token AS controlToken,
         content_token AS contentToken FROM message ORDER BY channel, epoch, seq`,
    )
    .all() as MessageRow[];

export const cursorsOf = (db: Database.Database): CursorRow[] =>
  db
    .prepare(
      `SELECT channel, epoch, acked, trimmed, acked_bytes AS ackedBytes, trimmed_bytes AS trimmedBytes,
         trimmed_chain AS trimmedChain, ended, final FROM cursor ORDER BY channel, epoch`,
    )
    .all() as CursorRow[];

export const quarantineOf = (db: Database.Database): QuarantineRow[] =>
  db
    .prepare(
      `SELECT id, channel, reason, length, content_token AS contentToken, sealed,
         kept_bytes AS keptBytes, coalesce(upload, 0) AS upload, body_at AS bodyAt
         FROM quarantine ORDER BY id`,
    )
    .all() as QuarantineRow[];

/** A message that came down (06 TP34). */
export interface InboxRow {
  readonly id: number;
  readonly channel: number;
  readonly name: string;
  readonly epoch: number;
  readonly seq: number;
  readonly length: number;
  readonly kept: number;
  readonly state: number;
  readonly claimed: number;
  readonly contentToken: Buffer;
  readonly head: Buffer | null;
}

export const inboxOf = (db: Database.Database): InboxRow[] =>
  db
    .prepare(
      `SELECT inbox.id, channel, name, inbox.epoch, seq, length, kept, state, claimed,
         content_token AS contentToken, head
         FROM inbox JOIN inbox_channel ON inbox_channel.id = channel ORDER BY channel, inbox.epoch, seq`,
    )
    .all() as InboxRow[];

/** Where a downstream channel stands. */
export interface InboxPosition {
  readonly id: number;
  readonly name: string;
  readonly epoch: number;
  readonly lastSeq: number;
  readonly chain: Buffer | null;
}

export const inboxPositionsOf = (db: Database.Database): InboxPosition[] =>
  db
    .prepare("SELECT id, name, epoch, last_seq AS lastSeq, chain FROM inbox_channel")
    .all() as InboxPosition[];

export const missingOf = (db: Database.Database): MissingRange[] =>
  db
    .prepare(
      `SELECT channel, epoch, first_seq AS firstSeq, last_seq AS lastSeq, cause
         FROM missing ORDER BY channel, epoch, first_seq`,
    )
    .all() as MissingRange[];
