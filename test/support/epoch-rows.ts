/** What a channel holds in one epoch, read back through the outbox. @module */
import assert from "node:assert/strict";
import Sqlite from "better-sqlite3";
import { RecordReader } from "#agent/outbox/format/record-reader.ts";
import { prepareAll } from "#agent/outbox/writing/prepared.ts";
import type { StoreNotice } from "#agent/outbox/writing/writer-messages.ts";
import { textOf } from "./messages.ts";
import { until } from "./processes.ts";
import { openTestDatabase } from "./test-keys.ts";
import type { TestOutbox } from "./test-outbox.ts";

/** One message: its number, its body, and `epoch/seq` of what it replaces. */
export interface EpochRow {
  readonly id: number;
  readonly seq: bigint;
  readonly text: string;
  readonly flags: number;
  readonly replaces: string | undefined;
}

/** In order, without a hole; stops at a damaged one. */
export async function rowsOf(
  store: TestOutbox,
  epoch: bigint,
  { channel = 1, afterSeq = 0n } = {},
): Promise<EpochRow[]> {
  const rows: EpochRow[] = [];
  for (let last = afterSeq; ; ) {
    const range = { channel, epoch, afterSeq: last, maxBytes: 1 << 20, maxCount: 500 };
    const { messages, damagedSeq } = await store.outbox.read(range);
    for (const { id, seq, body, upload, flags, replaces } of messages) {
      assert.equal(seq, last + 1n, "seqs have no hole");
      last = seq;
      const text = textOf(body ?? (await store.slices(upload)));
      const old = replaces === undefined ? undefined : `${replaces.epoch}/${replaces.seq}`;
      rows.push({ id, seq, text, flags, replaces: old });
    }
    if (messages.length === 0 || damagedSeq !== undefined) return rows;
  }
}

/** `seq body replaces` of each. */
export async function shown(
  store: TestOutbox,
  epoch: bigint,
  more: { readonly channel?: number; readonly afterSeq?: bigint } = {},
): Promise<string[]> {
  const rows = await rowsOf(store, epoch, more);
  return rows.map(({ seq, text, replaces }) => `${seq} ${text} ${replaces ?? "-"}`);
}

/** Every epoch of a channel, oldest first: `epoch state final`. */
export async function epochsOf(store: TestOutbox, channel = 1): Promise<string[]> {
  const tail = await store.tail(channel);
  const names = ["current", "draining", "reissued", "filling"];
  return [...tail.earlier, tail].map(
    ({ epoch, ended, final }) => `${epoch} ${names[ended]} ${final ?? "-"}`,
  );
}

/** Waits until a channel has moved to an epoch. */
export async function movedTo(store: TestOutbox, epoch: bigint, channel = 1): Promise<void> {
  await until(`channel ${channel} is in epoch ${epoch}`, async () => {
    return (await store.tail(channel)).epoch === epoch;
  });
}

/** Notices of one kind, in order. */
export function noticesOf<Name extends StoreNotice["notice"]>(
  notices: readonly StoreNotice[],
  name: Name,
): Extract<StoreNotice, { notice: Name }>[] {
  return notices.filter((one) => one.notice === name) as Extract<StoreNotice, { notice: Name }>[];
}

/** Flips a bit of the sealed record of a message of channel 1, and of all that share its segment, in a closed store. */
export function damageRecord(store: TestOutbox, seq: bigint): void {
  const db = new Sqlite(store.databaseFile);
  const segment = db.prepare("SELECT segment FROM message WHERE channel = 1 AND seq = ?");
  flipIn(db, "segment", segment.pluck().get(seq) as number);
  db.close();
}

/** Flips a bit of a slice of the only upload, in a closed store. */
export function damageSlice(store: TestOutbox, ordinal: number): void {
  const db = new Sqlite(store.databaseFile);
  const row = db.prepare("SELECT rowid FROM slice WHERE ordinal = ?").pluck().get(ordinal);
  flipIn(db, "slice", row as number);
  db.close();
}

function flipIn(db: Sqlite.Database, table: "segment" | "slice", row: number): void {
  const bytes = db.prepare(`SELECT bytes FROM ${table} WHERE rowid = ?`).pluck().get(row) as Buffer;
  const at = bytes.length - 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  db.prepare(`UPDATE ${table} SET bytes = ? WHERE rowid = ?`).run(bytes, row);
}

/** Prunes channel 1 of a closed store up to a seq of an epoch, as the store itself does later. */
export function trimAt(store: TestOutbox, seq: bigint, epoch = 1n): void {
  const { database, sealer } = openTestDatabase({ stateDir: store.stateDir });
  const prepared = prepareAll(database);
  const records = new RecordReader(prepared, sealer);
  const at = prepared.messageAt.get(1, epoch, seq) as [bigint, bigint, bigint, bigint];
  const chain = records.read({
    ...{ channel: 1, epoch, seq },
    ...{ segment: Number(at[0]), at: Number(at[1]) },
  })?.chain;
  assert.ok(chain !== undefined);
  const sealed = sealer.seal([chain], { column: "cursor.trimmed_chain", channel: 1, row: epoch });
  database.transaction(() => {
    database
      .prepare(
        "DELETE FROM segment WHERE id IN (SELECT segment FROM message WHERE channel = 1 AND epoch = ? AND seq <= ?)",
      )
      .run(epoch, seq);
    database
      .prepare(
        "UPDATE cursor SET trimmed = ?, trimmed_bytes = ?, trimmed_chain = ? WHERE channel = 1 AND epoch = ?",
      )
      .run(seq, at[3], sealed, epoch);
  })();
  database.close();
}
