/** Which rows of dropped files, and which of their originals, have to stay (04 P26, P30, P31). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { storeChannel } from "#agent/channel-options.ts";
import { Reissue } from "#agent/outbox/epochs/reissue.ts";
import { setAsideRefused } from "#agent/outbox/epochs/set-aside-refused.ts";
import { listQuarantine, quarantined } from "#agent/outbox/quarantine-reader.ts";
import { fileDrop, withFolders } from "#config/file-drop.ts";
import { RoomFiles } from "#test/support/room-files.ts";
import { HOUR_MS } from "#test/support/room-store.ts";

const DAY_MS = 24 * HOUR_MS;
const BAD = { controlId: "Q", quarantine: "noMessageType" } as const;

/** Makes a message of the block in quarantine. */
function release({ room }: RoomFiles): void {
  const [row] = listQuarantine(room.store.readParts, 1_000, 1);
  const block = quarantined(room.store.readParts, row?.id ?? 0);
  assert.ok(block !== undefined);
  assert.ok(room.store.release(block.row, block.bytes, room.clock.nowMs()) !== undefined);
}

function discard({ room }: RoomFiles): void {
  const [row] = listQuarantine(room.store.readParts, 1_000, 1);
  assert.equal(room.store.discard([row?.id ?? 0]), 1);
}

