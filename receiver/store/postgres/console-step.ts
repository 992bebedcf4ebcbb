/** The console's own records. @module */
import {
  type AgentStanding,
  CONSOLE_ITEMS_MAX_COUNT,
  type ConsoleItem,
  type ConsoleRecords,
  type KeepItemCall,
  type LiveSession,
  MESSAGE_TIMES_MAX_COUNT,
} from "../console.ts";
import { outgoingRecord, type RecordRow } from "./outgoing-step.ts";
import type { Questions } from "./questions.ts";
import type { Asking } from "./registry-step.ts";

type StandingRow = [
  ...[agent: string, seenMs: string | null, goneMs: string | null, reportedMs: string | null],
  ...[alarmsMs: string | null, report: string | null, deviceKey: string | null],
  ...[headMs: string | null, envelope: string | null, lastStoredMs: string | null],
  waitedMs: string | null,
];
type TimesRow = [seq: string, receivedMs: string, storedMs: string];
type ItemRow = [kind: string, key: string, body: string, expiresMs: string];
type EntryRow = [
  ...[id: string, atMs: string, who: string, role: string, action: string, agent: string],
  detail: string,
];

export function consoleOver(questions: Questions, { read, write }: Asking): ConsoleRecords {
  const note = async (name: "noteHere" | "noteGone", of: readonly LiveSession[], atMs: number) => {
    if (of.length === 0) return;
    const ids = [of.map(({ agent }) => agent), of.map(({ session }) => session)];
    await questions.rows(name, [...ids, atMs]);
  };
  return {
    notePresence: ({ here, gone, atMs }) =>
      write(async () => {
        await note("noteHere", here, atMs);
        await note("noteGone", gone, atMs);
        return { kind: "ok" } as const;
      }),
    standings: ({ after, limit }) =>
      read(async () =>
        (await questions.rows<StandingRow>("standings", [after, limit])).map(standingOf),
      ),
    messageTimes: ({ agent, channel, epoch, seqs }) =>
      read(async () => {
        const values = [agent, channel, epoch, seqs.slice(0, MESSAGE_TIMES_MAX_COUNT)];
        const rows = await questions.rows<TimesRow>("messageTimes", values);
        return rows.map(([seq, receivedMs, storedMs]) => ({
          ...{ seq: BigInt(seq), receivedMs: Number(receivedMs), storedMs: Number(storedMs) },
        }));
      }),
    recentOutgoing: ({ agent, channel, before, limit }) =>
      read(async () => {
        const values = [agent, channel, before, limit];
        return (await questions.rows<RecordRow>("recentOutgoing", values)).map(outgoingRecord);
      }),
    ...itemsOver(questions, { read, write }),
    addEntry: ({ atMs, who, role, action, agent, detail }) =>
      write(async () => {
        await questions.rows("addEntry", [atMs, who, role, action, agent, detail]);
        return { kind: "ok" } as const;
      }),
    entries: ({ before, limit }) =>
      read(async () => {
        const rows = await questions.rows<EntryRow>("entriesBefore", [before, limit]);
        return rows.map(([id, atMs, who, role, action, agent, detail]) => ({
          ...{ id: Number(id), atMs: Number(atMs), who, role, action, agent, detail },
        }));
      }),
  };
}

function itemsOver(
  questions: Questions,
  { read, write }: Asking,
): Pick<ConsoleRecords, "keepItem" | "items" | "takeItem"> {
  return {
    keepItem: (call) => write(() => keepItem(questions, call)),
    items: ({ kind, key }) =>
      read(async () => (await questions.rows<ItemRow>("itemsOf", [kind, key])).map(itemOf)),
    takeItem: ({ kind, key }) =>
      write(async () => {
        const [row] = await questions.rows<ItemRow>("takeItem", [kind, key]);
        return { kind: "ok", item: row === undefined ? null : itemOf(row) } as const;
      }),
  };
}

async function keepItem(questions: Questions, call: KeepItemCall) {
  const { kind, key, body, expiresMs, isNew, atMs } = call;
  await questions.rows("forgetItems", [kind, atMs]);
  const values = [kind, key, body, expiresMs];
  const rows = isNew
    ? await questions.rows("addItem", [...values, CONSOLE_ITEMS_MAX_COUNT])
    : await questions.rows("changeItem", values);
  return { kind: "ok", isKept: rows.length > 0 } as const;
}

const numberOf = (value: string | null): number | null => (value === null ? null : Number(value));

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

const itemOf = ([kind, key, body, expiresMs]: ItemRow): ConsoleItem => ({
  ...{ kind, key, body, expiresMs: Number(expiresMs) },
});
