/** A long backlog: start, memory and descriptors do not grow with it (T-L02). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import type { AppendEntry } from "#agent/outbox/writing/append-batch.ts";
import { adt, largeAdt, latin1 } from "#test/support/messages.ts";
import { entryOf, stagedEntry } from "#test/support/test-outbox.ts";
import { kekFileBeside, readKek } from "./sealed-store.ts";
import { StopAndWait } from "./stop-and-wait.ts";
import { descriptorCount, residentBytes, TroubledPair } from "./troubled-pair.ts";

const MIB = 1024 * 1024;
const START_MAX_MS = 10_000;
/** What a start may take on top of that of an empty store: keys of repeats (03 D1), one read for the relay. */
const MORE_MEMORY_MAX_BYTES = 64 * MIB;
/** PF08: all that an agent may take with large messages under way. */
const DRAIN_MEMORY_MAX_BYTES = 300_000_000;
/** Files that are open for a moment. */
const MORE_DESCRIPTORS_MAX = 4;
const DEADLINE_MS = 60_000;
const GROUPS_WAITING = 4;

interface Backlog {
  readonly what: string;
  readonly groups: number;
  readonly groupCount: number;
  readonly entry: (outbox: Outbox, controlId: string) => AppendEntry;
}

const BACKLOGS: readonly Backlog[] = [
  {
    ...{ what: "200,000 small messages", groups: 200, groupCount: 1_000 },
    entry: (_outbox, controlId) => entryOf({ controlId, body: adt(controlId) }),
  },
  {
    ...{ what: "200 messages of 1.2 MB", groups: 200, groupCount: 1 },
    entry: (outbox, controlId) => stagedEntry(outbox, controlId, largeAdt(controlId, 1_200_000)),
  },
];

/** Appends everything as senders would, but without them. */
async function fill({ stateDir }: TroubledPair, backlog: Backlog): Promise<void> {
  await using outbox = await Outbox.open({
    ...{ stateDir, allowVolatileState: true, channels: [{ name: "adt" }] },
    ...{ clock: systemClock, chance: systemChance },
    kek: { current: readKek(kekFileBeside(stateDir)) },
    onFatal: (error) => {
      throw error;
    },
  });
  const waiting: Promise<void>[] = [];
  for (let group = 0; group < backlog.groups; group++) {
    if (waiting.length === GROUPS_WAITING) await waiting.shift();
    const entries = Array.from({ length: backlog.groupCount }, (_, index) =>
      backlog.entry(outbox, `B${group}.${index}`),
    );
    waiting.push(appended(outbox, entries));
  }
  await Promise.all(waiting);
}

function appended(outbox: Outbox, entries: readonly AppendEntry[]): Promise<void> {
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

/** An agent on the store, with the first message that it takes, and for as long as the relay reads ahead. */
async function standing(pair: TroubledPair) {
  const startMs = performance.now();
  await using agent = await pair.agent();
  const tookMs = performance.now() - startMs;
  using sender = new StopAndWait(pair.port);
  assert.equal((await sender.send(latin1(adt("FRESH"))))?.code, "AA");
  const waiting = (await pair.status()).channels[0]?.waiting;
  const found = { bytes: residentBytes(agent, "VmHWM"), descriptors: descriptorCount(agent) };
  assert.deepEqual(await agent.end("SIGTERM"), { code: 0, signal: null });
  return { ...found, tookMs, waiting };
}

for (const backlog of BACKLOGS) {
  test(`[T-L02] [I-8] ${backlog.what} wait: the agent starts within ten seconds, no larger than on an empty store`, {
    skip: process.platform !== "linux" && "not tested: memory and descriptors need /proc",
    timeout: 90_000,
  }, async (context) => {
    using none = await TroubledPair.make();
    await none.makeStore();
    const empty = await standing(none);
    using pair = await TroubledPair.make();
    await fill(pair, backlog);
    const full = await standing(pair);
    assert.equal(full.waiting, backlog.groups * backlog.groupCount + 1);
    assert.ok(full.tookMs < START_MAX_MS, `it took ${full.tookMs} ms`);
    const moreBytes = full.bytes - empty.bytes;
    assert.ok(moreBytes < MORE_MEMORY_MAX_BYTES, `${moreBytes} bytes more`);
    const moreDescriptors = full.descriptors - empty.descriptors;
    assert.ok(moreDescriptors <= MORE_DESCRIPTORS_MAX, `${moreDescriptors} descriptors more`);
    // The relay reads, and the receiver has some: that holds no more of it either.
    await using _receiver = await pair.receiver();
    await using agent = await pair.agent();
    await pair.streaming();
    const startMs = performance.now();
    while (performance.now() - startMs < 1_000) await pair.status();
    assert.ok(((await pair.status()).channels[0]?.ackedSeq ?? 0) > 0, "it leaves");
    const drainBytes = residentBytes(agent, "VmHWM");
    context.diagnostic(JSON.stringify({ empty, full, drainBytes }));
    assert.ok(drainBytes < DRAIN_MEMORY_MAX_BYTES, `${drainBytes} bytes while it leaves`);
  });
}
