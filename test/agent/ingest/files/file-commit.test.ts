import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { FileDoorwayBench, type FileFields } from "#test/support/file-doorway.ts";
import { adt, latin1 } from "#test/support/messages.ts";
import { StoreFile } from "#test/support/store-file.ts";
import { appendTo, entryOf, sha256 } from "#test/support/test-outbox.ts";

const BHS = "BHS|^~\\&|LAB\r";
const [A, B, C] = [adt("A"), adt("B"), adt("C")];
const FORMS: readonly FileFields[] = [{}, { sliceBytes: 64 }];
const committed = (stored: number, repeats = 0): object => ({
  ...{ kind: "committed", stored, repeats, aside: 0 },
});
const codeOf = (verdict: { kind: string; error?: AgentError }): string | undefined =>
  verdict.error?.code;

test("[P24] with the messages of a file its row is committed, and both are there after a restart", async () => {
  for (const fields of FORMS) {
    await using bench = await FileDoorwayBench.open();
    const file = A + B;
    assert.deepEqual(await bench.take(file, fields), committed(2));
    await bench.reopen();
    const [row] = await bench.claims.open();
    assert.deepEqual(
      [row?.state, row?.verdict, row?.messageCount, row?.asideCount],
      ["committed", "sent", 2, 0],
    );
    assert.deepEqual(row?.sha256, new Uint8Array(sha256(latin1(file))));
    assert.deepEqual(
      (await bench.kept()).map(({ text }) => text),
      [A, B],
    );
  }
});

test("[P24] the same file offered twice under one claim is stored once", async () => {
  for (const fields of FORMS) {
    await using bench = await FileDoorwayBench.open({ duplicatePolicy: "off" });
    const mark = await bench.claim(A + B);
    const both = [bench.offer(A + B, { ...fields, mark }), bench.offer(A + B, { ...fields, mark })];
    assert.deepEqual(await Promise.all(both), [committed(2), committed(0, 2)]);
    assert.equal((await bench.kept()).length, 2);
  }
});

test("[P24] a file whose claim was withdrawn is not stored, and no channel is closed for it", async () => {
  for (const fields of FORMS) {
    await using bench = await FileDoorwayBench.open();
    const mark = await bench.claim(A);
    await bench.claims.withdraw([mark.id]);
    assert.equal(codeOf(await bench.offer(A, { ...fields, mark })), "FILE_CLAIM_ENDED");
    assert.equal(bench.gate.isOpen, true);
    assert.deepEqual(await bench.kept(), []);
    assert.equal(bench.record.counters.value("cannotStore"), 0);
  }
});

test("[P24] content that is not what was read is not stored", async () => {
  for (const fields of FORMS) {
    for (const content of ["hl7", "binary"] as const) {
      await using bench = await FileDoorwayBench.open();
      const mark = await bench.claim(A);
      assert.equal(codeOf(await bench.offer(B, { ...fields, mark, content })), "AGENT_DEFECT");
      assert.deepEqual([bench.gate.isOpen, await bench.kept()], [true, []]);
    }
  }
});

test("[P4] while the store cannot store a file is refused and its slices go; then it is taken", async () => {
  for (const fields of FORMS) {
    await using bench = await FileDoorwayBench.open();
    const mark = await bench.claim(A + B);
    bench.gate.close(new AgentError("STORE_FULL", {}));
    assert.equal(codeOf(await bench.offer(A + B, { ...fields, mark })), "STORE_FULL");
    assert.equal(bench.record.counters.value("cannotStore"), 1);
    await bench.reopen();
    assert.deepEqual(await bench.offer(A + B, { ...fields, mark }), committed(2));
    await bench.store.close();
    using store = new StoreFile(bench.store.stateDir);
    assert.equal(store.uploadCount(), fields.sliceBytes === undefined ? 0 : 1);
  }
});

test("[P24] [A1] a file of which a slice is missing is not stored at all; read again it is", async () => {
  await using bench = await FileDoorwayBench.open();
  const mark = await bench.claim(A + B + C);
  const { outbox } = bench.store;
  const stage = outbox.stage.bind(outbox);
  const losing = mock.method(outbox, "stage", (...args: Parameters<typeof stage>) => {
    if (args[1] !== 1) stage(...args);
  });
  const fields = { sliceBytes: 64, mark };
  assert.equal(codeOf(await bench.offer(A + B + C, fields)), "STORE_FULL");
  assert.equal(bench.gate.isOpen, false);
  losing.mock.restore();
  await bench.reopen();
  const [row] = await bench.claims.open();
  assert.equal(row?.state, "claimed");
  assert.deepEqual(await bench.offer(A + B + C, fields), committed(3));
});

