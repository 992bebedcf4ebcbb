/** Files whose messages are stored in steps (04 P1, P24): what the row says, and what it keeps from coming twice. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setAsideRefused } from "#agent/outbox/epochs/set-aside-refused.ts";
import { listQuarantine } from "#agent/outbox/quarantine-reader.ts";
import {
  appendSteps,
  commitSteps,
  ids,
  message,
  messages,
  STEP,
  stepsOf,
} from "#test/support/file-steps.ts";
import { RoomFiles } from "#test/support/room-files.ts";
import { HOUR_MS } from "#test/support/room-store.ts";
import { appendFile, claimOne, entriesOf, markOf } from "#test/support/test-files.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

const DAY_MS = 24 * HOUR_MS;
const BAD = { controlId: "Q", quarantine: "noMessageType" } as const;
describe("a file in steps", () => {
  test("[P24] is claimed until the last of them; its row counts what is stored", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const id = await claimOne(files);
    const key = markOf(id).contentKey;
    const entries = [message(0), BAD, message(1), message(2), message(3)];
    const seen: unknown[] = [];
    for (const step of stepsOf(id, entries, { size: 2 })) {
      await appendSteps(made, [step]);
      const [row] = await files.open();
      const isKnown = await files.known([key], 0);
      seen.push([row?.state, row?.verdict, row?.appended, row?.messageCount, row?.asideCount]);
      seen.push(isKnown[0]);
      assert.deepEqual(row?.sha256, new Uint8Array(step.mark.sha256));
    }
    assert.deepEqual(seen, [
      ...[["claimed", undefined, 2, 1, 1], false],
      ...[["claimed", undefined, 4, 3, 1], false],
      ...[["committed", "partial", 5, 4, 1], true],
    ]);
    assert.deepEqual(await made.bodies(), ids(4));
  });

  test("[P24] is stored once, whatever the policy, when it is given again after each crash", async () => {
    for (let count = 1; count < 4; count++) {
      await using made = await TestOutbox.open();
      const id = await claimOne(made.outbox.files.of("adt"));
      const entries = [...messages(4), BAD, ...messages(11).slice(4)];
      const steps = stepsOf(id, entries);
      assert.equal(steps.length, 4);
      await appendSteps(made, steps.slice(0, count));
      await made.kill();
      await made.reopen();
      const [row] = await made.outbox.files.of("adt").open();
      assert.deepEqual([row?.state, row?.appended], ["claimed", count * STEP]);
      const outcomes = await appendSteps(made, steps);
      assert.deepEqual(
        outcomes.map(({ kind }) => kind),
        entries.map((entry, at) => {
          if (entry === BAD) return "quarantined";
          return at < count * STEP ? "repeat" : "stored";
        }),
      );
      const [after] = await made.outbox.files.of("adt").open();
      assert.deepEqual(
        [after?.verdict, after?.messageCount, after?.asideCount],
        ["partial", 11, 1],
      );
      assert.deepEqual(await made.bodies(), ids(11));
      assert.equal((await made.outbox.quarantined(100, 9))[0]?.repeatCount, 0);
    }
  });

  test("[P24] a step whose writer dies under it is there whole, or not at all", async () => {
    await using made = await TestOutbox.open();
    const id = await claimOne(made.outbox.files.of("adt"));
    const steps = stepsOf(id, messages(9));
    await appendSteps(made, steps.slice(0, 1));
    const dying = appendSteps(made, steps.slice(1, 2));
    await made.kill();
    await dying;
    await made.reopen();
    const [row] = await made.outbox.files.of("adt").open();
    assert.equal((await made.bodies()).length, row?.appended);
    await appendSteps(made, steps);
    assert.deepEqual(await made.bodies(), ids(9));
  });

  test("[P24] steps of another size pass over what is stored, to the entry", async () => {
    await using made = await TestOutbox.open();
    const id = await claimOne(made.outbox.files.of("adt"));
    await appendSteps(made, stepsOf(id, messages(9)).slice(0, 2));
    await made.reopen();
    await appendSteps(made, stepsOf(id, messages(9), { size: 4 }));
    assert.deepEqual(await made.bodies(), ids(9));
    const [row] = await made.outbox.files.of("adt").open();
    assert.deepEqual([row?.verdict, row?.messageCount], ["sent", 9]);
  });

  test("[P24] a step of which something before is missing stores nothing", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const steps = stepsOf(await claimOne(files), messages(9));
    await appendSteps(made, steps.slice(0, 1));
    for (const { kind } of await appendSteps(made, steps.slice(2))) assert.equal(kind, "refused");
    assert.deepEqual(await made.bodies(), ids(3));
    assert.equal((await files.open())[0]?.state, "claimed");
  });

  test("[P24] whose content has changed begins anew; what was true then stays", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const id = await claimOne(files);
    await appendSteps(made, stepsOf(id, messages(9)).slice(0, 2));
    const other = Array.from({ length: 4 }, (_, at) => ({ ...message(at), body: `N${at}` }));
    const changed = stepsOf(id, other, { content: "other" });
    await appendSteps(made, changed.slice(0, 1));
    assert.equal((await files.open())[0]?.appended, STEP);
    await appendSteps(made, changed.slice(1));
    const [row] = await files.open();
    assert.deepEqual([row?.verdict, row?.messageCount, row?.appended], ["sent", 4, 4]);
    assert.deepEqual(row?.sha256, new Uint8Array(markOf(id, "other").sha256));
    assert.deepEqual(await made.bodies(), [...ids(6), "N0", "N1", "N2", "N3"]);
  });

  test("[P24] [A9] two steps in one commit, and one that was given up, are each stored once", async () => {
    await using made = await TestOutbox.open();
    const id = await claimOne(made.outbox.files.of("adt"));
    const steps = stepsOf(id, messages(7));
    const given = [...steps, ...steps].map(({ mark, entries }) =>
      appendFile(made.outbox, entriesOf(mark, ...entries), 0),
    );
    await Promise.all(given);
    await appendSteps(made, steps);
    assert.deepEqual(await made.bodies(), ids(7));
    assert.equal((await made.outbox.files.of("adt").open())[0]?.verdict, "sent");
  });

  test("[P1] [A9] messages of connections have commits of their own before and behind a step", async () => {
    await using made = await TestOutbox.open();
    const [step] = stepsOf(await claimOne(made.outbox.files.of("adt")), messages(6));
    assert.ok(step !== undefined);
    const { outbox } = made;
    const commits: unknown[] = [];
    outbox.onAppended((channel, lastSeq) => commits.push([channel, lastSeq]));
    await Promise.all([
      appendTo(outbox, entryOf({ controlId: "X1", channel: 2 })),
      appendFile(outbox, entriesOf(step.mark, ...step.entries)),
      appendTo(outbox, entryOf({ controlId: "X2", channel: 2 })),
    ]);
    assert.deepEqual(commits, [
      [2, 1n],
      [1, BigInt(STEP)],
      [2, 2n],
    ]);
  });
});

describe("a file that ends before its last step", () => {
  test("[P30, P31] set aside, its original and its row stay while its messages need them", async () => {
    using made = new RoomFiles();
    const id = made.claim();
    const steps = stepsOf(id, [message(0), message(1), BAD, ...messages(6)]);
    commitSteps(made, steps.slice(0, 2));
    made.setAside(id);
    made.moved(id);
    const [row] = made.rows();
    assert.deepEqual([row?.state, row?.reason, row?.verdict], ["moved", "noHeader", undefined]);
    assert.deepEqual([row?.messageCount, row?.asideCount], [5, 1]);
    made.room.isSound();
    made.room.clock.advance(100 * DAY_MS);
    made.room.settle(5n);
    assert.deepEqual([made.left(), await made.kept()], [[id], ["target 1"]], "a block is there");
    const [block] = listQuarantine(made.room.store.readParts, 1_000, 1);
    assert.equal(made.room.store.discard([block?.id ?? 0]), 1);
    assert.deepEqual([await made.kept(), made.left()], [[], []]);
    assert.equal(made.room.count("file_step"), 0);
    made.room.isSound();
  });

  test("[P30] unsettled messages of its steps keep it", async () => {
    using made = new RoomFiles();
    const id = made.claim();
    commitSteps(made, stepsOf(id, messages(9)).slice(0, 2));
    made.setAside(id);
    made.moved(id);
    made.room.clock.advance(100 * DAY_MS);
    made.room.settle(5n);
    assert.deepEqual([made.left(), await made.kept()], [[id], ["target 1"]]);
    made.room.settle(6n);
    assert.deepEqual([await made.kept(), made.left()], [[], []]);
  });

  const ENDS: Record<string, (made: RoomFiles, id: number) => void> = {
    "put back": (made, id) =>
      void made.files.change({ channel: 1, atMs: 1, change: "withdraw", ids: [id] }),
    "set aside": (made, id) => {
      const { sha256 } = markOf(id);
      const files = [{ id, reason: "quarantineFull", sha256 }] as const;
      made.files.change({ channel: 1, atMs: 1, change: "setAside", files });
      made.moved(id);
    },
  };
  ENDS["set aside unread"] = (made, id) => {
    const files = [{ id, reason: "unreadable", sha256: undefined }] as const;
    made.files.change({ channel: 1, atMs: 1, change: "setAside", files });
    made.moved(id);
  };
  for (const [how, end] of Object.entries(ENDS)) {
    test(`[P24, P64] ${how} and claimed again, the same content goes on where it was`, async () => {
      using made = new RoomFiles();
      const first = made.claim();
      const entries = [message(0), message(1), BAD, ...messages(10).slice(2)];
      commitSteps(made, stepsOf(first, entries).slice(0, 2));
      end(made, first);
      made.room.isSound();
      made.reopen();
      const again = made.claim();
      const [none] = made.files.reader.known({
        ...{ channel: 1, sinceMs: 0, contentKeys: [markOf(again).contentKey] },
      });
      assert.equal(none, false, "not all of it was sent");
      commitSteps(made, stepsOf(again, entries));
      assert.deepEqual(made.room.bodies(), ids(10));
      const row = made.rows().at(-1);
      assert.deepEqual([row?.verdict, row?.messageCount, row?.asideCount], ["partial", 10, 1]);
      made.room.isSound();
      // Once: a third file with that content is another one.
      commitSteps(made, stepsOf(made.claim(), entries));
      assert.equal(made.room.bodies().length, 20);
      made.moved(again);
      assert.ok((await made.kept()).includes(`target ${again}`), "its block is in quarantine");
    });
  }

  test("[P24] other content under another row takes nothing over", () => {
    using made = new RoomFiles();
    const first = made.claim();
    commitSteps(made, stepsOf(first, messages(9)).slice(0, 2));
    made.files.change({ channel: 1, atMs: 1, change: "withdraw", ids: [first] });
    commitSteps(made, stepsOf(made.claim(), messages(9), { content: "other" }));
    assert.equal(made.room.bodies().length, 15);
  });

  test("[P24] of a file of which nothing is stored a withdrawal leaves nothing", () => {
    using made = new RoomFiles();
    const id = made.claim();
    made.files.change({ channel: 1, atMs: 1, change: "withdraw", ids: [id] });
    assert.deepEqual(made.rows(), []);
  });
});

test("[P30, TP30] a refused message keeps the file of its step, whatever was stored between two steps", async () => {
  using made = new RoomFiles();
  const id = made.claim();
  const steps = stepsOf(id, messages(9));
  commitSteps(made, steps.slice(0, 1));
  const other = made.committed({ controlId: "O1" }, { controlId: "O2" });
  commitSteps(made, steps.slice(1, 2));
  const third = made.committed({ controlId: "P1" });
  commitSteps(made, steps.slice(2));
  for (const one of [id, other, third]) made.moved(one);
  const refuse = (seq: bigint): void => {
    assert.equal(setAsideRefused(made.room.store, { channel: 1, epoch: 1n, seq }), "setAside");
  };
  const claims = (): unknown =>
    made.room.database.prepare("SELECT claim FROM file_block ORDER BY block").pluck().all();
  // Steps are 1 to 3, 6 to 8, 10 to 12.
  for (const seq of [2n, 5n, 7n, 9n, 11n]) refuse(seq);
  assert.deepEqual(claims(), [id, other, id, third, id]);
  made.room.isSound();
});