describe("rows of dropped files", () => {
  test("[P26, P30] go a day after the file was moved, once all its messages are settled", async () => {
    using made = new RoomFiles();
    const [settled, unsettled] = [
      made.committed({ controlId: "M1" }),
      made.committed({ controlId: "M2" }),
    ];
    made.room.clock.advance(HOUR_MS);
    made.moved(settled);
    made.moved(unsettled);
    made.room.settle(1n);
    assert.deepEqual(await made.kept(), ["target 2"]);
    made.room.clock.advance(DAY_MS - 1);
    assert.deepEqual(made.left(), [settled, unsettled]);
    made.room.clock.advance(1);
    assert.deepEqual(made.left(), [unsettled]);
    made.reopen();
    made.room.clock.advance(100 * DAY_MS);
    assert.deepEqual(made.left(), [unsettled]);
    assert.deepEqual(await made.kept(), ["target 2"]);
    made.room.settle(2n);
    assert.deepEqual(await made.kept(), []);
    assert.deepEqual(made.left(), []);
  });

  test("[P30] the last of a file's messages decides", async () => {
    using made = new RoomFiles();
    made.moved(made.committed({ controlId: "M1" }, { controlId: "M2" }, { controlId: "M3" }));
    made.room.settle(2n);
    assert.deepEqual(await made.kept(), ["target 1"]);
    made.room.settle(3n);
    assert.deepEqual(await made.kept(), []);
  });

  test("[P30] repeats are waited for, too: their first copies may be unsettled", async () => {
    using made = new RoomFiles();
    made.room.append(["M1", "M2"]);
    made.moved(made.committed({ controlId: "M1", body: "M1" }));
    const [row] = made.rows();
    assert.deepEqual([row?.messageCount, row?.verdict], [1, "sent"]);
    assert.equal(made.room.count("message"), 2, "it was a repeat");
    assert.deepEqual(await made.kept(), ["target 1"]);
    made.room.settle(2n);
    assert.deepEqual(await made.kept(), []);
  });

  test("[P30] stay while a block of the file is in quarantine; discarded, it keeps nothing", async () => {
    using made = new RoomFiles();
    const id = made.committed({ controlId: "M1" }, BAD);
    made.moved(id);
    made.room.settle(1n);
    made.room.clock.advance(100 * DAY_MS);
    assert.deepEqual([made.left(), await made.kept()], [[id], ["target 1"]]);
    discard(made);
    assert.deepEqual([await made.kept(), made.left()], [[], []]);
    assert.equal(made.room.count("file_block"), 0);
    made.room.isSound();
  });

  test("[P30] a block that was released is a message, and waited for as one", async () => {
    using made = new RoomFiles();
    const id = made.committed({ controlId: "M1" }, BAD);
    made.moved(id);
    made.room.append(["later"]);
    made.room.settle(2n);
    release(made);
    made.room.clock.advance(100 * DAY_MS);
    assert.deepEqual([made.left(), await made.kept()], [[id], ["target 1"]]);
    made.room.settle(3n);
    assert.deepEqual([await made.kept(), made.left()], [[], []]);
  });

  test("[P30] bytes that were in quarantine before are a block of both files", async () => {
    using made = new RoomFiles();
    const ids = [made.committed(BAD), made.committed(BAD)];
    for (const id of ids) made.moved(id);
    assert.equal(made.room.count("quarantine"), 1);
    assert.deepEqual(await made.kept(), ["target 1", "target 2"]);
    discard(made);
    assert.deepEqual(await made.kept(), []);
  });

  test("[P30, TP30] a message that the receiver refused keeps its file while it is in quarantine", async () => {
    using made = new RoomFiles();
    made.room.append(["before"]);
    const other = made.committed({ controlId: "O1" });
    const id = made.committed({ controlId: "M1" }, { controlId: "M2" }, { controlId: "M3" });
    made.room.append(["behind"]);
    for (const one of [other, id]) made.moved(one);
    for (const seq of [1n, 4n, 6n]) {
      assert.equal(setAsideRefused(made.room.store, { channel: 1, epoch: 1n, seq }), "setAside");
    }
    made.room.settle(6n);
    assert.deepEqual(await made.kept(), ["target 2"]);
    assert.equal(made.room.number("SELECT claim FROM file_block"), id);
  });

  test("[P30, TP18] what was appended again in another epoch is waited for there", async () => {
    using made = new RoomFiles();
    const { room } = made;
    made.moved(made.committed({ controlId: "M1" }));
    made.moved(made.committed({ controlId: "M2" }));
    made.moved(made.committed({ controlId: "M3" }));
    room.settle(2n);
    assert.deepEqual(await made.kept(), ["target 3"]);
    const reissue = new Reissue({ store: room.store, tell: () => {}, nowMs: () => 1 });
    assert.ok(reissue.begin(1, 1n, { epoch: 1n, lastSeq: 1n }));
    assert.deepEqual(await made.kept(), ["target 1", "target 2", "target 3"], "while it moves");
    while (reissue.step() === 0);
    made.reopen();
    assert.equal(room.store.tails.get(1)?.epoch, 2n);
    made.moved(made.committed({ controlId: "M4" }));
    // M2 and M3 were moved, as 1 and 2; M4 is 3.
    room.settle(1n, 1, 2n);
    assert.deepEqual(await made.kept(), ["target 1", "target 2", "target 3", "target 4"]);
    room.settle(2n, 1, 2n);
    assert.deepEqual(await made.kept(), ["target 4"]);
    assert.equal(setAsideRefused(room.store, { channel: 1, epoch: 2n, seq: 2n }), "setAside");
    assert.equal(room.number("SELECT claim FROM file_block"), 3);
  });

  test("[P30, TP17] what drains from an epoch that has ended leaves before what came later", async () => {
    using made = new RoomFiles();
    const { room } = made;
    made.moved(made.committed({ controlId: "M1" }));
    room.database.exec(`UPDATE cursor SET ended = 1, final = 1 WHERE channel = 1;
      INSERT INTO cursor (channel, epoch) VALUES (1, 2)`);
    made.reopen();
    made.moved(made.committed({ controlId: "M1", body: "M1" }));
    assert.equal(room.count("message"), 1, "it was a repeat");
    assert.deepEqual(await made.kept(), ["target 1", "target 2"]);
    room.settle(1n);
    assert.deepEqual(await made.kept(), []);
  });

  test("[P26] stay for the longest window of any channel", () => {
    using made = new RoomFiles({ fileWindowMs: 48 * HOUR_MS });
    const id = made.committed({ controlId: "M1" });
    made.moved(id);
    made.room.settle(1n);
    made.room.clock.advance(48 * HOUR_MS - 1);
    assert.deepEqual(made.left(), [id]);
    made.room.clock.advance(1);
    assert.deepEqual(made.left(), []);
  });

  test("[P26] stay for duplicateWindowHours of the configuration, and no longer where nobody asks", () => {
    for (const [policy, hours] of [
      ["archive", 48],
      ["send", 48],
      ["off", 24],
    ] as const) {
      const drop = { kind: "file-drop", name: "files", folder: "in", duplicateWindowHours: 48 };
      const one = withFolders(fileDrop.parse({ ...drop, duplicateFilePolicy: policy }), "/srv");
      using made = new RoomFiles({ channels: [storeChannel(one)] });
      const id = made.committed({ controlId: "M1" });
      made.moved(id);
      made.room.settle(1n);
      made.room.clock.advance(hours * HOUR_MS - 1);
      assert.deepEqual(made.left(), [id], policy);
      made.room.clock.advance(1);
      assert.deepEqual(made.left(), [], policy);
    }
  });

  test("[P31] of files that were set aside stay for 90 days as the report", () => {
    using made = new RoomFiles();
    const id = made.claim();
    made.setAside(id);
    made.moved(id);
    made.room.clock.advance(90 * DAY_MS - 1);
    assert.deepEqual(made.left(), [id]);
    made.room.clock.advance(1);
    assert.deepEqual(made.left(), []);
  });

  test("[P19, P29, P31] of files that are not moved, or lie where they were, stay for ever", async () => {
    using made = new RoomFiles();
    const claimed = made.claim();
    const aside = made.claim();
    made.setAside(aside);
    const committed = made.committed({ controlId: "M1" });
    const left = made.committed({ controlId: "M2" });
    made.moved(left, "", true);
    const asideLeft = made.claim();
    made.setAside(asideLeft);
    made.moved(asideLeft, "", true);
    made.room.settle(2n);
    made.room.clock.advance(1_000 * DAY_MS);
    assert.deepEqual(made.left(), [claimed, aside, committed, left, asideLeft]);
    assert.deepEqual(await made.kept(), []);
  });

  test("[P30] a target that was planned has to stay until its file has come there", async () => {
    using made = new RoomFiles();
    const id = made.committed({ controlId: "M1" });
    made.room.settle(1n);
    const files = [{ id, targets: [Buffer.from("planned")] }];
    made.files.change({ channel: 1, atMs: 1, change: "plan", files });
    assert.deepEqual(await made.kept(), ["planned"]);
    made.moved(id);
    assert.deepEqual(await made.kept(), []);
  });

  test("[P30] only of files that were decided before the time asked for, page for page", async () => {
    using made = new RoomFiles();
    const beforeMs = made.room.clock.nowMs();
    for (let count = 0; count < 450; count++)
      made.moved(made.committed({ controlId: `M${count}` }));
    made.room.clock.advance(1);
    made.moved(made.committed({ controlId: "late" }));
    const kept = await made.files.reader.kept({ channel: 1, beforeMs: beforeMs + 1 });
    assert.equal(kept.length, 450);
  });

  test("[S15] are looked at in steps that come to an end, also where none may go", () => {
    using made = new RoomFiles();
    for (let count = 0; count < 1_200; count++)
      made.moved(made.committed({ controlId: `M${count}` }));
    made.room.clock.advance(100 * DAY_MS);
    assert.ok(made.room.work("fileRows") >= 2);
    assert.equal(made.rows().length, 1_000);
    made.room.settle(600n);
    made.room.work("fileRows");
    assert.equal(made.room.count("file_claim"), 600);
  });
});
