/** Hours of agents (03 D4), inside the writer's transaction. @module */
import { hourOf } from "#reconcile/hours.ts";
import { HELD_PAGE_MAX_COUNT, PAGE_MAX_COUNT } from "../../limits.ts";
import { countValues, stretchValues } from "../hour-values.ts";
import {
  directionNumber,
  directionOf,
  type HeldMessage,
  type HourLedger,
  type NoteHoursCall,
  TOLD_KEEP_HOURS,
  type ToldRow,
} from "../hours.ts";
import type { Operations, Request } from "./calls.ts";
import type { StretchRow } from "./hour-statements.ts";
import type { Prepared } from "./prepared.ts";

type HourRequest = Extract<Request, { name: keyof HourLedger }>;

const NAMES: ReadonlySet<string> = new Set([
  "noteHours",
  "toldStanding",
  "toldStretches",
  "toldCounts",
  "toldEpochs",
  "heldRows",
  "heldBehind",
  "heldEpoch",
] satisfies (keyof HourLedger)[]);

export const isOfHours = (request: Request): request is HourRequest => NAMES.has(request.name);

export function answer(
  { hours }: Prepared,
  { name, ask }: HourRequest,
): Operations[keyof HourLedger]["answer"] {
  switch (name) {
    case "noteHours":
      return noteHours(hours, ask.call);
    case "toldStanding": {
      const [since, through, toldAtMs] = hours.toldStanding.get(ask.call)?.map(Number) ?? [];
      if (since === undefined || through === undefined || toldAtMs === undefined) return null;
      return { sinceHour: since, throughHour: through, toldAtMs };
    }
    case "toldStretches":
      return toldStretches(hours, ask.call);
    case "toldCounts": {
      const { agent, fromHour, toHour, after } = ask.call;
      const from = [after?.hour ?? fromHour, after?.channel ?? ""] as const;
      return hours.toldCounts
        .all(agent, ...from, toHour, PAGE_MAX_COUNT)
        .map(([hour, channel, duplicates, quarantined, refused, rejected]) => ({
          ...{ hour: Number(hour), channel, duplicates: Number(duplicates) },
          ...{ quarantined: Number(quarantined), refused: Number(refused) },
          rejected: Number(rejected),
        }));
    }
    case "toldEpochs": {
      const { agent, direction, channel } = ask.call;
      return hours.toldEpochs
        .all(agent, directionNumber(direction), channel)
        .map(([epoch, first, last]) => ({ epoch, first, last }));
    }
    case "heldRows":
      return heldRows(hours, ask.call);
    case "heldBehind": {
      const { agent, direction, channel, epoch, after } = ask.call;
      return hours.behind[direction]
        .all(agent, channel, epoch, after, PAGE_MAX_COUNT)
        .map(([seq, atMs, settled]) => ({ seq, atMs: Number(atMs), isSettled: settled === 1n }));
    }
    case "heldEpoch": {
      const { agent, direction, channel, epoch } = ask.call;
      return hours.epoch[direction].get(agent, channel, epoch)?.[0] ?? null;
    }
  }
}

function noteHours(
  hours: Prepared["hours"],
  { agent, record, atMs }: NoteHoursCall,
): { readonly kind: "ok" } {
  for (const one of stretchValues(record)) {
    const { direction, channel, epoch, first, last, expected, hour, copies, before, after } = one;
    hours.noteStretch.run(
      ...([agent, record.store, direction, channel, epoch, first, last, expected] as const),
      ...([hour, copies, before, after] as const),
    );
  }
  for (const { hour, channel, duplicates, quarantined, refused, rejected } of countValues(record)) {
    hours.noteCount.run(agent, hour, channel, duplicates, quarantined, refused, rejected);
  }
  hours.noteStanding.run(agent, record.sinceHour, record.throughHour, atMs);
  const oldest = hourOf(atMs) - TOLD_KEEP_HOURS;
  hours.forgetStretches.run(agent, oldest);
  hours.forgetCounts.run(agent, oldest);
  return { kind: "ok" };
}

function toldStretches(
  hours: Prepared["hours"],
  { agent, fromHour, toHour, after }: Parameters<HourLedger["toldStretches"]>[0],
): readonly ToldRow[] {
  const [hour, direction, channel] =
    after === null
      ? [fromHour, -1, ""]
      : [after.hour, directionNumber(after.direction), after.channel];
  const { epoch = 0n, first = 0n, store = "" } = after ?? {};
  const from = [hour, direction, channel, epoch, first, store] as const;
  return hours.toldStretches.all(agent, ...from, toHour, PAGE_MAX_COUNT).map(toldRow);
}

function toldRow(row: StretchRow): ToldRow {
  const [store, direction, channel, epoch, first, last, expected, hour, copies, before, after] =
    row;
  return {
    ...{ store, direction: directionOf(direction), channel, epoch, first, last, expected },
    ...{ hour: Number(hour), copies: Number(copies), before, after },
  };
}

const FATES = ["none", "delivered", "aside"] as const;

function heldRows(
  hours: Prepared["hours"],
  call: Parameters<HourLedger["heldRows"]>[0],
): readonly HeldMessage[] {
  const { agent, direction, channel, epoch, after, through } = call;
  const range = [agent, channel, epoch, after, through, HELD_PAGE_MAX_COUNT] as const;
  const found = hours.held[direction].all(...range);
  const moved = direction === "down" ? hours.moved.all(...range) : [];
  const rows = new Map([...moved, ...found].map((row) => [row[0], row]));
  const inOrder = [...rows.values()].sort((a, b) => (a[0] < b[0] ? -1 : 1));
  return inOrder
    .slice(0, HELD_PAGE_MAX_COUNT)
    .map(([seq, sha256, fate]) => ({ seq, sha256, fate: FATES[Number(fate)] ?? "none" }));
}
