/**
 * Opens a store that may be damaged and reads everything, as the relay and a person would; says what it
 * found in one line of JSON.
 *
 *   node read.ts STATE_DIR
 *
 * @module
 */
import { hash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { AgentError } from "#agent/errors.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { translated } from "#agent/outbox/format/fault.ts";
import { walkStore } from "#agent/outbox/format/row-walk.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import type { StoredMessage } from "#agent/outbox/reader.ts";
import { GroupCommit } from "#agent/outbox/writing/group-commit.ts";
import { openTestDatabase, TEST_KEK } from "#test/support/test-keys.ts";
import { missingOf } from "../store-tables.ts";
import { CHANNELS, type Found, type FoundChannel, type FoundMessage } from "./content.ts";

const [stateDir = ""] = process.argv.slice(2);
const READ_MAX_BYTES = 1 << 20;
const SLICES_MAX_BYTES = 1 << 18;

/** At once: a pipe would be written later than the end. */
function say(found: Found): void {
  writeFileSync(1, `${JSON.stringify(found)}\n`);
}

/** Says it and ends: the outbox may be in no state to be closed. */
function refused(code: string): never {
  const found: Found = { code, channels: [], setAside: [], walked: [], named: [] };
  say(found);
  process.exit(0);
}

const opening = { allowVolatileState: true, kek: TEST_KEK, clock: systemClock };
const outbox = await Outbox.open({
  ...{ ...opening, stateDir, chance: systemChance },
  channels: CHANNELS.map((name) => ({ name })),
  onFatal: ({ code }) => refused(code),
}).catch((error: unknown) => {
  if (error instanceof AgentError) return refused(error.code);
  throw error;
});

const idOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** The digest of what would leave; `undefined` where the relay would find that it does not fit. */
async function digestOf(message: StoredMessage): Promise<string | undefined> {
  if (message.body !== undefined) return hash("sha256", message.body);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += parts.at(-1)?.length ?? 0) {
    const bytes = Math.min(SLICES_MAX_BYTES, message.length - at);
    const part = await outbox.slices(message.upload, message.uploadAt + at, bytes);
    if (part.length === 0) return undefined;
    parts.push(part);
  }
  const digest = hash("sha256", Buffer.concat(parts), "buffer");
  return Buffer.compare(digest, message.sha256) === 0 ? digest.toString("hex") : undefined;
}

async function readChannel(channel: number, acked: bigint): Promise<FoundChannel> {
  const messages: FoundChannel["messages"][number][] = [];
  for (let afterSeq = 0n; ; ) {
    const bounds = { maxBytes: READ_MAX_BYTES, maxCount: 500 };
    const read = await outbox.read({ channel, epoch: 1n, afterSeq, ...bounds });
    for (const message of read.messages) {
      const sha256 = await digestOf(message);
      const { seq, controlId } = message;
      if (sha256 === undefined) return { acked: Number(acked), messages, damagedSeq: Number(seq) };
      messages.push({ seq: Number(seq), controlId: idOf(controlId), sha256 });
      afterSeq = seq;
    }
    const damagedSeq = read.damagedSeq === undefined ? undefined : Number(read.damagedSeq);
    if (read.messages.length === 0 || damagedSeq !== undefined) {
      return { acked: Number(acked), messages, damagedSeq };
    }
  }
}

async function readQuarantine(): Promise<FoundMessage[]> {
  const found: FoundMessage[] = [];
  for (const { id, controlId } of await outbox.quarantined(Number.MAX_SAFE_INTEGER, 100)) {
    const block = await outbox.quarantinedBlock(id, 0, READ_MAX_BYTES);
    const sha256 = hash("sha256", block?.bytes ?? new Uint8Array(0));
    found.push({ controlId: idOf(controlId), sha256 });
  }
  return found;
}

/** The first epoch of a channel: after a rollback it is an earlier one. */
function firstEpochAcked(tail: Outbox["channels"][number]): bigint {
  return tail.earlier.find(({ epoch }) => epoch === 1n)?.ackedSeq ?? tail.ackedSeq;
}

/** As the agent does it once a week (05 S18), without its pauses. */
function walk(): Found["walked"] {
  const { database, sealer } = openTestDatabase({ stateDir });
  const store = new GroupCommit(database, sealer, { channels: CHANNELS.map((name) => ({ name })) });
  const found: Found["walked"][number][] = [];
  const steps = walkStore({ prepared: store.prepared, sealer, tails: () => store.tails }, (row) => {
    if (row.kind === "message" && row.epoch === 1n) {
      found.push({ channel: row.channel, seq: Number(row.seq) });
    }
  });
  try {
    while (steps.next().done !== true);
  } catch (error) {
    // There the agent would end (05 S9), and check the file at its next start.
    if (translated(error).code === "STORE_CORRUPT") refused("STORE_CORRUPT");
    throw error;
  } finally {
    database.close();
  }
  return found;
}

async function readAll(): Promise<Found> {
  const channels: FoundChannel[] = [];
  for (const [index, name] of CHANNELS.entries()) {
    const tail = outbox.channels.find((one) => one.name === name);
    if (tail === undefined) continue;
    channels[index] = await readChannel(tail.channel, firstEpochAcked(tail));
  }
  const setAside = await readQuarantine();
  await outbox[Symbol.asyncDispose]();
  const walked = walk();
  const db = new Database(join(stateDir, "outbox/holdfast.db"), { readonly: true });
  const named = missingOf(db);
  db.close();
  return { channels, setAside, walked, named };
}

say(await readAll());
