/**
 * The writer thread: the only owner of the store's file (05 S1), with natural group commit (S7).
 *
 *   wait for a post ─► take all that has queued ─► BEGIN ─► call, call, … ─► COMMIT ─► report all
 *        ▲                                                                               │
 *        └───────────────────────────────────────────────────────────────────────────────┘
 *
 * No timer: the next batch forms while the flush of this one runs. Nothing is reported before the
 * commit returned (RI7). A full disk rolls the batch back and answers `busy`; any other fault of
 * SQLite ends the thread, and with it the process (S9).
 *
 * @module
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { foreignCode, type Identifier } from "../../errors.ts";
import { COMMIT_MAX_BYTES } from "../../limits.ts";
import type {
  FromWriter,
  OperationName,
  Operations,
  Reply,
  Request,
  ToWriter,
  WriterData,
} from "./calls.ts";
import { openDatabase, storeError } from "./database.ts";
import { ingest, skip } from "./ingest-step.ts";
import { open } from "./open-step.ts";
import { type Prepared, prepare } from "./prepared.ts";
import * as read from "./read-step.ts";

const port = parentPort;
if (port === null) throw new TypeError("Cannot run the writer outside of a worker thread");
const report = (message: FromWriter): void => port.postMessage(message);

try {
  const { file, settings } = workerData as WriterData;
  const { db, storeId } = openDatabase(file, settings);
  const sql = prepare(db);
  report({ kind: "opened", storeId });
  port.on("message", (first: ToWriter) => {
    try {
      if (!commitAll(sql, storeId, first)) {
        db.close();
        port.close();
      }
    } catch (error) {
      // The file is left as it is: a rollback by SQLite at the next open is the safest end.
      fail(error);
    }
  });
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
function commitAll(sql: Prepared, storeId: Uint8Array, first: ToWriter): boolean {
  let post: ToWriter | undefined = first;
  while (post !== undefined) {
    const batch: Request[] = [];
    let bytes = 0;
    while (post?.kind === "requests") {
      batch.push(...post.requests);
      bytes += sizeOf(post.requests);
      post = bytes < COMMIT_MAX_BYTES ? next() : undefined;
    }
    if (batch.length > 0) report({ kind: "committed", replies: commit(sql, storeId, batch) });
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
  for (const { name, ask } of requests) if (name === "ingest") bytes += ask.packed.bytes.length;
  return bytes;
}

function commit(sql: Prepared, storeId: Uint8Array, batch: readonly Request[]): readonly Reply[] {
  try {
    sql.begin.run();
    const replies = batch.map((request) => ({
      ticket: request.ticket,
      answer: inSavepoint(sql, storeId, request),
    }));
    sql.commit.run();
    return replies;
  } catch (error) {
    if (!isFull(foreignCode(error))) throw error;
    return afterFullDisk(sql, storeId, batch);
  }
}

/** Nothing of the batch was stored. What only reads is answered all the same. */
function afterFullDisk(
  sql: Prepared,
  storeId: Uint8Array,
  batch: readonly Request[],
): readonly Reply[] {
  // SQLite may have rolled back by itself.
  if (sql.begin.database.inTransaction) sql.rollback.run();
  return batch.map((request) => ({
    ticket: request.ticket,
    answer: WRITES.has(request.name) ? { kind: "busy" } : answer(sql, storeId, request),
  }));
}

const WRITES: ReadonlySet<OperationName> = new Set(["addAgent", "hello", "open", "ingest", "skip"]);

function isFull(code: Identifier): boolean {
  return code === "SQLITE_FULL";
}

type Answer = Operations[OperationName]["answer"];

/** One savepoint per call: a call that was refused leaves nothing behind. */
function inSavepoint(sql: Prepared, storeId: Uint8Array, request: Request): Answer {
  if (!WRITES.has(request.name)) return answer(sql, storeId, request);
  sql.savepoint.run();
  const result = answer(sql, storeId, request);
  const refused =
    (request.name === "ingest" || request.name === "skip") &&
    result !== null &&
    "kind" in result &&
    result.kind !== "ok";
  if (refused) sql.rollbackTo.run();
  sql.release.run();
  return result;
}

function answer(sql: Prepared, storeId: Uint8Array, { name, ask }: Request): Answer {
  switch (name) {
    case "addAgent":
      return read.addAgent(sql, ask);
    case "findAgent":
      return read.findAgent(sql, ask);
    case "listAgents":
      return read.listAgents(sql, ask.after);
    case "hello": {
      const [session] =
        sql.beginSession.get(ask.storeId, ask.instanceNonce, ask.atMs, ask.agent) ?? [];
      if (session === undefined)
        throw new TypeError("Cannot greet an agent that is not registered");
      return { session: Number(session) };
    }
    case "open":
      return open(sql, ask, storeId);
    case "ingest":
      return ingest(sql, ask);
    case "skip":
      return skip(sql, ask, storeId);
    case "listChannels":
      return read.listChannels(sql, ask.agent, ask.after);
    case "readMessages":
      return read.readMessages(sql, ask);
    case "readGaps":
      return read.readGaps(sql, ask.agent, ask.channel, ask.after);
  }
}