test("[P1] [P26] messages of a file and from elsewhere are one another's repeats", async () => {
  await using bench = await FileDoorwayBench.open();
  assert.deepEqual(await bench.take(A + B), committed(2));
  assert.deepEqual(await bench.take(B + C + C), committed(1, 2));
  assert.deepEqual(
    (await bench.kept()).map(({ controlId }) => controlId),
    ["A", "B", "C"],
  );
  assert.equal(bench.record.counters.value("duplicates"), 2);
});

test("[P26] [D2] a control id that comes again with other content is stored and warned of", async () => {
  await using bench = await FileDoorwayBench.open();
  assert.deepEqual(await bench.take(A + adt("A", "|other")), committed(2));
  assert.equal(bench.record.counters.value("controlIdReused"), 1);
});

test("[P26] what is sent again on purpose goes message by message, and is flagged", async () => {
  for (const fields of FORMS) {
    await using bench = await FileDoorwayBench.open();
    await bench.take(A + B, fields);
    assert.deepEqual(await bench.take(A + B + C, { ...fields, repeated: true }), committed(3));
    const kept = await bench.kept();
    assert.deepEqual(
      kept.map(({ duplicate, attributes }) => [duplicate, attributes["file.repeated"]]),
      [
        [false, undefined],
        [false, undefined],
        [true, "1"],
        [true, "1"],
        [false, "1"],
      ],
    );
  }
});

test("[P26] [P42] equal bytes under another name are another document", async () => {
  await using bench = await FileDoorwayBench.open();
  for (const name of ["0001.pdf", "0002.pdf"]) {
    const fields = { content: "binary", attributes: { "file.name": name } } as const;
    assert.deepEqual(await bench.take("%PDF", fields), committed(1));
  }
  const names = (await bench.kept()).map(({ attributes }) => attributes["file.name"]);
  assert.deepEqual(names, ["0001.pdf", "0002.pdf"]);
});

test("[P42] [P-A25] [P-A26] archives and documents are never looked into", async () => {
  const files = ["PK\x03\x04bomb", "\x1f\x8b\x08bomb", "%PDF-1.7 /JavaScript", "MSH|^~\\&|", "\0"];
  for (const form of FORMS) {
    await using bench = await FileDoorwayBench.open({
      file: { maxMessages: 1, maxMessageBytes: 2 },
    });
    for (const file of files) {
      assert.deepEqual(await bench.take(file, { ...form, content: "binary" }), committed(1));
    }
    assert.deepEqual(
      (await bench.kept()).map(({ text, controlId }) => text + controlId),
      files,
    );
    assert.equal(bench.record.counters.value("controlBytes"), 0);
  }
});

test("[P1] [P40] messages of a file keep their order, whatever connections bring in between", async () => {
  await using bench = await FileDoorwayBench.open();
  const texts = Array.from({ length: 5_000 }, (_, index) => adt(`M${index}`));
  const file = bench.take(texts.join(""), { sliceBytes: 100_000 });
  const others: Promise<unknown>[] = [];
  for (let index = 0; index < 20; index++) {
    others.push(appendTo(bench.store.outbox, entryOf({ controlId: `X${index}` })));
    await new Promise(setImmediate);
  }
  assert.deepEqual(await file, committed(5_000));
  await Promise.all(others);
  const kept = (await bench.kept()).map(({ text }) => text);
  const own = new Set(texts);
  assert.deepEqual(
    kept.filter((text) => own.has(text)),
    texts,
  );
  assert.equal(kept.length, 5_020);
});

test("[P24] a file that is read in several turns is as it was when it was handed over", async () => {
  await using bench = await FileDoorwayBench.open();
  const texts = Array.from({ length: 5_000 }, (_, index) => adt(`M${index}`));
  // The memory that it was handed over in is overwritten at once.
  assert.deepEqual(await bench.take(texts.join("")), committed(5_000));
  assert.deepEqual(
    (await bench.kept()).map(({ text }) => text),
    texts,
  );
});

test("[P36] a wrong count is flagged on every message and warned of; a missing trailer is warned of", async () => {
  await using bench = await FileDoorwayBench.open();
  await bench.take(`${BHS}${A}${B}BTS|3\r`);
  await bench.take(`${BHS}${C}`);
  await bench.take(`${BHS}${adt("D")}BTS|1\r`);
  assert.deepEqual(
    (await bench.kept()).map(({ attributes }) => attributes["batch.countMismatch"]),
    ["1", "1", undefined, undefined],
  );
  assert.equal(bench.record.counters.value("batchCountMismatch"), 2);
  const warnings = bench.record.snapshot().warnings.map(({ warning, peer }) => [warning, peer]);
  assert.deepEqual(warnings, [["batchCountMismatch", "00c0ffee00c0ffee"]]);
  assert.equal(bench.record.snapshot().peers.length, 0, "a file is no peer");
});
