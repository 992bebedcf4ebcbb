/** The inbox against a naive model: whatever is asked in whatever order, with crashes between. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { InboxResult } from "#agent/outbox/inbox/inbox-calls.ts";
import type { InboxAnswer } from "#agent/outbox/inbox/inbox-messages.ts";
import { leftovers, wronglyCounted } from "#test/faults/store-accounting.ts";
import { RoomInbox } from "#test/support/room-inbox.ts";
import { itemOf } from "#test/support/test-inbox.ts";

/** What a sink must remember, as plainly as it can be said. */
class Model {
  epoch = 1;
  lastSeq = 0;
  readonly finals = new Map<number, number>();
  /** `epoch/seq` to its content; `undefined`: skipped. */
  readonly stored = new Map<string, string | undefined>();
  /** To be delivered, in order. */
  readonly waiting: string[] = [];
  readonly reported: string[] = [];

  ingest(epoch: number, first: number, bodies: readonly string[], replaces?: string): InboxResult {
    if (epoch > this.epoch) return { kind: "unopened" };
    const closedAt = this.finals.get(epoch);
    if (epoch < this.epoch && closedAt === undefined) return { kind: "staleEpoch" };
    const last = closedAt ?? this.lastSeq;
    if (closedAt === undefined && first > last + 1) return { kind: "gap", last: BigInt(last) };
    const isHere = (_: string, index: number): boolean => first + index <= last;
    const other = bodies
      .filter(isHere)
      .findIndex((body, index) => this.stored.get(`${epoch}/${first + index}`) !== body);
    const isStale = closedAt !== undefined && (first + bodies.length - 1 > last || other >= 0);
    if (isStale) return { kind: "staleEpoch" };
    if (other >= 0) return { kind: "conflict", seq: BigInt(first + other) };
    const fresh = bodies.filter((body, index) => !isHere(body, index));
    let arrivedCount = 0;
    for (const body of fresh) {
      this.lastSeq += 1;
      const isRepeat = replaces !== undefined && this.stored.get(replaces) === body;
      this.stored.set(`${epoch}/${this.lastSeq}`, body);
      if (isRepeat) continue;
      arrivedCount += 1;
      this.waiting.push(body);
    }
    const end = BigInt(closedAt ?? this.lastSeq);
    return { kind: "ok", last: end, arrivedCount, unverifiedCount: 0, gap: null };
  }

  skip(first: number, last: number): InboxResult {
    if (first > this.lastSeq + 1) return { kind: "gap", last: BigInt(this.lastSeq) };
    const common = { kind: "ok", arrivedCount: 0, unverifiedCount: 0 } as const;
    if (last <= this.lastSeq) return { ...common, last: BigInt(this.lastSeq), gap: null };
    for (let seq = this.lastSeq + 1; seq <= last; seq++) {
      this.stored.set(`${this.epoch}/${seq}`, undefined);
    }
    this.lastSeq = last;
    return { ...common, last: BigInt(last), gap: "discarded" };
  }

  begin(): void {
    this.finals.set(this.epoch, this.lastSeq);
    this.epoch += 1;
    this.lastSeq = 0;
  }
}

const body = fc.constantFrom("a", "b", "cc", "d".repeat(150_000));
const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("ingest" as const),
      back: fc.integer({ min: -2, max: 3 }),
      ago: fc.integer({ min: -1, max: 1 }),
      bodies: fc.array(body, { minLength: 1, maxLength: 3 }),
      replaces: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("skip" as const),
      back: fc.integer({ min: -1, max: 2 }),
      count: fc.integer({ min: 0, max: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("begin" as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("settle" as const), isAside: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

const resultOf = ([answer]: readonly InboxAnswer[]): unknown => {
  assert.ok(answer !== undefined && "result" in answer);
  return answer.result;
};

function carryOut(made: RoomInbox, model: Model, step: Command): void {
  const common = { channel: "orders", atMs: 0 };
  switch (step.do) {
    case "ingest": {
      const epoch = model.epoch - step.ago;
      const first = Math.max(1, model.lastSeq + 1 - step.back);
      const old = { epoch: BigInt(Math.max(1, model.epoch - 1)), seq: BigInt(step.replaces ?? 0) };
      const replaces = step.replaces === undefined ? {} : { replaces: old };
      const items = step.bodies.map((one) => itemOf(one, replaces));
      const call = { ...common, epoch: BigInt(epoch), first: BigInt(first), items };
      const named = step.replaces === undefined ? undefined : `${old.epoch}/${old.seq}`;
      const expected = model.ingest(epoch, first, step.bodies, named);
      assert.deepEqual(resultOf(made.write({ call: "ingest", ...call })), expected);
      return;
    }
    case "skip": {
      const first = Math.max(1, model.lastSeq + 1 - step.back);
      const last = first + step.count;
      const range = { first: BigInt(first), last: BigInt(last), chain: null, sourceStore: null };
      const call = { ...common, epoch: BigInt(model.epoch), ...range } as const;
      const found = resultOf(made.write({ call: "skip", ...call, reason: "discarded" }));
      assert.deepEqual(found, model.skip(first, last));
      return;
    }
    case "begin": {
      const previous = { epoch: BigInt(model.epoch), finalSeq: BigInt(model.lastSeq) };
      model.begin();
      const call = { ...common, epoch: BigInt(model.epoch), nextSeq: 1n, previous };
      assert.equal(made.kindOf({ call: "open", ...call, sourceStore: null }), "ok");
      return;
    }
    case "settle": {
      const next = made.reader.next("orders");
      const expected = model.waiting.shift();
      assert.equal(next === undefined ? undefined : made.body(next.id), expected);
      if (next === undefined) return;
      model.reported.push(`${next.epoch}/${next.seq}`);
      made.settle(
        step.isAside
          ? { kind: "quarantined", reason: "expired", flags: [], reply: undefined }
          : { kind: "accepted", flags: [], reply: undefined },
      );
      return;
    }
    case "crash":
      made.reopen();
  }
}

describe("the inbox against a model", () => {
  test("[TP41, RI3, RI4, RI5, RI6, O2, O10] any calls in any order, with crashes: results, order of delivery, reports", () => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 5, maxLength: 40 }), (steps) => {
        using made = new RoomInbox();
        const model = new Model();
        for (const step of steps) carryOut(made, model, step);
        const [standing] = made.reader.standing();
        assert.equal(standing?.openCount, model.waiting.length);
        const outcomes = made.room.bodies(2).map((text) => JSON.parse(text));
        assert.deepEqual(
          outcomes.map(({ epoch, seq }) => `${epoch}/${seq}`),
          model.reported,
        );
        assert.deepEqual(wronglyCounted(made.room.database), []);
        assert.deepEqual(leftovers(made.room.database), []);
        for (;;) {
          if (model.waiting.length === 0) break;
          carryOut(made, model, { do: "settle", isAside: false });
        }
      }),
      { numRuns: 60 },
    );
  });
});
