/** Rows of dropped files from the claim to the end, on the real store (04 P17, P19, P25, P26, P29 to P32). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import type { StoreNotice } from "#agent/outbox/writing/writer-messages.ts";
import { latin1 } from "#test/support/messages.ts";
import {
  appendFile,
  claimOne,
  droppedFile,
  entriesOf,
  type FileFields,
  markOf,
  newClaim,
} from "#test/support/test-files.ts";
import { sha256, TestOutbox } from "#test/support/test-outbox.ts";

const HOUR_MS = 3_600_000;

describe("claims of dropped files", () => {
  test("[P17] a claim is there, byte for byte, after the store ended without a word", async () => {
    await using made = await TestOutbox.open();
    const name = Uint8Array.of(0xff, 0x2f, 0xfe, 0x0a, 0x41);
    const files: FileFields[] = [
      { name, size: 5, modifiedNs: -11_644_473_600_000_000_001n, inode: 2n ** 64n - 1n },
      { part: "control", name: "x.ok", size: 0, inode: 3n },
      { part: "sidecar", name: "sub/x.json", inode: 4n },
    ];
    const claim = newClaim(...files);
    const claimed = await made.outbox.files.of("adt").claim([claim]);
    await made.kill();
    await made.reopen();
    const [row] = await made.outbox.files.of("adt").open();
    assert.ok(row !== undefined);
    assert.deepEqual([row.id, row.claim, row.state], [claimed[0]?.id, claim.claim, "claimed"]);
    const plain = row.files.map((file) => ({ ...file, name: new Uint8Array(file.name) }));
    const expected = files.map(droppedFile);
    assert.deepEqual(
      plain,
      expected.map((file) => ({ ...file, name: new Uint8Array(file.name) })),
    );
    const { sha256: digest, verdict, reason, decidedAtMs, movedAtMs, targets, attempts } = row;
    assert.deepEqual(
      [digest, verdict, reason, decidedAtMs, movedAtMs],
      new Array(5).fill(undefined),
    );
    assert.deepEqual([targets, attempts, row.messageCount, row.asideCount], [[], 0, 0, 0]);
  });

  test("[P17] numbers grow over withdrawals and a new start; a withdrawn claim is as if it had never been", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const first = await claimOne(files);
    const second = await claimOne(files, { name: "b.hl7" });
    await files.withdraw([second]);
    await made.reopen();
    const again = made.outbox.files.of("adt");
    const third = await claimOne(again, { name: "c.hl7" });
    assert.ok(first < second && second < third);
    assert.deepEqual(
      (await again.open()).map(({ id }) => id),
      [first, third],
    );
    assert.deepEqual(
      (await again.list(0, 10)).map(({ id }) => id),
      [third, first],
    );
    assert.deepEqual(
      (await again.list(third, 10)).map(({ id }) => id),
      [first],
    );
  });

  test("[P26] content is known from the commit on, of this channel, within the time asked for", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const [sent, dropped] = [await claimOne(files), await claimOne(files)];
    const atMs = 1_700_000_000_000;
    const { contentKey } = markOf(sent, "1");
    assert.deepEqual(await files.known([contentKey], 0), [false]);
    await appendFile(made.outbox, entriesOf(markOf(sent, "1"), { controlId: "M1" }));
    const other = markOf(dropped, "2").contentKey;
    assert.deepEqual(await files.known([other, contentKey], atMs), [false, true]);
    assert.deepEqual(await files.known([contentKey], atMs + 1), [false]);
    assert.deepEqual(await made.outbox.files.of("oru").known([contentKey], 0), [false]);
    // What was not sent makes nothing known.
    await files.settle([{ ...markOf(dropped, "2"), verdict: "duplicate" }]);
    assert.deepEqual(await files.known([other], 0), [false]);
    await made.reopen();
    assert.deepEqual(await made.outbox.files.of("adt").known([contentKey], atMs), [true]);
  });

  test("[P26] settled as a duplicate: committed with its hash, though nothing is sent", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const mark = markOf(await claimOne(files));
    await files.settle([{ ...mark, verdict: "duplicate" }]);
    const [row] = await files.open();
    assert.deepEqual([row?.state, row?.verdict, row?.messageCount], ["committed", "duplicate", 0]);
    assert.deepEqual(row?.sha256, new Uint8Array(mark.sha256));
    assert.ok(row?.decidedAtMs !== undefined);
  });

  test("[P31] a file that is set aside keeps its reason, its hash if it was read, and where it went", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const ids = [await claimOne(files), await claimOne(files)] as const;
    const digest = sha256(latin1("read"));
    await files.setAside([
      { id: ids[0], reason: "noHeader", sha256: digest },
      { id: ids[1], reason: "tooLarge", sha256: undefined },
    ]);
    const target = latin1("a.hl7");
    await files.plan([{ id: ids[0], targets: [target] }]);
    await made.reopen();
    const again = made.outbox.files.of("adt");
    const [read, unread] = await again.open();
    assert.deepEqual([read?.state, read?.reason, read?.verdict], ["aside", "noHeader", undefined]);
    assert.deepEqual(read?.sha256, new Uint8Array(digest));
    assert.deepEqual(read?.targets, [new Uint8Array(target)]);
    assert.deepEqual([unread?.reason, unread?.sha256], ["tooLarge", undefined]);
    await again.moved([{ id: ids[0], targets: [target], left: false }]);
    assert.deepEqual(
      (await again.open()).map(({ id }) => id),
      [ids[1]],
    );
    const rows = await again.list(0, 9);
    assert.deepEqual(
      rows.map(({ state }) => state),
      ["aside", "moved"],
    );
    assert.equal(rows[1]?.reason, "noHeader");
  });

  test("[P29] targets are planned, then moved to; what is done stays done", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const id = await claimOne(files, { name: "x.pdf" }, { part: "sidecar", name: "x.json" });
    const [early, targets] = [[latin1("too early")], [latin1("2025/x.pdf"), latin1("2025/x.json")]];
    // Of a file that is not decided nothing can be moved.
    await files.plan([{ id, targets: early }]);
    await files.moved([{ id, targets: early, left: false }]);
    assert.deepEqual(
      [(await files.open())[0]?.state, (await files.open())[0]?.targets],
      ["claimed", []],
    );
    await appendFile(made.outbox, entriesOf(markOf(id), { controlId: "M1" }));
    await files.withdraw([id]);
    await files.plan([{ id, targets }]);
    const [planned] = await files.open();
    assert.deepEqual(
      planned?.targets,
      targets.map((one) => new Uint8Array(one)),
    );
    assert.deepEqual([planned?.state, planned?.movedAtMs], ["committed", undefined]);
    const sinceMs = Date.now() - HOUR_MS;
    assert.deepEqual(await files.movedSince(sinceMs), []);
    await files.moved([{ id, targets, left: false }]);
    await files.moved([{ id, targets: early, left: true }]);
    assert.deepEqual(await files.open(), []);
    const [moved] = await files.movedSince(sinceMs);
    assert.deepEqual([moved?.state, moved?.targets], ["moved", planned?.targets]);
    assert.deepEqual(await files.movedSince(Date.now() + HOUR_MS), []);
    assert.deepEqual(await files.left(), []);
  });

  test("[P32] attempts are counted over starts; of what is decided there are none", async () => {
    await using made = await TestOutbox.open();
    const id = await claimOne(made.outbox.files.of("adt"));
    assert.equal(await made.outbox.files.of("adt").attempt(id), 1);
    await made.kill();
    await made.reopen();
    const files = made.outbox.files.of("adt");
    assert.equal(await files.attempt(id), 2);
    assert.equal((await files.open())[0]?.attempts, 2);
    await files.setAside([{ id, reason: "endedProcess", sha256: undefined }]);
    assert.equal(await files.attempt(id), 0);
  });

  test("[P25] the same file again is known by name, identity, size and time together", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const id = await claimOne(files);
    const sameAs = async (file: FileFields, of = files): Promise<number | undefined> =>
      (await of.claim([newClaim(file)]))[0]?.sameAs?.id;
    assert.equal(await sameAs({}), undefined, "claimed is not done");
    await appendFile(made.outbox, entriesOf(markOf(id), { controlId: "M1" }));
    assert.equal(await sameAs({}), id);
    await files.moved([{ id, targets: [latin1("t")], left: false }]);
    assert.equal(await sameAs({}), id);
    const others = [{ name: "A.hl7" }, { size: 43 }, { inode: 78n }, { modifiedNs: 0n }];
    for (const other of others) assert.equal(await sameAs(other), undefined);
    assert.equal(await sameAs({}, made.outbox.files.of("oru")), undefined);
    const aside = await claimOne(files, { name: "bad.hl7" });
    await files.setAside([{ id: aside, reason: "noHeader", sha256: undefined }]);
    assert.equal(await sameAs({ name: "bad.hl7" }), undefined);
  });

  test("[P19, P26] what is left where it was is named until it is forgotten, and its content is known on", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const ids = [await claimOne(files), await claimOne(files), await claimOne(files)] as const;
    for (const id of ids) {
      await appendFile(made.outbox, entriesOf(markOf(id, String(id)), { controlId: `M${id}` }));
    }
    await files.moved([
      { id: ids[0], targets: [], left: true },
      { id: ids[1], targets: [], left: false },
      { id: ids[2], targets: [], left: true },
    ]);
    assert.deepEqual(
      (await files.left()).map(({ id }) => id),
      [ids[0], ids[2]],
    );
    await files.forget([ids[0], ids[1]]);
    assert.deepEqual(
      (await files.left()).map(({ id }) => id),
      [ids[2]],
    );
    assert.deepEqual(
      (await files.list(0, 9)).map(({ id }) => id),
      [ids[2], ids[1], ids[0]],
    );
    const { contentKey } = markOf(ids[0], String(ids[0]));
    assert.deepEqual(await files.known([contentKey], 0), [true]);
  });

  test("[P31, P52] status counts files in each state, and those that were set aside", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const ids = [await claimOne(files), await claimOne(files), await claimOne(files)] as const;
    await files.setAside([{ id: ids[0], reason: "empty", sha256: undefined }]);
    await files.settle([{ ...markOf(ids[1]), verdict: "reappeared" }]);
    const none = { claimed: 0, committed: 0, aside: 0, movedAside: 0 };
    const counts = { ...none, claimed: 1, committed: 1, aside: 1 };
    assert.deepEqual((await made.tail()).files, counts);
    await files.moved([{ id: ids[1], targets: [], left: false }]);
    assert.deepEqual((await made.tail()).files, { ...counts, committed: 0 });
    await files.moved([{ id: ids[0], targets: [], left: false }]);
    assert.deepEqual((await made.tail()).files, { ...none, claimed: 1, movedAside: 1 });
    assert.deepEqual((await made.tail(2)).files, none);
  });

  test("[P17] all claims of a call are made, or none", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    assert.throws(() => made.outbox.files.of("unknown"), RangeError);
    assert.throws(
      () => files.claim([newClaim(), { claim: "name of a patient", files: [] }]),
      RangeError,
    );
    assert.deepEqual(await files.claim([]), []);
    assert.deepEqual(await files.open(), []);
  });

  test("[P13] thousands of rows are read in order", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    for (let round = 0; round < 3; round++) {
      await files.claim(
        Array.from({ length: 500 }, (_, at) => newClaim({ name: `${round}-${at}` })),
      );
    }
    const rows = await files.open();
    assert.equal(rows.length, 1_500);
    assert.deepEqual(
      rows.map(({ id }) => id),
      rows.map((_, at) => at + 1),
    );
  });

  test("[P30] targets stay until the receiver has the messages, as it is known here", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const id = await claimOne(files);
    await appendFile(made.outbox, entriesOf(markOf(id), { controlId: "M1" }));
    const target = new Uint8Array(latin1("2025/01/02/a.hl7"));
    await files.moved([{ id, targets: [target], left: false }]);
    assert.deepEqual(await files.keptTargets(Date.now()), [target]);
    assert.deepEqual(await files.keptTargets(0), []);
    assert.deepEqual(await made.outbox.files.of("oru").keptTargets(Date.now()), []);
    made.outbox.settle(1, 1n, 1n);
    await made.outbox.flushProgress();
    assert.deepEqual(await files.keptTargets(Date.now()), []);
  });

  test("[S16, P20] a damaged row is told of, and named by its claim alone", async () => {
    const notices: StoreNotice[] = [];
    const onNotice = (notice: StoreNotice): void => void notices.push(notice);
    await using made = await TestOutbox.open({ onNotice });
    const claims = [newClaim(), newClaim()];
    await made.outbox.files.of("adt").claim(claims);
    await made.close();
    const database = new Sqlite(made.databaseFile);
    database.exec("UPDATE file_claim SET head = (SELECT head FROM file_claim WHERE id = 2)");
    database.close();
    await made.reopen();
    const rows = await made.outbox.files.of("adt").open();
    assert.deepEqual(
      rows.map(({ claim, files }) => [claim, files.length]),
      claims.map(({ claim }, at) => [claim, at]),
    );
    const row = { kind: "file", id: 1, channel: 1, claim: claims[0]?.claim };
    assert.deepEqual(
      notices.filter(({ notice }) => notice === "damaged"),
      [{ notice: "damaged", row }],
    );
  });
});
