/**
 * The writer thread: the only owner of the store's file (05 S1), with natural group commit (S7).
 *
 *   wait for a post ─► take all that has queued ─► BEGIN ─► call, call, … ─► COMMIT ─► report all
 *        ▲                                                                               │
 *        └───────────────────────────────────────────────────────────────────────────────┘
 *
 * What takes long is done in steps between two posts: a large body is read before the commit that
 * makes it a message, and one that was forgotten is deleted. No timer: the next batch forms while the flush of this one runs. Nothing is reported before the
 * commit returned (RI7). A full disk rolls the batch back and answers `busy`; any other fault of
 * SQLite ends the thread, and with it the process (S9).
 *
 * @module
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { foreignCode } from "../../errors.ts";
import { COMMIT_MAX_BYTES } from "../../limits.ts";
import { BodyCheck } from "./body-check.ts";
import type { FromWriter, Request, ToWriter, WriterData } from "./calls.ts";
import { commit, isFull } from "./commit.ts";
import { openDatabase, storeError } from "./database.ts";
import { isSweepDue, sweep } from "./partial-step.ts";
import { type Prepared, prepare } from "./prepared.ts";

const port = parentPort;
if (port === null) throw new TypeError("Cannot run the writer outside of a worker thread");
const report = (message: FromWriter): void => port.postMessage(message);

interface Writing {
  readonly sql: Prepared;
  readonly storeId: Uint8Array;
  readonly bodies: BodyCheck;
}

/** A chore is due at the end of this turn. */
let isChoreDue = false;

try {
  const { file, settings } = workerData as WriterData;
  const { db, storeId } = openDatabase(file, settings);
  const sql = prepare(db);
  const writing = { sql, storeId, bodies: new BodyCheck(sql) };
  report({ kind: "opened", storeId });
  port.on("message", (first: ToWriter) => {
    try {
      if (commitAll(writing, first)) choreLater(writing);
      else {
        // What was asked before is carried out; what is doomed goes after the next open.
        while (writing.bodies.isPending) checkBodies(writing);
        db.close();
        port.close();
      }
    } catch (error) {
      // The file is left as it is: a rollback by SQLite at the next open is the safest end.
      fail(error);
    }
  });
  choreLater(writing);
} catch (error) {
  fail(error);
}

function fail(error: unknown): void {
  const fault = storeError(error);
  report({ kind: "failed", code: fault.code, facts: fault.facts });
  port?.close();
}

/**
 * Carries out `first` and everything queued behind it.
 *
 * @returns false once the writer has been asked to close
 */
function commitAll({ sql, storeId, bodies }: Writing, first: ToWriter): boolean {
  let post: ToWriter | undefined = first;
  while (post !== undefined) {
    const batch: Request[] = [];
    let bytes = 0;
    while (post?.kind === "requests") {
      batch.push(...post.requests);
      bytes += sizeOf(post.requests);
      post = bytes < COMMIT_MAX_BYTES ? next() : undefined;
    }
    const now = bodies.keepBack(batch).map((request) => ({ request, checked: undefined }));
    if (now.length > 0) report({ kind: "committed", replies: commit(sql, storeId, now) });
    if (post?.kind === "close") return false;
    post = next();
  }
  return true;
}

function next(): ToWriter | undefined {
  return port === null ? undefined : (receiveMessageOnPort(port)?.message as ToWriter | undefined);
}

function sizeOf(requests: readonly Request[]): number {
  let bytes = 0;
  for (const { name, ask } of requests) {
    if (name === "ingest") bytes += ask.packed.bytes.length;
    else if (name === "savePartial") bytes += ask.bytes.length;
  }
  return bytes;
}

/** One step of what takes long, after the posts that have come meanwhile. */
function choreLater(writing: Writing): void {
  if (isChoreDue || !(writing.bodies.isPending || isSweepDue(writing.sql))) return;
  isChoreDue = true;
  setImmediate(() => {
    isChoreDue = false;
    try {
      if (!writing.sql.begin.database.open) return;
      if (writing.bodies.isPending) checkBodies(writing);
      else if (!sweepOnce(writing.sql)) return;
      choreLater(writing);
    } catch (error) {
      fail(error);
    }
  });
}

function checkBodies({ sql, storeId, bodies }: Writing): void {
  const ready = bodies.step();
  if (ready !== undefined) report({ kind: "committed", replies: commit(sql, storeId, [ready]) });
}

/** @returns false if the disk is too full to delete: tried again after the next call */
function sweepOnce(sql: Prepared): boolean {
  try {
    sql.begin.run();
    sweep(sql);
    sql.commit.run();
    return true;
  } catch (error) {
    if (!isFull(foreignCode(error))) throw error;
    if (sql.begin.database.inTransaction) sql.rollback.run();
    return false;
  }
}
