import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type DamagedRow, walkStore } from "#agent/outbox/format/row-walk.ts";
import { ThreadlessStore } from "#test/support/threadless-store.ts";

interface Walked {
  readonly damaged: readonly string[];
  readonly messages: number;
  readonly pruned: number;
  readonly quarantined: number;
  readonly bytes: number;
}

const nameOf = (row: DamagedRow): string =>
  row.kind === "message"
    ? `message ${row.channel}/${row.epoch}/${row.seq}`
    : `quarantine ${row.channel}/${row.id}`;

/** @param onPiece called between two pieces of work */
function walk({ store }: ThreadlessStore, onPiece: () => void = () => {}): Walked {
  const damaged: string[] = [];
  const { prepared, sealer } = store;
  const pieces = walkStore({ prepared, sealer, tails: () => store.tails }, (row) => {
    damaged.push(nameOf(row));
  });
  for (;;) {
    const piece = pieces.next();
    if (piece.done === true) {
      const { damaged: count, ...totals } = piece.value;
      assert.equal(count, damaged.length);
      return { ...totals, damaged };
    }
    assert.ok(piece.value <= 300_000, "a piece is small");
    onPiece();
  }
}

const large = new Uint8Array(400_000).fill(0x41);

/** Three messages, one of them in slices, on one channel; one on another; two blocks set aside. */
function filled(): ThreadlessStore {
  const made = new ThreadlessStore();
  made.append({ controlId: "A1" }, { controlId: "A2" }, { controlId: "B1", channel: 2 });
  made.appendLarge("A3", large);
  made.append({ controlId: "A4" }, { controlId: "", body: "no header", quarantine: "noHeader" });
  made.appendLarge("Q2", large, { quarantine: "embeddedFraming", channel: 2 });
  return made;
}

