/**
 * The outbox through a short life, a restart and another short life, in a process of its own: the recorder
 * fails one of its calls. Says what it was promised, line by line, and ends with the agent's exit code.
 *
 *   node child.ts STATE_DIR
 *
 * @module
 */
import { writeSync } from "node:fs";
import { AgentError, ERROR_CATALOGUE } from "#agent/errors.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import type { AppendOutcome } from "#agent/outbox/writing/ticket-queue.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { entryOf, stagedEntry } from "#test/support/test-outbox.ts";
import { FIRST_LIFE, type Said, SECOND_LIFE, type Sent } from "./load.ts";

const [stateDir = ""] = process.argv.slice(2);
/** As often a sender without patience sends again. */
const ATTEMPTS = 3;
const DEADLINE_MS = 10_000;

function say(said: Said): void {
  writeSync(1, `${JSON.stringify(said)}\n`);
}

/** As the agent ends: at once, with the code of the error. */
function end(said: "openFailed" | "fatal", error: AgentError): never {
  say({ said, code: error.code });
  process.exit(ERROR_CATALOGUE[error.code].exit);
}

async function open(): Promise<Outbox> {
  try {
    return await Outbox.open({
      ...{ stateDir, allowVolatileState: true, kek: TEST_KEK, channels: [{ name: "adt" }] },
      ...{ clock: systemClock, chance: systemChance },
      onFatal: (error) => end("fatal", error),
    });
  } catch (error) {
    if (error instanceof AgentError) end("openFailed", error);
    throw error;
  }
}

function entryFor(outbox: Outbox, { controlId, body, kind }: Sent): ReturnType<typeof entryOf> {
  if (kind === "large") return stagedEntry(outbox, controlId, body);
  const more = kind === "setAside" ? ({ quarantine: "noMessageType" } as const) : {};
  return entryOf({ controlId, body, ...more });
}

function append(outbox: Outbox, group: readonly Sent[]): Promise<readonly AppendOutcome[]> {
  const entries = group.map((one) => entryFor(outbox, one));
  return new Promise((resolve) => {
    outbox.append(entries, DEADLINE_MS, resolve);
  });
}

async function send(outbox: Outbox, group: readonly Sent[]): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const outcomes = await append(outbox, group);
    const refused = outcomes.find((outcome) => outcome.kind === "refused");
    if (refused !== undefined) {
      say({ said: "refused", code: refused.error.code });
      continue;
    }
    for (const [index, { kind }] of outcomes.entries()) {
      say({ said: "kept", controlId: group[index]?.controlId ?? "", outcome: kind });
    }
    return;
  }
}

async function live(groups: readonly (readonly Sent[])[]): Promise<void> {
  const outbox = await open();
  say({ said: "opened" });
  for (const group of groups) await send(outbox, group);
  const { channels } = await outbox.standing().catch((error: unknown) => {
    if (error instanceof AgentError) return { channels: [] };
    throw error;
  });
  const [tail] = channels;
  // The receiver has the first of them: a cursor moves, too.
  if (tail !== undefined && tail.lastSeq > 0n) outbox.settle(tail.channel, tail.epoch, 1n);
  await outbox[Symbol.asyncDispose]();
  say({ said: "closed" });
}

await live(FIRST_LIFE);
await live(SECOND_LIFE);
