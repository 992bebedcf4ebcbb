/** The slices of a file whose messages are stored in steps: there until the last step, and no longer than a row keeps them (04 P24). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { listQuarantine } from "#agent/outbox/quarantine-reader.ts";
import { commitSteps, message, STEP, stepsOf } from "#test/support/file-steps.ts";
import { RoomFiles } from "#test/support/room-files.ts";
import { entriesOf, markOf } from "#test/support/test-files.ts";
import { type EntryFields, entryOf } from "#test/support/test-outbox.ts";

const bytes = (): Uint8Array<ArrayBuffer> => new Uint8Array(900_000).fill(7);
const sliced = (upload: number, at: number, bad = false): EntryFields => ({
  ...{ controlId: `M${at}`, body: "", upload, uploadAt: at * 100, length: 100 },
  ...{ uploadBytes: bytes().length, duplicates: "off", sha256: markOf(1, `M${at}`).sha256 },
  ...(bad && { quarantine: "noMessageType" }),
});
const stage = (made: RoomFiles, upload: number): void => {
  const order = { order: "stage", upload, ordinal: 0, bytes: bytes() } as const;
  assert.ok(made.room.store.commit([order]).committed);
};
const uploads = ({ room }: RoomFiles): unknown =>
  room.database.prepare("SELECT id, complete, uses FROM upload ORDER BY id").raw().all();

describe("slices of a large file in steps", () => {
  test("[P24] stay until the last step, though the rows of those before have gone", () => {
    using made = new RoomFiles();
    const id = made.claim();
    stage(made, 1);
    const entries = Array.from({ length: 9 }, (_, at) => sliced(1, at, at < 3));
    const steps = stepsOf(id, entries);
    commitSteps(made, steps.slice(0, 1));
    const blocks = listQuarantine(made.room.store.readParts, 1_000, 9);
    assert.equal(made.room.store.discard(blocks.map((block) => block.id)), 3);
    made.room.workAll();
    commitSteps(made, steps.slice(1, 2));
    commitSteps(made, steps.slice(2));
    assert.deepEqual(uploads(made), [[1, 1, 6]]);
    made.room.isSound();
  });

  test("[P24] go with a last step that needs none, where no row keeps them", () => {
    for (const endsBy of ["step", "unstage"]) {
      using made = new RoomFiles();
      const id = made.claim();
      stage(made, 1);
      const last = endsBy === "step" ? sliced(1, 0) : message(3);
      const entries = [sliced(1, 0, true), message(1), message(2), last];
      const steps = stepsOf(id, entries);
      commitSteps(made, steps.slice(0, 1));
      const [block] = listQuarantine(made.room.store.readParts, 1_000, 9);
      made.room.store.discard([block?.id ?? 0]);
      assert.deepEqual(uploads(made), [[1, 0, 1]]);
      commitSteps(made, steps.slice(1));
      assert.ok(made.room.store.commit([{ order: "unstage", upload: 1 }]).committed);
      assert.deepEqual(uploads(made), endsBy === "step" ? [[1, 1, 1]] : []);
      made.room.isSound();
    }
  });

  test("[P24] after a crash are those of the rows that are there; the file brings its own again", () => {
    using made = new RoomFiles();
    const id = made.claim();
    stage(made, 1);
    const entries = (upload: number): EntryFields[] =>
      Array.from({ length: 9 }, (_, at) => sliced(upload, at, at === 4));
    commitSteps(made, stepsOf(id, entries(1)).slice(0, 2));
    made.reopen();
    assert.deepEqual(uploads(made), [[1, 1, 6]]);
    made.room.isSound();
    stage(made, 2);
    commitSteps(made, stepsOf(id, entries(2)));
    assert.deepEqual(uploads(made), [
      [1, 1, 6],
      [2, 1, 3],
    ]);
    made.room.isSound();
  });

  test("[P24] given again without need go, for every entry is passed over", () => {
    using made = new RoomFiles();
    const id = made.claim();
    stage(made, 1);
    const entries = (upload: number): EntryFields[] => [
      ...Array.from({ length: 5 }, (_, at) => sliced(upload, at)),
      message(5),
    ];
    commitSteps(made, stepsOf(id, entries(1), { size: 5 }).slice(0, 1));
    made.reopen();
    stage(made, 2);
    commitSteps(made, stepsOf(id, entries(2), { size: 5 }));
    assert.ok(made.room.store.commit([{ order: "unstage", upload: 2 }]).committed);
    assert.deepEqual(uploads(made), [[1, 1, 5]]);
    made.room.isSound();
  });

  test("[P24, A1] a step that is refused takes nothing from the rows that are there", () => {
    using made = new RoomFiles();
    const id = made.claim();
    stage(made, 1);
    const steps = stepsOf(
      id,
      Array.from({ length: 9 }, (_, at) => sliced(1, at)),
    );
    commitSteps(made, steps.slice(0, 1));
    const [, second] = steps;
    assert.ok(second !== undefined);
    const lost = entryOf({ controlId: "L", body: "", upload: 9, length: 5, uploadBytes: 5 });
    const refused = made.room.commit(...entriesOf(second.mark, ...second.entries), lost);
    assert.equal(refused.committed, false);
    assert.equal(made.rows()[0]?.appended, STEP);
    made.room.append(["next"]);
    assert.deepEqual(uploads(made), [[1, 1, 3]]);
    made.room.isSound();
  });

  test("[P38, E7] are counted once for all blocks of the file in quarantine", () => {
    using made = new RoomFiles();
    const id = made.claim();
    stage(made, 1);
    const entries = Array.from({ length: 8 }, (_, at) => sliced(1, at, true));
    for (const step of stepsOf(id, entries, { size: 2 })) {
      commitSteps(made, [step]);
      // From a connection, in between.
      made.room.append([`x${step.mark.from}`], { quarantine: "junk" });
    }
    assert.deepEqual([made.rows()[0]?.state, made.rows()[0]?.asideCount], ["committed", 8]);
    const kept = made.room.number("SELECT bytes FROM quarantine_total WHERE channel = 1");
    assert.ok(kept > bytes().length && kept < bytes().length + 10_000, String(kept));
    made.room.isSound();
  });
});