describe("a walk through the store", () => {
  test("[S16, S18] a sound store is read whole, and nothing of it is named", () => {
    using made = filled();
    assert.deepEqual(walk(made), {
      ...{ damaged: [], messages: 5, pruned: 0, quarantined: 2, inbox: 0, files: 0 },
      bytes: 4 * 2 + large.length,
    });
  });

  const DAMAGES: readonly (readonly [
    string,
    (made: ThreadlessStore) => void,
    readonly string[],
  ])[] = [
    ["a bit of a segment", (made) => made.flip("segment", "id = 2"), ["message 1/1/2"]],
    [
      "a bit of a slice",
      (made) => made.flip("slice", "upload = 1 AND ordinal = 2"),
      ["message 1/1/3"],
    ],
    [
      "a slice that is gone",
      (made) => made.run("DELETE FROM slice WHERE upload = 1 AND ordinal = 3"),
      ["message 1/1/3"],
    ],
    [
      "a segment that is gone",
      (made) => made.run("DELETE FROM segment WHERE id = 1"),
      ["message 1/1/1"],
    ],
    [
      "a slice of a block that was set aside",
      (made) => made.flip("slice", "upload = 2 AND ordinal = 0"),
      ["quarantine 2/2"],
    ],
    [
      "a block that was set aside, moved to another channel",
      (made) => made.run("UPDATE quarantine SET channel = 2 WHERE id = 1"),
      ["quarantine 2/1"],
    ],
    [
      "two segments in each other's place",
      (made) => swap(made, "segment", "id = 1", "id = 2"),
      ["message 1/1/1", "message 1/1/2"],
    ],
    [
      "two slices in each other's place",
      (made) => swap(made, "slice", "upload = 1 AND ordinal = 0", "upload = 1 AND ordinal = 1"),
      ["message 1/1/3"],
    ],
    [
      "two rows that name each other's record",
      (made) => {
        made.run("UPDATE message SET segment = 3 - segment WHERE id IN (1, 2)");
      },
      ["message 1/1/1", "message 1/1/2"],
    ],
    [
      "two rows that have changed all they say",
      (made) => {
        const told = "segment, control_token, content_token";
        const read = made.opened.database.prepare(`SELECT ${told} FROM message WHERE id = ?`).raw();
        const [one, two] = [read.get(1), read.get(2)] as unknown[][];
        const write = `UPDATE message SET (${told}) = (?, ?, ?) WHERE id = ?`;
        made.run(write, ...(two ?? []), 1);
        made.run(write, ...(one ?? []), 2);
      },
      ["message 1/1/1", "message 1/1/2"],
    ],
    [
      "a row that speaks of another's content",
      (made) => {
        const other = "(SELECT content_token FROM message WHERE id = 2)";
        made.run(`UPDATE message SET content_token = ${other} WHERE id = 1`);
      },
      ["message 1/1/1"],
    ],
    [
      "a row that speaks of another's control id",
      (made) => made.run("UPDATE message SET control_token = x'' WHERE id = 1"),
      ["message 1/1/1"],
    ],
    [
      "a length that is another one",
      (made) => made.run("UPDATE message SET length = 1 WHERE id = 1"),
      ["message 1/1/1"],
    ],
  ];

  for (const [what, damage, expected] of DAMAGES) {
    test(`[S16, R02] ${what} is named, and all others are read`, () => {
      using made = filled();
      damage(made);
      const { damaged, messages, quarantined } = walk(made);
      assert.deepEqual(damaged, expected);
      assert.deepEqual([messages, quarantined], [5, 2]);
    });
  }

  test("[S16] bytes that never had their digest are named, in a segment as in slices", () => {
    using made = new ThreadlessStore();
    const wrong = { sha256: new Uint8Array(32).fill(1) };
    made.append({ controlId: "A1", ...wrong }, { controlId: "A2" });
    made.appendLarge("A3", large, wrong);
    made.append({ controlId: "Q1", quarantine: "noHeader", ...wrong });
    made.appendLarge("Q2", large, { quarantine: "embeddedFraming", ...wrong });
    assert.deepEqual(walk(made).damaged, [
      ...["message 1/1/1", "message 1/1/3"],
      ...["quarantine 1/1", "quarantine 1/2"],
    ]);
  });

  test("[S14, S18] what is pruned is the ledger's and is not missed, nor what is pruned while it walks", () => {
    using made = filled();
    made.settle(4n);
    const prune = (through: bigint): void => {
      made.run(
        "DELETE FROM segment WHERE id IN (SELECT segment FROM message WHERE channel = 1 AND seq <= ?)",
        through,
      );
      made.run(
        "UPDATE cursor SET trimmed = ?, trimmed_bytes = ? WHERE channel = 1",
        through,
        through * 2n,
      );
      made.store.reload();
    };
    prune(1n);
    assert.deepEqual(walk(made).damaged, []);
    assert.equal(walk(made).pruned, 1);
    let pieces = 0;
    const { damaged } = walk(made, () => {
      pieces += 1;
      if (pieces !== 3) return;
      prune(3n);
      made.run("DELETE FROM slice WHERE upload = 1");
    });
    assert.ok(pieces >= 3);
    assert.deepEqual(damaged, []);
  });

  test("[S16] a block that is discarded while it is read is not missed", () => {
    using made = filled();
    let pieces = 0;
    const { damaged, quarantined } = walk(made, () => {
      pieces += 1;
      // The last piece of work is the block in slices.
      if (pieces === 8) made.store.discard([1, 2]);
    });
    assert.deepEqual(damaged, []);
    assert.ok(quarantined < 2);
  });
});

function swap(
  made: ThreadlessStore,
  table: "segment" | "slice",
  first: string,
  second: string,
): void {
  const { database } = made.opened;
  const read = (where: string): unknown =>
    database.prepare(`SELECT bytes FROM ${table} WHERE ${where}`).pluck().get();
  const [one, two] = [read(first), read(second)];
  made.run(`UPDATE ${table} SET bytes = ? WHERE ${first}`, two);
  made.run(`UPDATE ${table} SET bytes = ? WHERE ${second}`, one);
}
