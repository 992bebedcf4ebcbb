import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { RECENT_ENTRY_BYTES, RecentKey, RecentKeys } from "#agent/outbox/recent-keys.ts";
import { sha256 } from "#test/support/test-outbox.ts";

const AT_MS = 1_700_000_000_000;

const key = (control: string, content = control): RecentKey => {
  const made = new RecentKey();
  made.set(sha256(Buffer.from(control)).subarray(0, 8), sha256(Buffer.from(content)));
  return made;
};

class Memory {
  readonly keys: RecentKeys;
  #row = 0;

  constructor(memoryKeys: number, generationKeys: number) {
    this.keys = new RecentKeys(memoryKeys, generationKeys);
  }

  /** One commit of these names; ids count from `firstId`. */
  remember(firstId: number, names: readonly string[], atMs = AT_MS): void {
    this.#row += 1;
    for (const [index, name] of names.entries()) {
      const entry = Buffer.alloc(RECENT_ENTRY_BYTES);
      key(name).writeEntry(entry, firstId + index, atMs);
      this.keys.add(entry, this.#row);
    }
  }

  idOf(control: string, content = control, sinceMs = 0): number | undefined {
    return this.keys.find(key(control, content).words, sinceMs)?.id;
  }
}

const names = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `K${from + index}`);

describe("recent keys", () => {
  test("[D1] find gives the row of the same key and content, and of no other", () => {
    const memory = new Memory(100, 10);
    memory.remember(1, ["A", "B"]);
    assert.deepEqual([memory.idOf("A"), memory.idOf("B")], [1, 2]);
    assert.deepEqual([memory.idOf("C"), memory.idOf("A", "B")], [undefined, undefined]);
  });

  test("[D2] hasControl knows a control key with whatever content", () => {
    const memory = new Memory(100, 10);
    memory.remember(1, names(0, 25));
    assert.equal(memory.keys.hasControl(key("K3", "other").words), true);
    assert.equal(memory.keys.hasControl(key("other", "K3").words), false);
  });

  test("[D1] a repeat is recognised to the end of the window, to the second, and not behind it", () => {
    const memory = new Memory(100, 10);
    memory.remember(1, ["A"], AT_MS);
    assert.equal(memory.idOf("A", "A", AT_MS), 1);
    assert.equal(memory.idOf("A", "A", AT_MS + 2_000), undefined);
  });

  test("[D1] the newest of equal keys is found: a message may be stored again behind the window", () => {
    const memory = new Memory(100, 10);
    memory.remember(1, ["A", ...names(0, 4), "A"]);
    assert.equal(memory.idOf("A"), 6);
    memory.remember(7, [...names(10, 12), "A"]);
    assert.equal(memory.idOf("A"), 19);
  });

  test("[S22] generations are bounded; the oldest is dropped whole, at least memoryKeys are kept", () => {
    const memory = new Memory(100, 10);
    for (let from = 0; from < 1_000; from += 7) {
      memory.remember(from, names(from, 7));
      memory.keys.forgetOldest();
      assert.ok(memory.keys.count <= 120);
      const newest = from + 7;
      for (let at = Math.max(0, newest - 100); at < newest; at++) {
        assert.equal(memory.idOf(`K${at}`), at);
      }
    }
    assert.equal(memory.idOf("K0"), undefined);
  });

  test("[S22] forgetOldest names only rows of which nothing is needed any more", () => {
    const memory = new Memory(20, 10);
    for (let from = 0; from < 40; from += 4) memory.remember(from, names(from, 4));
    // Row 3 holds K8 to K11: K10 and K11 are in the second generation, which stays.
    assert.equal(memory.keys.forgetOldest(), 2);
    assert.deepEqual([memory.idOf("K9"), memory.idOf("K10")], [undefined, 10]);
    assert.equal(memory.keys.forgetOldest(), 0);
  });

  test("[S22, S9] a rollback forgets what the transaction added, and nothing else", () => {
    for (const before of [0, 3, 9, 10, 15, 20]) {
      for (const added of [1, 5, 10, 25]) {
        const memory = new Memory(100, 10);
        memory.remember(0, names(0, before));
        const mark = memory.keys.mark();
        memory.remember(before, names(before, added));
        memory.keys.rollback(mark);
        assert.equal(memory.keys.count, before);
        for (let at = 0; at < before; at++) assert.equal(memory.idOf(`K${at}`), at);
        for (let at = before; at < before + added; at++)
          assert.equal(memory.idOf(`K${at}`), undefined);
      }
    }
  });

  test("[S22, S9] a rollback forgets what was added also where a generation was dropped meanwhile", () => {
    // As `GroupCommit.commit` does it: add, forgetOldest, and then COMMIT fails.
    const memory = new Memory(20, 10);
    memory.remember(0, names(0, 30));
    memory.keys.forgetOldest();
    const mark = memory.keys.mark();
    memory.remember(30, ["LOST"]);
    memory.keys.forgetOldest();
    memory.keys.rollback(mark);
    assert.equal(memory.idOf("LOST"), undefined, "a message that was never stored is no repeat");
    assert.equal(memory.idOf("K29"), 29);
  });

  test("[D1, S22] any history finds what a plain map of the last keys would find", () => {
    const name = fc.integer({ min: 0, max: 40 }).map((n) => `K${n}`);
    const step = fc.record({ names: fc.array(name, { maxLength: 6 }), fails: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const memory = new Memory(1_000, 8);
        const model = new Map<string, number>();
        let id = 1;
        for (const { names: added, fails } of steps) {
          const mark = memory.keys.mark();
          memory.remember(id, added);
          if (fails) memory.keys.rollback(mark);
          else for (const [index, one] of added.entries()) model.set(one, id + index);
          id += added.length;
          for (let n = 0; n <= 40; n++) assert.equal(memory.idOf(`K${n}`), model.get(`K${n}`));
        }
      }),
      { numRuns: 60 },
    );
  });
});
