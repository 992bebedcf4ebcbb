/**
 * What is recorded for power cuts of the receiver: its store takes two channels' messages, is closed and
 * opened again between phases, and each answer is marked before anything else happens (RI7).
 *
 * Runs under `record.sh`; marks are `ACK channel seq`.
 *
 * @module
 */
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openSqliteStore, STORE_FILE } from "#receiver/store/sqlite/sqlite-store.ts";
import type { Store } from "#receiver/store/store.ts";
import type { IngestItem } from "#streams/sink/sink-store.ts";
import { chances, controlIdOf, messageOf, sha256Of } from "../seeded-messages.ts";

const CHANNELS = ["adt", "lab"];
const EPOCH = 1n;
const PHASES = 3;
const BATCH_MAX_COUNT = 8;
/** Between the last answer and the closing: one that was given too early stays too early. */
const QUIET_MS = 100;

/** The body that belongs to a number of a channel. */
export function bodyAt(seed: number, channel: string, seq: number): Buffer {
  return messageOf(controlIdOf(seed, channel, seq));
}

async function runLoad(folder: string, marker: string, seed: number, calls: number): Promise<void> {
  const marks = openSync(marker, "w");
  const lastSeqs = new Map(CHANNELS.map((channel) => [channel, 0]));
  const random = chances(seed);
  for (let phase = 0; phase < PHASES; phase++) {
    await using store = await openSqliteStore(join(folder, STORE_FILE));
    const call = await greet(store, phase);
    await Promise.all(
      CHANNELS.map(async (channel) => {
        await store.open({ ...call, channel, epoch: EPOCH, previous: null });
        for (let n = 0; n < calls; n++) {
          const lastSeq = lastSeqs.get(channel) ?? 0;
          const count = 1 + Math.floor(random.next().value * BATCH_MAX_COUNT);
          const items = Array.from({ length: count }, (_, i) =>
            itemAt(seed, channel, lastSeq + 1 + i),
          );
          const first = BigInt(lastSeq + 1);
          const result = await store.ingest({ ...call, channel, epoch: EPOCH, first, items });
          if (result.kind !== "ok") throw new Error(`the store answered ${result.kind}`);
          writeSync(marks, `ACK ${channel} ${result.last}\n`);
          lastSeqs.set(channel, lastSeq + count);
        }
      }),
    );
    await pause(QUIET_MS);
  }
}

async function greet(store: Store, phase: number) {
  const atMs = 1_700_000_000_000;
  const added = await store.addAgent({ tenant: "north", name: "ward", serialHex: "1f", atMs });
  if (!("agent" in added)) throw new Error("the store is busy");
  const agent = added.agent.id;
  const storeId = new Uint8Array(16).fill(7);
  const instanceNonce = new Uint8Array(16).fill(phase);
  const greeted = await store.hello({ agent, storeId, instanceNonce, atMs });
  if (!("session" in greeted)) throw new Error("the store is busy");
  return { agent, session: greeted.session, atMs };
}

function itemAt(seed: number, channel: string, seq: number): IngestItem {
  const body = bodyAt(seed, channel, seq);
  return { sha256: sha256Of(body), receivedAtMs: 1.7e12, meta: "{}", replaces: null, body };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { seed: { type: "string", default: "1" }, calls: { type: "string", default: "20" } },
  });
  const { CRASH_DIR = "", CRASH_MARK = "" } = process.env;
  await runLoad(CRASH_DIR, CRASH_MARK, Number(values.seed), Number(values.calls));
}
