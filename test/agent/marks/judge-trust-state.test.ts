/** The table of 07 2.12, row by row. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  judgeTrustState,
  type LastGoodState,
  type MarksState,
  type StoreState,
  type TrustQuestion,
} from "#agent/marks/judge-trust-state.ts";
import {
  highestOf,
  isBehind,
  type Marks,
  marksIn,
  markValues,
  NO_MARKS,
} from "#agent/marks/marks.ts";

const DIGEST = "a".repeat(64);
const OTHER = "b".repeat(64);
const MARKS: Marks = {
  ...{ trustVersion: 4, epoch: 2, seqHigh: 17, effectiveDigest: DIGEST },
  ...{ timeFloorMs: 1_000, auditSeq: 90, release: { root: 3, targets: 8 } },
};
const OLDER: Marks = { ...MARKS, seqHigh: 16, effectiveDigest: OTHER, auditSeq: 80 };

const good = (marks: Marks): { kind: "good"; marks: Marks } => ({ kind: "good", marks });
const damaged = { kind: "damaged" } as const;
const absent = { kind: "absent" } as const;
const verified = (digest = DIGEST): LastGoodState => ({ kind: "verified", digest });
const unusable = { kind: "unusable" } as const;

const judged = (
  store: StoreState,
  marks: MarksState,
  lastGood: LastGoodState = verified(),
  configSource: TrustQuestion["configSource"] = "signed",
) => judgeTrustState({ store, marks, lastGood, configSource });

describe("trust state at a start", () => {
  test("[U22] store good, not behind the marks: normal, whatever the marks are", () => {
    for (const marks of [good(MARKS), good(OLDER), damaged, absent]) {
      const verdict = judged(good(MARKS), marks, unusable);
      assert.deepEqual(verdict, { kind: "normal", isNew: false, floor: MARKS });
    }
  });

  test("[U22] store behind the marks: last-good runs, frozen, nothing goes below the marks", () => {
    assert.deepEqual(judged(good(OLDER), good(MARKS)), {
      ...{ kind: "frozen", cause: "storeBehind", runs: "lastGood", endedBy: "repair" },
      floor: MARKS,
    });
  });

  test("[U22] each mark alone says that the store is behind", () => {
    const lower: readonly Partial<Marks>[] = [
      { trustVersion: 3 },
      { epoch: 1, seqHigh: 900 },
      { seqHigh: 16 },
      { timeFloorMs: 999 },
      { auditSeq: 89 },
      { release: { root: 2, targets: 8 } },
      { release: { root: 3 } },
    ];
    for (const one of lower) {
      const verdict = judged(good({ ...MARKS, ...one }), good(MARKS));
      assert.equal(verdict.kind, "frozen", JSON.stringify(one));
    }
    // VT6: a new epoch begins at 0.
    const renewed = { ...MARKS, epoch: 3, seqHigh: 0 };
    assert.equal(judged(good(renewed), good(MARKS)).kind, "normal");
  });

  for (const store of [damaged, absent]) {
    test(`[U22] store ${store.kind}, marks good: last-good runs if it is the mark's; the marks are the floor`, () => {
      assert.deepEqual(judged(store, good(MARKS)), {
        ...{ kind: "frozen", cause: "storeDamaged", runs: "lastGood", endedBy: "repair" },
        floor: MARKS,
      });
      assert.deepEqual(judged(store, good(MARKS), verified(OTHER)), {
        ...{ kind: "unusable", cause: "storeDamaged" },
      });
    });

    test(`[U22] store ${store.kind}, marks damaged: last-good runs if it verifies; only a higher epoch ends it`, () => {
      assert.deepEqual(judged(store, damaged, verified(OTHER)), {
        ...{ kind: "frozen", cause: "allDamaged", runs: "lastGood", endedBy: "higherEpoch" },
        floor: NO_MARKS,
      });
    });
  }

  test("[U22] last-good that cannot be used: no listener opens", () => {
    const rows: readonly [StoreState, MarksState][] = [
      [good(OLDER), good(MARKS)],
      [damaged, good(MARKS)],
      [absent, good(MARKS)],
      [damaged, damaged],
      [damaged, absent],
      [absent, damaged],
    ];
    for (const [store, marks] of rows) {
      for (const lastGood of [unusable, absent]) {
        assert.equal(judged(store, marks, lastGood).kind, "unusable");
        const local = judged(store, marks, lastGood, "local");
        assert.equal(local.kind === "frozen" && local.runs, "local", "its channels are its own");
      }
    }
  });

  test("[U22] where nothing signed was ever in force, nothing runs, and it is frozen all the same", () => {
    const before = { ...MARKS, effectiveDigest: undefined, seqHigh: 0 };
    const verdict = judged(damaged, good(before), absent);
    assert.equal(verdict.kind === "frozen" && verdict.runs, "nothing");
  });

  test("[U22] a new installation is normal; with a last-good beside it, it is none", () => {
    assert.deepEqual(judged(absent, absent, absent), {
      kind: "normal",
      isNew: true,
      floor: NO_MARKS,
    });
    assert.equal(judged(absent, absent, verified()).kind, "frozen");
    assert.equal(judged(absent, absent, unusable).kind, "unusable");
  });

  test("[U22] a freeze outlives the start that found it", () => {
    for (const frozen of ["storeBehind", "storeDamaged", "allDamaged"] as const) {
      for (const marks of [good(MARKS), damaged, absent]) {
        const verdict = judged({ ...good(MARKS), frozen }, marks);
        assert.equal(verdict.kind === "frozen" && verdict.cause, frozen);
      }
    }
  });
});

const arbitrary: fc.Arbitrary<Marks> = fc.record({
  trustVersion: fc.nat(3),
  epoch: fc.nat(3),
  seqHigh: fc.nat(3),
  effectiveDigest: fc.constantFrom(DIGEST, OTHER, undefined),
  timeFloorMs: fc.nat(3),
  auditSeq: fc.nat(3),
  release: fc.dictionary(fc.constantFrom("root", "targets"), fc.nat(3), { noNullPrototype: true }),
});

describe("marks", () => {
  test("[U22] the floor is behind neither store nor marks, whatever they are", () => {
    fc.assert(
      fc.property(arbitrary, arbitrary, (store, marks) => {
        const highest = highestOf(marks, store);
        assert.equal(isBehind(highest, store), false);
        assert.equal(isBehind(highest, marks), false);
        const { kind, ...verdict } = judged(good(store), good(marks));
        if (kind === "unusable") return;
        const { floor } = verdict as { floor: Marks };
        assert.equal(isBehind(floor, marks), false);
        assert.equal(kind === "normal", !isBehind(store, marks));
      }),
    );
  });

  test("[U22] are read as they were written; what is none is damage", () => {
    fc.assert(
      fc.property(arbitrary, ({ auditSeq, ...marks }) => {
        const values = new Map(
          [...markValues(marks)].flatMap(([name, value]) =>
            value === null ? [] : [[name, value]],
          ),
        ) as Map<string, Uint8Array>;
        assert.deepEqual(marksIn(values, auditSeq), { ...marks, auditSeq });
      }),
    );
    const values = (name: string, text: string) => new Map([[name, Buffer.from(text)]]);
    for (const [name, text] of [
      ["config.seqHigh", "-1"],
      ["config.seqHigh", "1.5"],
      ["config.seqHigh", '"7"'],
      ["config.seqHigh", ""],
      ["config.effective", '"x"'],
      ["release.marks", '{"root":-1}'],
      ["release.marks", "[]"],
    ] as const) {
      assert.equal(marksIn(values(name, text), 0), undefined, `${name} ${text}`);
    }
    assert.throws(() => markValues({ seqHigh: -1 }), RangeError);
  });
});
