/** The row of a dropped file is committed with its messages, and only then (04 P24, P38). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FileClaims } from "#agent/ingest/file-drop/claims.ts";
import { appendFile, claimOne, entriesOf, markOf } from "#test/support/test-files.ts";
import { appendTo, type EntryFields, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

describe("appends of a dropped file", () => {
  test("[P24] messages, hash and row are committed in one step", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const id = await claimOne(files);
    const mark = markOf(id);
    const entries = entriesOf(mark, { controlId: "M1" }, { controlId: "M2" });
    const outcomes = await appendFile(made.outbox, entries);
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ["stored", "stored"],
    );
    await made.kill();
    await made.reopen();
    const [row] = await made.outbox.files.of("adt").open();
    assert.deepEqual([row?.state, row?.verdict], ["committed", "sent"]);
    assert.deepEqual([row?.messageCount, row?.asideCount], [2, 0]);
    assert.deepEqual(row?.sha256, new Uint8Array(mark.sha256));
    assert.deepEqual(await made.bodies(), ["M1", "M2"]);
  });

  test("[P38] a file of which a block was set aside is partial", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const mark = markOf(await claimOne(files));
    const bad = { controlId: "Q", quarantine: "noMessageType" } as const;
    const outcomes = await appendFile(made.outbox, entriesOf(mark, { controlId: "M1" }, bad));
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ["stored", "quarantined"],
    );
    const [row] = await files.open();
    assert.deepEqual([row?.verdict, row?.messageCount, row?.asideCount], ["partial", 1, 1]);
  });

  test("[P24] files, and messages of others between them, each have their own", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const marks = [markOf(await claimOne(files), "1"), markOf(await claimOne(files), "2")];
    const appends = marks.flatMap((mark, index) => [
      appendFile(
        made.outbox,
        entriesOf(mark, { controlId: `F${index}` }, { controlId: `G${index}` }),
      ),
      appendTo(made.outbox, entryOf({ controlId: `L${index}` })),
    ]);
    await Promise.all(appends);
    const rows = await files.open();
    assert.deepEqual(
      rows.map(({ messageCount }) => messageCount),
      [2, 2],
    );
    for (const [index, row] of rows.entries()) {
      assert.deepEqual(row.sha256, new Uint8Array(marks[index]?.sha256 ?? []));
    }
    assert.deepEqual(await made.bodies(), ["F0", "G0", "L0", "F1", "G1", "L1"]);
  });

  test("[P24] the same append again stores nothing, and says that it was stored", async () => {
    await using made = await TestOutbox.open();
    const files = made.outbox.files.of("adt");
    const id = await claimOne(files);
    const bad = { controlId: "Q", quarantine: "noMessageType" } as const;
    // Without any memory of repeats.
    const once = (): ReturnType<typeof entriesOf> =>
      entriesOf(markOf(id), { controlId: "M1", duplicates: "off" }, bad);
    const both = await Promise.all([
      appendFile(made.outbox, once()),
      appendFile(made.outbox, once()),
    ]);
    await made.reopen();
    both.push(await appendFile(made.outbox, once()));
    assert.deepEqual(
      both.map((outcomes) => outcomes.map(({ kind }) => kind)),
      [
        ["stored", "quarantined"],
        ["repeat", "quarantined"],
        ["repeat", "quarantined"],
      ],
    );
    assert.deepEqual(await made.bodies(), ["M1"]);
    const [row] = await made.outbox.files.of("adt").open();
    assert.deepEqual([row?.messageCount, row?.asideCount], [1, 1]);
    assert.equal((await made.tail()).quarantineCount, 1);
    assert.equal((await made.outbox.quarantined(100, 9))[0]?.repeatCount, 0);
  });

  const ENDS: Readonly<Record<string, (files: FileClaims, id: number) => Promise<void>>> = {
    withdrawn: (files, id) => files.withdraw([id]),
    "set aside": (files, id) => files.setAside([{ id, reason: "vanished", sha256: undefined }]),
    "settled as a duplicate": (files, id) =>
      files.settle([{ ...markOf(id), verdict: "duplicate" }]),
  };
  for (const [what, end] of Object.entries(ENDS)) {
    test(`[P24] nothing is stored of a file whose claim was ${what}`, async () => {
      await using made = await TestOutbox.open();
      const files = made.outbox.files.of("adt");
      const id = await claimOne(files);
      await end(files, id);
      const before = await files.list(0, 9);
      const entries = entriesOf(markOf(id), { controlId: "M1" });
      const [outcome] = await appendFile(made.outbox, entries);
      assert.ok(outcome?.kind === "refused");
      assert.equal(outcome.error.code, "FILE_CLAIM_ENDED");
      assert.deepEqual(await made.bodies(), []);
      assert.deepEqual(await files.list(0, 9), before);
    });
  }

  test("[P24] other content is not taken for what was stored with the row", async () => {
    await using made = await TestOutbox.open();
    const id = await claimOne(made.outbox.files.of("adt"));
    await appendFile(made.outbox, entriesOf(markOf(id, "1"), { controlId: "M1" }));
    const later = entriesOf(markOf(id, "2"), { controlId: "M2" });
    const [outcome] = await appendFile(made.outbox, later);
    assert.equal(outcome?.kind, "refused");
    assert.deepEqual(await made.bodies(), ["M1"]);
  });

  test("[P24] a claim of another channel commits nothing here", async () => {
    await using made = await TestOutbox.open();
    const id = await claimOne(made.outbox.files.of("oru"));
    const [outcome] = await appendFile(made.outbox, entriesOf(markOf(id), { controlId: "M1" }));
    assert.equal(outcome?.kind, "refused");
    assert.deepEqual(await made.bodies(), []);
  });

  test("[P24, E7] a file whose blocks find no room in quarantine stays claimed, and nothing of it is stored", async () => {
    await using made = await TestOutbox.open({
      channels: [{ name: "adt", quarantineMaxBytes: 3_000 }],
    });
    const files = made.outbox.files.of("adt");
    const id = await claimOne(files);
    const bad = (controlId: string): EntryFields => ({
      ...{ controlId, quarantine: "noMessageType", duplicates: "off" },
      body: controlId.repeat(300),
    });
    const file = (): ReturnType<typeof entriesOf> =>
      entriesOf(markOf(id), { controlId: "M1", duplicates: "off" }, bad("QQQ"), bad("RRR"), {
        controlId: "M2",
      });
    await appendTo(made.outbox, entryOf(bad("OLD")));
    const outcomes = await appendFile(made.outbox, file());
    for (const outcome of outcomes) {
      assert.ok(outcome.kind === "refused" && outcome.error.code === "QUARANTINE_FULL");
    }
    assert.deepEqual(await made.bodies(), []);
    assert.equal((await files.open())[0]?.state, "claimed");
    await made.outbox.discard([1]);
    await appendFile(made.outbox, file());
    assert.equal((await files.open())[0]?.verdict, "partial");
    assert.deepEqual(await made.bodies(), ["M1", "M2"]);
  });
});
