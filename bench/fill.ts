/** A backlog made fast: through the outbox itself, without senders. @module */
import { join } from "node:path";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import { loadKek } from "#agent/sealing/kek.ts";
import { DEFAULT_KEK_FILE } from "#config/local.ts";
import { entryOf } from "#test/support/test-outbox.ts";
import type { Rig } from "./rig.ts";

const BODY_BYTES = 1_024;
/** Appended at once, in one commit; a few of these wait for the writer so that it never sleeps. */
const GROUP_COUNT = 500;
const GROUPS_WAITING = 4;
const DEADLINE_MS = 60_000;

/**
 * Appends `count` messages of 1 KB to the channel of a rig whose agent is not running.
 *
 * @returns how long it took, in ms
 * @throws {Error} if one of them is not stored
 */
export async function fill(rig: Rig, count: number): Promise<number> {
  const startMs = performance.now();
  const kekFile = join(rig.folder, "agent", DEFAULT_KEK_FILE);
  await using outbox = await Outbox.open({
    stateDir: rig.stateDir,
    allowVolatileState: true,
    channels: [{ name: "adt" }],
    clock: systemClock,
    chance: systemChance,
    kek: loadKek({ custody: "file", file: kekFile }, rig.stateDir),
    onFatal: (error) => {
      throw error;
    },
  });
  const channel = outbox.channels[0]?.channel ?? 1;
  const waiting: Promise<void>[] = [];
  for (let from = 0; from < count; from += GROUP_COUNT) {
    if (waiting.length === GROUPS_WAITING) await waiting.shift();
    waiting.push(appendGroup(outbox, channel, from, Math.min(GROUP_COUNT, count - from)));
  }
  await Promise.all(waiting);
  return performance.now() - startMs;
}

function appendGroup(outbox: Outbox, channel: number, from: number, count: number): Promise<void> {
  const receivedAtMs = systemClock.nowMs();
  const entries = Array.from({ length: count }, (_, index) => {
    const controlId = String(from + index);
    return entryOf({ channel, controlId, receivedAtMs, body: bodyOf(controlId) });
  });
  return new Promise((resolve, reject) => {
    outbox.append(entries, DEADLINE_MS, (outcomes) => {
      for (const outcome of outcomes) {
        if (outcome.kind === "stored") outbox.replied(outcome.id, true);
        else reject(new Error(`a message was not stored: ${outcome.kind}`));
      }
      resolve();
    });
  });
}

function bodyOf(controlId: string): Uint8Array {
  const body = Buffer.alloc(BODY_BYTES, "x");
  body.write(`MSH|^~\\&|BENCH|||||||ADT^A01|${controlId}|P|2.5\r`, "latin1");
  return body;
}
