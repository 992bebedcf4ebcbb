/**
 * One transaction over a batch of calls, one savepoint a call: which step carries out which call,
 * and what a refusal or a full disk leaves behind.
 *
 * @module
 */
import { foreignCode, type Identifier } from "../../errors.ts";
import * as alarms from "./alarm-step.ts";
import type { Checked } from "./body-check.ts";
import type { OperationName, Operations, Reply } from "./calls.ts";
import * as operators from "./console-step.ts";
import * as heads from "./head-step.ts";
import { hello } from "./hello-step.ts";
import * as hours from "./hour-step.ts";
import { ingest, skip } from "./ingest-step.ts";
import { open } from "./open-step.ts";
import * as outgoing from "./outgoing-step.ts";
import * as outlet from "./outlet-step.ts";
import { readBody, savePartial } from "./partial-step.ts";
import type { Prepared } from "./prepared.ts";
import { prune } from "./prune-step.ts";
import * as read from "./read-step.ts";
import * as registry from "./registry-step.ts";

/** Carries out `batch` in order. What is returned is durable. */
export function commit(
  sql: Prepared,
  storeId: Uint8Array,
  batch: readonly Checked[],
): readonly Reply[] {
  try {
    sql.begin.run();
    const replies = batch.map((checked) => ({
      ticket: checked.request.ticket,
      answer: inSavepoint(sql, storeId, checked),
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
  batch: readonly Checked[],
): readonly Reply[] {
  // SQLite may have rolled back by itself.
  if (sql.begin.database.inTransaction) sql.rollback.run();
  return batch.map((checked) => ({
    ticket: checked.request.ticket,
    answer: WRITES.has(checked.request.name) ? { kind: "busy" } : answer(sql, storeId, checked),
  }));
}

const WRITES: ReadonlySet<OperationName> = new Set([
  "addAgent",
  "unlockAgent",
  "hello",
  "open",
  "ingest",
  "savePartial",
  "skip",
  "prune",
  "enqueue",
  "settleOutgoing",
  "reissueOutgoing",
  "noteOutcome",
  "answerCommand",
  "pruneOutgoing",
  "movePosition",
  "registerAgent",
  "changeIdentity",
  "lockAgent",
  "deny",
  "allow",
  "addTrust",
  "addHead",
  "setAlarms",
  "notePresence",
  "keepItem",
  "takeItem",
  "addEntry",
]);

/** Nothing of the transaction was stored, and the store can go on (06 section 12). */
export function isFull(code: Identifier): boolean {
  return code === "SQLITE_FULL";
}

type Answer = Operations[OperationName]["answer"];

/** One savepoint per call: a call that was refused leaves nothing behind. */
function inSavepoint(sql: Prepared, storeId: Uint8Array, checked: Checked): Answer {
  const { request } = checked;
  if (!WRITES.has(request.name)) return answer(sql, storeId, checked);
  sql.savepoint.run();
  const result = answer(sql, storeId, checked);
  const refused =
    (request.name === "ingest" || request.name === "skip") &&
    typeof result === "object" &&
    result !== null &&
    "kind" in result &&
    result.kind !== "ok" &&
    // What it leaves behind is that the body is forgotten.
    result.kind !== "hash";
  if (refused) sql.rollbackTo.run();
  sql.release.run();
  return result;
}

function answer(sql: Prepared, storeId: Uint8Array, { request, checked }: Checked): Answer {
  if (registry.isOfRegistry(request)) return registry.answer(sql, request);
  if (heads.isOfHeads(request)) return heads.answer(sql, request);
  if (alarms.isOfAlarms(request)) return alarms.answer(sql, request);
  if (operators.isOfConsole(request)) return operators.answer(sql, request);
  if (hours.isOfHours(request)) return hours.answer(sql, request);
  const { name, ask } = request;
  switch (name) {
    case "addAgent":
      return read.addAgent(sql, ask);
    case "findAgent":
      return read.findAgent(sql, ask);
    case "listAgents":
      return read.listAgents(sql, ask.after);
    case "unlockAgent":
      return read.unlockAgent(sql, ask);
    case "hello":
      return hello(sql, ask);
    case "open":
      return open(sql, ask, storeId);
    case "ingest":
      return ingest(sql, ask, checked);
    case "savePartial":
      return savePartial(sql, ask);
    case "skip":
      return skip(sql, ask, storeId);
    case "listChannels":
      return read.listChannels(sql, ask.agent, ask.after);
    case "readMessages":
      return read.readMessages(sql, ask);
    case "prune":
      return prune(sql, ask);
    case "readBody":
      return readBody(sql, ask);
    case "readGaps":
      return read.readGaps(sql, ask.agent, ask.channel, ask.after);
    case "enqueue":
      return outgoing.enqueue(sql, ask);
    case "outgoingChannels":
      return outgoing.outgoingChannels(sql, ask.agent, ask.after);
    case "readOutgoing":
      return outgoing.readOutgoing(sql, ask);
    case "readOutgoingBody":
      return outgoing.readOutgoingBody(sql, ask);
    case "outgoingChain":
      return outgoing.outgoingChain(sql, ask);
    case "settleOutgoing":
      return outgoing.settleOutgoing(sql, ask);
    case "reissueOutgoing":
      return outgoing.reissueOutgoing(sql, ask);
    case "noteOutcome":
      return outgoing.noteOutcome(sql, ask);
    case "openCommands":
      return outgoing.openCommands(sql, ask.agent, ask.limit);
    case "answerCommand":
      return outgoing.answerCommand(sql, ask);
    case "listOutgoing":
      return outgoing.listOutgoing(sql, ask.agent, ask.channel, ask.after);
    case "enqueuedSince":
      return outgoing.enqueuedSince(sql, ask.id);
    case "pruneOutgoing":
      return outgoing.pruneOutgoing(sql, ask.beforeMs);
    case "findGaps":
      return outlet.findGaps(sql.outlets, ask);
    case "findPosition":
      return outlet.findPosition(sql.outlets, ask);
    case "movePosition":
      return outlet.movePosition(sql.outlets, ask);
  }
}
