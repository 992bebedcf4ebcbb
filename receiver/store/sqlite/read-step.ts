/**
 * Reading, and the register of agents, inside the writer's transaction: one page a call, so that
 * ingest is never kept waiting (S7).
 *
 * @module
 */

import type { GapKind } from "#streams/sink/sink-store.ts";
import { PAGE_MAX_BYTES, PAGE_MAX_COUNT } from "../../limits.ts";
import { identityOf } from "../identity-record.ts";
import type {
  AddAgentCall,
  AddAgentResult,
  AgentName,
  AgentRecord,
  ChannelRecord,
  GapRecord,
  MessageRecord,
  MessagesCall,
} from "../store.ts";
import type { AgentRow } from "./agent-row.ts";
import type { GapRow, MessageRow, Prepared } from "./prepared.ts";

export function addAgent(sql: Prepared, call: AddAgentCall): AddAgentResult {
  const before = findAgent(sql, call);
  if (before === null) sql.insertAgent.run(call.tenant, call.name, call.serialHex, call.atMs);
  else sql.changeSerial.run(call.serialHex, before.id);
  const agent = findAgent(sql, call);
  if (agent === null) throw new TypeError("Cannot find the agent that was added");
  return { agent, known: before !== null };
}

/** TP33: what was remembered of the copies is forgotten when they lock, so that counting begins anew. */
export function unlockAgent(sql: Prepared, name: AgentName): AgentRecord | null {
  sql.unlockAgent.run(name.tenant, name.name);
  return findAgent(sql, name);
}

export function findAgent(sql: Prepared, { tenant, name }: AgentName): AgentRecord | null {
  const row = sql.findAgent.get(tenant, name);
  return row === undefined ? null : agentRecord(row);
}

export function listAgents(sql: Prepared, after: AgentName | null): readonly AgentRecord[] {
  const { tenant, name } = after ?? { tenant: "", name: "" };
  return sql.listAgents.all(tenant, name, PAGE_MAX_COUNT).map(agentRecord);
}

export function listChannels(
  sql: Prepared,
  agent: number,
  after: string,
): readonly ChannelRecord[] {
  return sql.listChannels
    .all(agent, after, PAGE_MAX_COUNT)
    .map(([channel, epoch, lastSeq, chain]) => ({ channel, epoch, lastSeq, chain }));
}

/** A page ends after {@link PAGE_MAX_COUNT} rows or {@link PAGE_MAX_BYTES} of bodies. */
export function readMessages(sql: Prepared, call: MessagesCall): readonly MessageRecord[] {
  const statement = call.withBody ? sql.readMessagesWithBody : sql.readMessages;
  const rows = statement.iterate(
    call.agent,
    call.channel,
    call.after.epoch,
    call.after.seq,
    call.upTo.epoch,
    call.upTo.seq,
    PAGE_MAX_COUNT,
  );
  const page: MessageRecord[] = [];
  let bytes = 0;
  for (const row of rows) {
    page.push(messageRecord(row));
    bytes += row[8]?.length ?? 0;
    if (bytes >= PAGE_MAX_BYTES) break;
  }
  return page;
}

export function readGaps(
  sql: Prepared,
  agent: number,
  channel: string,
  after: number,
): readonly GapRecord[] {
  return sql.readGaps.all(agent, channel, after, PAGE_MAX_COUNT).map(gapRecord);
}

export function gapRecord(row: GapRow): GapRecord {
  const [id, epoch, firstSeq, lastSeq, kind, recordedMs] = row;
  return {
    id: Number(id),
    epoch,
    firstSeq,
    lastSeq,
    // The CHECK of the column lets no other in.
    kind: kind as GapKind,
    recordedAtMs: Number(recordedMs),
  };
}

export function agentRecord(row: AgentRow): AgentRecord {
  const [id, tenant, name, serialHex, session, addedMs, helloMs, lockedMs, revision, identity] =
    row;
  return {
    id: Number(id),
    tenant,
    name,
    serialHex,
    session: Number(session),
    addedAtMs: Number(addedMs),
    helloAtMs: helloMs === null ? null : Number(helloMs),
    lockedAtMs: lockedMs === null ? null : Number(lockedMs),
    revision: Number(revision),
    identity: identityOf(identity),
  };
}

function messageRecord(row: MessageRow): MessageRecord {
  const [epoch, seq, sha256, receivedMs, storedMs, meta, bytes, possibleRepeat, body] = row;
  return {
    epoch,
    seq,
    sha256,
    receivedAtMs: Number(receivedMs),
    storedAtMs: Number(storedMs),
    meta,
    bytes: Number(bytes),
    possibleRepeat: possibleRepeat === 1n,
    body,
  };
}
