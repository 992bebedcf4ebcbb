/** Whatever is appended, settled, pruned, discarded and interrupted: accounting equals a recount (05 S20). */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readSlices } from "#agent/outbox/reader.ts";
import { until } from "#test/support/processes.ts";
import { named, RoomStore } from "#test/support/room-store.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

type Command = (model: Model) => void;

/** What must be true, kept without SQL. */
class Model implements Disposable {
  readonly room = new RoomStore({ retainHours: 2, ledgerDays: 1 });
  readonly bodies: string[][] = [[], []];
  readonly settled = [0, 0];
  #next = 1;

  append(channel: number, count: number, length: number): void {
    const receivedAtMs = this.room.clock.nowMs();
    const bodies = named(this.#next, count, length);
    this.#next += count;
    const entries = bodies.map((body) =>
      entryOf({ controlId: body.slice(0, 40), body, channel, receivedAtMs }),
    );
    assert.ok(this.room.commit(...entries).committed);
    this.bodies[channel - 1]?.push(...bodies);
  }

  appendLarge(kib: number): void {
    this.room.appendLarge(`L${this.#next}`, new Uint8Array(kib * 1024).fill(this.#next & 0xff));
    this.#next += 1;
    this.bodies[0]?.push("in slices");
  }

  setAside(): void {
    this.room.commit(entryOf({ controlId: `Q${this.#next++}`, quarantine: "junk" }));
  }

  settle(channel: number, part: number): void {
    const last = this.bodies[channel - 1]?.length ?? 0;
    const from = this.settled[channel - 1] ?? 0;
    const seq = from + Math.floor((last - from) * part);
    this.settled[channel - 1] = seq;
    this.room.settle(BigInt(seq), channel);
  }

  check(): void {
    for (const channel of [1, 2]) {
      const trimmed = this.room.trimmed(channel);
      assert.ok(trimmed <= (this.settled[channel - 1] ?? 0), "I-4");
      const left = this.room.bodies(channel, BigInt(trimmed));
      assert.deepEqual(left, this.bodies[channel - 1]?.slice(trimmed));
    }
    const uploads = this.room.database
      .prepare(
        "SELECT upload, length FROM message JOIN cursor USING (channel, epoch) WHERE seq > trimmed AND upload > 0",
      )
      .raw()
      .all() as [number, number][];
    for (const [upload, length] of uploads) {
      assert.equal(readSlices(this.room.store.readParts, upload, 0, 1 << 22).length, length);
    }
    this.room.work("uploads");
    this.room.isSound();
  }

  [Symbol.dispose](): void {
    this.room[Symbol.dispose]();
  }
}

const channel = fc.constantFrom(1, 2);
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.tuple(channel, fc.integer({ min: 1, max: 30 }), fc.constantFrom(20, 300, 20_000)).map(
    ([at, count, length]): Command =>
      (model) =>
        model.append(at, count, length),
  ),
  fc.integer({ min: 1, max: 40 }).map(
    (kib): Command =>
      (model) =>
        model.appendLarge(kib),
  ),
  fc.constant<Command>((model) => model.setAside()),
  fc.tuple(channel, fc.double({ min: 0, max: 1, noNaN: true })).map(
    ([at, part]): Command =>
      (model) =>
        model.settle(at, part),
  ),
  fc
    .tuple(fc.constantFrom("prune", "ledger", "uploads", "shred", "vacuum"), fc.nat({ max: 3 }))
    .map(
      ([name, steps]): Command =>
        (model) => {
          for (let step = 0; step <= steps; step++) model.room.chore(name).step(step % 2 === 0);
        },
    ),
  fc.constantFrom(60_000, 1_200_000, 10_800_000, 90_000_000).map(
    (ms): Command =>
      (model) => {
        model.room.clock.advance(ms);
      },
  ),
  fc.boolean().map(
    (low): Command =>
      (model) =>
        model.room.space.diskIs(low),
  ),
  fc.constant<Command>((model) => model.room.reopen()),
  fc.constant<Command>((model) => {
    model.room.store.discard([1, 2]);
  }),
);

test("[S20] [S14] [I-4] accounting equals a recount after whatever was done and interrupted", () => {
  fc.assert(
    fc.property(fc.array(command, { minLength: 5, maxLength: 40 }), (commands) => {
      using model = new Model();
      for (const run of commands) {
        run(model);
        model.check();
      }
    }),
    { numRuns: 25 },
  );
});

test("[S20] [T-S12] [S14] the thread dies while it prunes: nothing unsettled is gone, and the work goes on", async () => {
  await using store = await TestOutbox.open({ retainHours: 0 });
  let last = 0;
  for (let round = 0; round < 5; round++) {
    const bodies = named(last + 1, 300, 2_000);
    const outcomes = bodies.map((body) =>
      appendTo(store.outbox, entryOf({ controlId: body.slice(0, 40), body })),
    );
    for (const outcome of await Promise.all(outcomes)) assert.equal(outcome.kind, "stored");
    last += 300;
    store.outbox.settle(1, 1n, BigInt(last - 50));
    const trimmed = Number((await store.tail()).trimmedSeq);
    await until("it prunes", async () => Number((await store.tail()).trimmedSeq) > trimmed);
    await store.kill();
    using room = new RoomStore({ stateDir: store.stateDir, retainHours: 0 });
    room.isSound();
    assert.ok(room.trimmed() <= last - 50);
    assert.deepEqual(room.bodies(1, BigInt(last - 50)), named(last - 49, 50, 2_000));
    room.close();
    await store.reopen();
  }
});
