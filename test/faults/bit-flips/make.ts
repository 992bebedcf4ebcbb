/**
 * Makes the store whose bits are flipped, then says so and waits: to be closed or killed.
 *
 *   node make.ts STATE_DIR close|wait
 *
 * @module
 */
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import type { AppendEntry } from "#agent/outbox/writing/append-batch.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { appendTo, entryOf, stagedEntry } from "#test/support/test-outbox.ts";
import { CHANNELS, MESSAGES, type Message, SET_ASIDE, SETTLED, SLICE_BYTES } from "./content.ts";

const [stateDir = "", end] = process.argv.slice(2);
/** Between the last write and the end: longer than the agent waits with what it writes lazily. */
const QUIET_MS = 1_500;

const outbox = await Outbox.open({
  ...{ stateDir, allowVolatileState: true, kek: TEST_KEK },
  ...{ channels: CHANNELS.map((name) => ({ name })), clock: systemClock, chance: systemChance },
  onFatal: (error) => {
    throw error;
  },
});

function entryFor({ channel, controlId, body, isLarge }: Message): AppendEntry {
  const id = outbox.channels[channel]?.channel ?? 0;
  if (isLarge) return { ...stagedEntry(outbox, controlId, body, SLICE_BYTES), channel: id };
  return entryOf({ controlId, body, channel: id });
}

/** Mostly one message a commit, as from a sender that waits for each reply; some in groups. */
async function fill(): Promise<void> {
  for (const [index, message] of MESSAGES.entries()) {
    if (index % 20 === 12) continue;
    const group = index % 20 === 11 ? MESSAGES.slice(index, index + 2) : [message];
    const outcomes = await Promise.all(group.map((one) => appendTo(outbox, entryFor(one))));
    const refused = outcomes.find(({ kind }) => kind !== "stored");
    if (refused !== undefined) throw new Error(`${message.controlId} is ${refused.kind}`);
  }
  for (const message of SET_ASIDE) {
    await appendTo(outbox, { ...entryFor(message), quarantine: "noMessageType" });
  }
  for (const { channel, epoch } of outbox.channels) outbox.settle(channel, epoch, BigInt(SETTLED));
  await outbox.standing();
}

await fill();
if (end === "close") await outbox[Symbol.asyncDispose]();
else await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
process.stdout.write("made\n");
if (end !== "close") await new Promise(() => {});
