/** Hours of agents (03 D4). @module */
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
import type { Questions } from "./questions.ts";
import type { Asking } from "./registry-step.ts";

type HeldRow = [seq: string, sha256: Buffer, fate: number];
type StretchRow = [
  ...[store: string, direction: number, channel: string, epoch: string, first: string],
  ...[last: string, expected: string, hour: string, copies: string],
  ...[before: Buffer | null, after: Buffer | null],
];

export function hoursOver(questions: Questions, { read, write }: Asking): HourLedger {
  return {
    noteHours: (call) => write(() => noteHours(questions, call)),
    toldStanding: (agent) =>
      read(async () => {
        const rows = await questions.rows<[string, string, string]>("toldStanding", [agent]);
        const [row] = rows;
        if (row === undefined) return null;
        const [sinceHour = 0, throughHour = 0, toldAtMs = 0] = row.map(Number);
        return { sinceHour, throughHour, toldAtMs };
      }),
    toldStretches: (call) => read(() => toldStretches(questions, call)),
    toldCounts: ({ agent, fromHour, toHour, after }) =>
      read(async () => {
        type Row = [string, string, string, string, string, string];
        const from = [after?.hour ?? fromHour, after?.channel ?? ""];
        const values = [agent, ...from, toHour, PAGE_MAX_COUNT];
        const rows = await questions.rows<Row>("toldCounts", values);
        return rows.map(([hour, channel, duplicates, quarantined, refused, rejected]) => ({
          ...{ hour: Number(hour), channel, duplicates: Number(duplicates) },
          ...{ quarantined: Number(quarantined), refused: Number(refused) },
          rejected: Number(rejected),
        }));
      }),
    toldEpochs: ({ agent, direction, channel }) =>
      read(async () => {
        const values = [agent, directionNumber(direction), channel];
        const rows = await questions.rows<[string, string, string]>("toldEpochs", values);
        return rows.map(([epoch, first, last]) => ({
          ...{ epoch: BigInt(epoch), first: BigInt(first), last: BigInt(last) },
        }));
      }),
    heldRows: (call) => read(() => heldRows(questions, call)),
    heldBehind: ({ agent, direction, channel, epoch, after }) =>
      read(async () => {
        const name = direction === "up" ? "behindUp" : "behindDown";
        const values = [agent, channel, epoch, after, PAGE_MAX_COUNT];
        const rows = await questions.rows<[string, string, boolean]>(name, values);
        return rows.map(([seq, atMs, isSettled]) => ({
          ...{ seq: BigInt(seq), atMs: Number(atMs), isSettled },
        }));
      }),
    heldEpoch: ({ agent, direction, channel, epoch }) =>
      read(async () => {
        const name = direction === "up" ? "epochUp" : "epochDown";
        const [found] = await questions.row<[string | null]>(name, [agent, channel, epoch]);
        return found === null ? null : BigInt(found);
      }),
  };
}

/** Each statement changes nothing when it comes again; where the agent has told to is written last. */
async function noteHours(
  questions: Questions,
  { agent, record, atMs }: NoteHoursCall,
): Promise<{ readonly kind: "ok" }> {
  const stretches = stretchValues(record);
  const counts = countValues(record);
  await questions.rows("noteStretches", [
    ...[agent, record.store, stretches.map(({ direction }) => direction)],
    ...[stretches.map(({ channel }) => channel), stretches.map(({ epoch }) => epoch)],
    ...[stretches.map(({ first }) => first), stretches.map(({ last }) => last)],
    ...[stretches.map(({ expected }) => expected), stretches.map(({ hour }) => hour)],
    ...[stretches.map(({ copies }) => copies), stretches.map(({ before }) => hex(before))],
    stretches.map(({ after }) => hex(after)),
  ]);
  await questions.rows("noteCounts", [
    ...[agent, counts.map(({ hour }) => hour), counts.map(({ channel }) => channel)],
    ...[counts.map(({ duplicates }) => duplicates), counts.map(({ quarantined }) => quarantined)],
    ...[counts.map(({ refused }) => refused), counts.map(({ rejected }) => rejected)],
  ]);
  const oldest = hourOf(atMs) - TOLD_KEEP_HOURS;
  await questions.rows("forgetStretches", [agent, oldest]);
  await questions.rows("forgetCounts", [agent, oldest]);
  await questions.rows("noteStanding", [agent, record.sinceHour, record.throughHour, atMs]);
  return { kind: "ok" };
}

const hex = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString("hex");

async function toldStretches(
  questions: Questions,
  { agent, fromHour, toHour, after }: Parameters<HourLedger["toldStretches"]>[0],
): Promise<readonly ToldRow[]> {
  const from =
    after === null
      ? [fromHour, -1, "", 0n, 0n, ""]
      : [
          ...[after.hour, directionNumber(after.direction), after.channel],
          ...[after.epoch, after.first, after.store],
        ];
  const values = [agent, ...from, toHour, PAGE_MAX_COUNT];
  const rows = await questions.rows<StretchRow>("toldStretches", values);
  return rows.map((row) => {
    const [store, direction, channel, epoch, first, last, expected, hour, copies] = row;
    return {
      ...{ store, direction: directionOf(direction), channel, epoch: BigInt(epoch) },
      ...{ first: BigInt(first), last: BigInt(last), expected: BigInt(expected) },
      ...{ hour: Number(hour), copies: Number(copies), before: row[9], after: row[10] },
    };
  });
}

const FATES = ["none", "delivered", "aside"] as const;

async function heldRows(
  questions: Questions,
  call: Parameters<HourLedger["heldRows"]>[0],
): Promise<readonly HeldMessage[]> {
  const { agent, direction, channel, epoch, after, through } = call;
  const values = [agent, channel, epoch, after, through, HELD_PAGE_MAX_COUNT];
  const isDown = direction === "down";
  const found = await questions.rows<HeldRow>(isDown ? "heldDown" : "heldUp", values);
  const moved = isDown ? await questions.rows<HeldRow>("movedDown", values) : [];
  const rows = new Map(
    [...moved, ...found].map(([seq, sha256, fate]) => [
      BigInt(seq),
      { sha256, fate: FATES[fate] ?? ("none" as const) },
    ]),
  );
  return [...rows]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, HELD_PAGE_MAX_COUNT)
    .map(([seq, row]) => ({ seq, ...row }));
}
