import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { appendTo, entryOf, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";

/** What a store holds, without a store. */
interface Model {
  readonly bodies: string[][];
  readonly acked: number[];
  readonly kept: Set<string>;
  quarantined: number;
}

type Step =
  | {
      readonly do: "append";
      readonly name: number;
      readonly channel: number;
      readonly large: boolean;
    }
  | { readonly do: "quarantine"; readonly name: number }
  | { readonly do: "settle"; readonly channel: number; readonly part: number }
  | { readonly do: "restart" | "kill" };

const name = fc.integer({ min: 0, max: 12 });
const channel = fc.integer({ min: 0, max: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant("append"), name, channel, large: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("quarantine"), name }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("settle"), channel, part: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("restart", "kill") }) },
);

async function perform(store: TestOutbox, model: Model, one: Step): Promise<void> {
  switch (one.do) {
    case "append": {
      const controlId = `M${one.name}`;
      const body = one.large ? `${controlId} `.repeat(3_000) : controlId;
      const entry = one.large
        ? stagedEntry(store.outbox, controlId, Buffer.from(body), 4_096)
        : entryOf({ controlId });
      const number = one.channel + 1;
      const controlKey = entryOf({ controlId, channel: number }).controlKey;
      const outcome = await appendTo(store.outbox, { ...entry, channel: number, controlKey });
      const key = `${number} ${body}`;
      const bodies = model.bodies[one.channel] ?? [];
      const expected = model.kept.has(key) ? "repeat" : "stored";
      assert.equal(outcome.kind, expected);
      if (outcome.kind === "stored") {
        bodies.push(body);
        model.kept.add(key);
        assert.equal(outcome.seq, BigInt(bodies.length));
      } else if (entry.upload > 0) store.outbox.unstage(entry.upload);
      return;
    }
    case "quarantine": {
      const bad = entryOf({ controlId: `Q${one.name}`, quarantine: "noHeader" });
      const outcome = await appendTo(store.outbox, bad);
      const repeated = model.kept.has(`Q${one.name}`);
      assert.ok(outcome.kind === "quarantined" && outcome.repeated === repeated);
      if (!repeated) model.quarantined += 1;
      model.kept.add(`Q${one.name}`);
      return;
    }
    case "settle": {
      const last = model.bodies[one.channel]?.length ?? 0;
      const seq = Math.floor((last * one.part) / 100);
      store.outbox.settle(one.channel + 1, 1n, BigInt(seq));
      model.acked[one.channel] = Math.max(model.acked[one.channel] ?? 0, seq);
      return;
    }
    case "kill":
      // Progress may be lost in a crash; a probe writes it, so that the model need not guess.
      await store.outbox.probe();
      await store.kill();
      await store.reopen();
      return;
    case "restart":
      await store.reopen();
      return;
  }
}

test("[S6, S7, S11, D1] any history of a store is that of a list in memory", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      await using store = await TestOutbox.open();
      const model: Model = { bodies: [[], []], acked: [0, 0], kept: new Set(), quarantined: 0 };
      for (const one of steps) await perform(store, model, one);
      await store.outbox.probe();
      for (const [index, bodies] of model.bodies.entries()) {
        assert.deepEqual(await store.bodies(index + 1), bodies);
        const { lastSeq, ackedSeq } = await store.tail(index + 1);
        assert.deepEqual(
          [lastSeq, ackedSeq],
          [BigInt(bodies.length), BigInt(model.acked[index] ?? 0)],
        );
      }
      const { channels, recentKeyCount } = await store.outbox.standing();
      const setAside = channels.reduce((sum, one) => sum + one.quarantineCount, 0);
      assert.equal(setAside, model.quarantined);
      const messages = [...model.kept].filter((key) => !key.startsWith("Q"));
      assert.equal(recentKeyCount, messages.length);
      assert.deepEqual(store.fatals, []);
    }),
    { numRuns: 12 },
  );
});
