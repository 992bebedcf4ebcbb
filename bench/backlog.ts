/** A large backlog: how fast the agent starts on it, what memory it takes, how fast it drains. @module */
import { hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import { appendTo } from "#test/support/test-outbox.ts";
import type { Rig } from "./rig.ts";

const BODY_BYTES = 1_024;
const AT_ONCE = 2_000;
const POLL_MS = 20;

/** Fills the agent's store through the outbox itself, without senders: the agent must not be running. */
export async function fill(rig: Rig, count: number): Promise<void> {
  await using outbox = await Outbox.open({
    stateDir: `${rig.folder}/agent/state`,
    allowVolatileState: true,
    channels: [{ name: "adt" }],
    clock: systemClock,
    chance: systemChance,
    onFatal: (error) => {
      throw error;
    },
  });
  const channel = outbox.channels[0]?.channel ?? 1;
  for (let from = 0; from < count; from += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) =>
        append(outbox, channel, from + i),
      ),
    );
  }
}

async function append(outbox: Outbox, channel: number, n: number): Promise<void> {
  const body = Buffer.alloc(BODY_BYTES, "x");
  body.write(`MSH|^~\\&|BENCH|||||||ADT^A01|${n}|P|2.5\r`, "latin1");
  const outcome = await appendTo(outbox, {
    channel,
    quarantine: undefined,
    ackOwed: true,
    duplicates: "replayAck",
    duplicateWindowMs: 86_400_000,
    receivedAtMs: systemClock.nowMs(),
    length: body.length,
    sha256: hash("sha256", body, "buffer"),
    controlKey: hash("sha256", String(n), "buffer").subarray(0, 8),
    controlId: Buffer.from(String(n)),
    source: "127.0.0.1:1",
    body,
    upload: 0,
    uploadAt: 0,
    uploadBytes: 0,
    attributes: "",
  });
  if (outcome.kind !== "stored") throw new Error(`a message was not stored: ${outcome.kind}`);
  outbox.replied(outcome.id, true);
}

export interface BacklogResult {
  readonly emptyStartMs: number;
  readonly startMs: number;
  readonly emptyMemoryBytes: number;
  readonly memoryBytes: number;
  readonly drainPerSecond: number;
  readonly memoryAfterDrainBytes: number;
}

/** @param rig made and not started */
export async function measureBacklog(rig: Rig, count: number): Promise<BacklogResult> {
  const emptyStartMs = await rig.startAgent();
  await rig.status();
  const emptyMemoryBytes = rig.agentMemoryBytes();
  await rig.stopAgent();
  await fill(rig, count);
  const startMs = await rig.startAgent();
  await rig.status();
  const memoryBytes = rig.agentMemoryBytes();
  await rig.startReceiver();
  const beganMs = await streaming(rig);
  const drainedMs = await rig.drained();
  return {
    emptyStartMs,
    startMs,
    emptyMemoryBytes,
    memoryBytes,
    drainPerSecond: Math.round(count / ((drainedMs - beganMs) / 1000)),
    memoryAfterDrainBytes: rig.agentMemoryBytes(),
  };
}

/** The moment at which the receiver begins to take messages: the tunnel may still be backing off. */
async function streaming(rig: Rig): Promise<number> {
  for (;;) {
    const beforeMs = performance.now();
    const { channels } = await rig.status();
    if (channels.some(({ ackedSeq }) => ackedSeq > 0)) return beforeMs;
    await sleep(POLL_MS);
  }
}
