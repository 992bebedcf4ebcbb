/** The console's own records, inside the writer's transaction. @module */
import {
  type AgentStanding,
  CONSOLE_ITEMS_MAX_COUNT,
  type ConsoleItem,
  type ConsoleRecords,
  type KeepItemCall,
  MESSAGE_TIMES_MAX_COUNT,
  type NotePresenceCall,
} from "../console.ts";
import type { OutgoingRecord } from "../outgoing.ts";
import type { Operations, Request } from "./calls.ts";
import type { EntryRow, ItemRow, RecentRow, StandingRow } from "./console-statements.ts";
import type { Prepared } from "./prepared.ts";

type ConsoleRequest = Extract<Request, { name: keyof ConsoleRecords }>;
type Sql = Prepared["console"];

const NAMES: ReadonlySet<string> = new Set<keyof ConsoleRecords>([
  "notePresence",
  "standings",
  "messageTimes",
  "recentOutgoing",
  "keepItem",
  "items",
  "takeItem",
  "addEntry",
  "entries",
]);

export function isOfConsole(request: Request): request is ConsoleRequest {
  return NAMES.has(request.name);
}

export function answer(
  { console: sql }: Prepared,
  { name, ask }: ConsoleRequest,
): Operations[keyof ConsoleRecords]["answer"] {
  switch (name) {
    case "notePresence":
      return notePresence(sql, ask.call);
    case "standings":
      return sql.standings.all(ask.call.after, ask.call.limit).map(standingOf);
    case "messageTimes": {
      const { agent, channel, epoch, seqs } = ask.call;
      return seqs.slice(0, MESSAGE_TIMES_MAX_COUNT).flatMap((seq) => {
        const row = sql.messageTimes.get(agent, channel, epoch, seq);
        if (row === undefined) return [];
        return [{ seq: row[0], receivedMs: Number(row[1]), storedMs: Number(row[2]) }];
      });
    }
    case "recentOutgoing": {
      const { agent, channel, before, limit } = ask.call;
      return sql.recentOutgoing.all(agent, channel, before, limit).map(outgoingOf);
    }
    case "keepItem":
      return keepItem(sql, ask.call);
    case "items": {
      const { kind, key } = ask.call;
      const rows = key === null ? sql.itemsOf.all(kind) : sql.findItem.all(kind, key);
      return rows.map(itemOf);
    }
    case "takeItem": {
      const row = sql.takeItem.get(ask.call.kind, ask.call.key);
      return { kind: "ok", item: row === undefined ? null : itemOf(row) };
    }
    case "addEntry": {
      const { atMs, who, role, action, agent, detail } = ask.call;
      sql.addEntry.run(atMs, who, role, action, agent, detail);
      return { kind: "ok" };
    }
    case "entries":
      return sql.entriesBefore.all(ask.call.before, ask.call.limit).map(entryOf);
  }
}

function notePresence(sql: Sql, { here, gone, atMs }: NotePresenceCall): { readonly kind: "ok" } {
  for (const { agent, session } of here) sql.noteHere.run(agent, session, atMs);
  for (const { agent, session } of gone) sql.noteGone.run(atMs, atMs, agent, session);
  return { kind: "ok" };
}

function keepItem(sql: Sql, call: KeepItemCall): { readonly kind: "ok"; readonly isKept: boolean } {
  const { kind, key, body, expiresMs, isNew, atMs } = call;
  sql.forgetItems.run(kind, atMs);
  if (!isNew) {
    return { kind: "ok", isKept: sql.changeItem.run(body, expiresMs, kind, key).changes > 0 };
  }
  const [count = 0n] = sql.countItems.get(kind) ?? [];
  if (count >= CONSOLE_ITEMS_MAX_COUNT) return { kind: "ok", isKept: false };
  return { kind: "ok", isKept: sql.addItem.run(kind, key, body, expiresMs).changes > 0 };
}

const numberOf = (value: bigint | null): number | null => (value === null ? null : Number(value));

function standingOf(row: StandingRow): AgentStanding {
  const [agent, seenMs, goneMs, reportedMs, alarmsMs, report, deviceKey, ...rest] = row;
  const [headMs, envelope, lastStoredMs, waitedMs] = rest;
  return {
    ...{ agent: Number(agent), seenMs: numberOf(seenMs), goneMs: numberOf(goneMs) },
    alarms:
      report === null
        ? null
        : { reportedMs: Number(reportedMs), receivedMs: Number(alarmsMs), report },
    head:
      envelope === null
        ? null
        : { isVerified: deviceKey !== "", receivedMs: Number(headMs), envelope },
    ...{ lastStoredMs: numberOf(lastStoredMs), waitedMs: numberOf(waitedMs) },
  };
}

const outgoingOf = ([
  ...[id, epoch, seq, key, bytes, queuedMs, settledMs, outcome]
]: RecentRow): OutgoingRecord => ({
  ...{ id: Number(id), epoch, seq, key, outcome, bytes: Number(bytes) },
  ...{ queuedAtMs: Number(queuedMs), settledAtMs: numberOf(settledMs) },
});

const itemOf = ([kind, key, body, expiresMs]: ItemRow): ConsoleItem => ({
  ...{ kind, key, body, expiresMs: Number(expiresMs) },
});

const entryOf = ([id, atMs, who, role, action, agent, detail]: EntryRow) => ({
  ...{ id: Number(id), atMs: Number(atMs), who, role, action, agent, detail },
});
