/**
 * What is recorded for power cuts of the inbox: messages come down on two channels, are claimed and settled
 * while others come and hospital systems send, and each promise is marked once it was made.
 *
 * Runs under `record.sh`; marks are `ACK`, `CLAIM` and `SETTLED`, each with `channel/epoch/seq`. The store is
 * closed and opened again between phases.
 *
 * @module
 */
import { openSync, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Delivery } from "#agent/deliver/queue.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import { appendTo, entryOf } from "#test/support/test-outbox.ts";
import { chances, controlIdOf, messageOf, sha256Of } from "../seeded-messages.ts";

export const CHANNELS: readonly string[] = ["orders", "labels"];
export const KEK: Uint8Array = new Uint8Array(32).fill(0x5a);
const EPOCH = 1n;
const PHASES = 3;
const BATCH_MAX_COUNT = 6;
/** A message above it comes in pieces of this size. */
const PIECE_BYTES = 300_000;
/** Between the last answer and the closing: one that was given too early stays too early. */
const QUIET_MS = 100;

/** The body that belongs to a number of a channel. */
export const bodyAt = (seed: number, channel: string, seq: number): Buffer =>
  messageOf(controlIdOf(seed, channel, seq));

interface Load {
  readonly outbox: Outbox;
  readonly seed: number;
  readonly calls: number;
  readonly mark: (text: string) => void;
  readonly lastSeqs: Map<string, number>;
  readonly random: Generator<number, never>;
}

const openOutbox = (stateDir: string): Promise<Outbox> =>
  Outbox.open({
    ...{ stateDir, allowVolatileState: true, channels: [{ name: "adt" }], downstream: CHANNELS },
    ...{ clock: systemClock, chance: systemChance, kek: { current: KEK }, retainHours: 72 },
    onFatal: (error) => {
      throw error;
    },
  });

async function runLoad(folder: string, marker: string, seed: number, calls: number): Promise<void> {
  const marks = openSync(marker, "w");
  const mark = (text: string): void => void writeSync(marks, `${text}\n`);
  const lastSeqs = new Map(CHANNELS.map((channel) => [channel, 0]));
  const random = chances(seed);
  for (let phase = 0; phase < PHASES; phase++) {
    await using outbox = await openOutbox(folder);
    const load = { outbox, seed, calls, mark, lastSeqs, random };
    const upstream = sendUp(load, phase);
    await Promise.all([
      upstream,
      ...CHANNELS.map((channel) => Promise.all([receive(load, channel), deliver(load, channel)])),
    ]);
    await pause(QUIET_MS);
  }
}

async function sendUp({ outbox, calls, seed }: Load, phase: number): Promise<void> {
  for (let n = 0; n < calls; n++) {
    const controlId = `U${seed}.${phase}.${n}`;
    await appendTo(outbox, entryOf({ controlId }), 60_000);
  }
}

async function receive(
  { outbox, seed, calls, mark, lastSeqs, random }: Load,
  channel: string,
): Promise<void> {
  const common = { channel, epoch: EPOCH, atMs: 1_700_000_000_000 };
  const opening = { nextSeq: 1n, previous: null, sourceStore: null };
  await outbox.inbox.open({ ...common, ...opening });
  for (let n = 0; n < calls; n++) {
    const lastSeq = lastSeqs.get(channel) ?? 0;
    const count = 1 + Math.floor(random.next().value * BATCH_MAX_COUNT);
    const bodies = Array.from({ length: count }, (_, i) => bodyAt(seed, channel, lastSeq + 1 + i));
    const isLarge = bodies.some(({ length }) => length > PIECE_BYTES);
    for (const group of isLarge ? bodies.map((body) => [body]) : [bodies]) {
      const first = BigInt((lastSeqs.get(channel) ?? 0) + 1);
      const items = await Promise.all(group.map((body) => itemOf(outbox, common, first, body)));
      const result = await outbox.inbox.ingest({ ...common, first, items });
      if (result.kind !== "ok") throw new Error(`the inbox answered ${result.kind}`);
      mark(`ACK ${channel}/${EPOCH}/${result.last}`);
      lastSeqs.set(channel, Number(result.last));
    }
  }
}

async function itemOf(
  outbox: Outbox,
  common: { readonly channel: string; readonly epoch: bigint; readonly atMs: number },
  seq: bigint,
  body: Buffer,
) {
  const sha256 = sha256Of(body);
  const item = { sha256, receivedAtMs: common.atMs, meta: "{}", replaces: null };
  if (body.length <= PIECE_BYTES) return { ...item, body };
  for (let offset = 0; offset < body.length; offset += PIECE_BYTES) {
    const bytes = body.subarray(offset, offset + PIECE_BYTES);
    const call = { ...common, seq, sha256, totalBytes: body.length, offset, bytes };
    const result = await outbox.inbox.partial(call);
    if (result.kind !== "ok") throw new Error(`the inbox answered ${result.kind}`);
  }
  return { ...item, body: null };
}

/** Delivers about as much as one phase brings; some stay. */
async function deliver({ outbox, calls, mark, random }: Load, channel: string): Promise<void> {
  const queue = outbox.inbox.queueOf(channel);
  for (let n = 0; n < calls * 3; n++) {
    const next: Delivery | undefined = await queue.next();
    if (next === undefined) {
      await pause(1);
      continue;
    }
    const name = `${channel}/${next.epoch}/${next.seq}`;
    await queue.claim(next.id);
    mark(`CLAIM ${name}`);
    const reply = {
      code: "AA",
      text: Buffer.from("T"),
      bytes: Buffer.from(`MSA|AA|${name}`),
    } as const;
    if (random.next().value < 0.2) {
      await queue.settle(next.id, { kind: "quarantined", reason: "rejected", flags: [], reply });
    } else await queue.settle(next.id, { kind: "accepted", flags: [], reply });
    mark(`SETTLED ${name}`);
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { seed: { type: "string", default: "1" }, calls: { type: "string", default: "10" } },
  });
  const { CRASH_DIR = "", CRASH_MARK = "" } = process.env;
  await runLoad(CRASH_DIR, CRASH_MARK, Number(values.seed), Number(values.calls));
}
