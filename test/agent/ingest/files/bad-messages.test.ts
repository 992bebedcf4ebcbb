import assert from "node:assert/strict";
import { test } from "node:test";
import { FileDoorwayBench, type FileFields } from "#test/support/file-doorway.ts";
import { adt, latin1, message } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { StoreFile } from "#test/support/store-file.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const [A, B, C] = [adt("A"), adt("B"), adt("C")];
/** Without a type, of about `bytes` bytes. */
const bad = (controlId: string, bytes = 0): string =>
  `${message({ 9: "", 10: controlId })}NTE|1||${"x".repeat(bytes)}\r`;
const FORMS: readonly FileFields[] = [{}, { sliceBytes: 4 * KIB }];
const committed = (stored: number, aside: number, repeats = 0): object => ({
  ...{ kind: "committed", stored, repeats, aside },
});

test("[P38] a bad message is in quarantine with its index and its place, the others are sent, the file is partial", async () => {
  for (const fields of FORMS) {
    await using bench = await FileDoorwayBench.open();
    const verdict = await bench.take(
      `\r\n${A}${bad("BAD1")}${B}${bad("BAD2", 100 * KIB)}${C}`,
      fields,
    );
    assert.deepEqual(verdict, committed(3, 2));
    assert.deepEqual(
      (await bench.kept()).map(({ text, attributes }) => [text, attributes["batch.index"]]),
      [
        [A, "0"],
        [B, "2"],
        [C, "4"],
      ],
    );
    const places = [2 + A.length, 2 + A.length + bad("BAD1").length + B.length];
    assert.deepEqual(
      (await bench.aside()).map(({ reason, text, controlId, attributes }) => [
        ...[reason, text, controlId, attributes["batch.index"], attributes["batch.offset"]],
      ]),
      [
        ["noMessageType", bad("BAD1"), "BAD1", "1", String(places[0])],
        ["noMessageType", bad("BAD2", 100 * KIB), "BAD2", "3", String(places[1])],
      ],
    );
    const [row] = await bench.claims.open();
    assert.deepEqual(
      [row?.state, row?.verdict, row?.messageCount, row?.asideCount],
      ["committed", "partial", 3, 2],
    );
    const lines = bench.logged.filter(({ event }) => event === "fileMessagesSetAside");
    assert.deepEqual(
      lines.map(({ facts }) => facts),
      [{ channel: "adt", claim: "00c0ffee00c0ffee", count: 2, reason: "noMessageType" }],
    );
  }
});

test("[P38] of a message that is too large offset and length are kept, whether it is good or bad, or none", async () => {
  for (const fields of FORMS) {
    await using bench = await FileDoorwayBench.open({
      file: { maxMessages: 100, maxMessageBytes: 20_000 },
    });
    const large = `${adt("L")}OBX|1|ED|||${"x".repeat(30_000)}\r`;
    const tail = "y".repeat(30_000);
    const file = `${A}${large}${B}${bad("BAD", 30_000)}BTS|4\r${tail}`;
    assert.deepEqual(await bench.take(file, fields), committed(2, 3));
    const places = [large, bad("BAD", 30_000), tail].map((text) => [
      ...["tooLarge", "", text.length, String(file.indexOf(text))],
    ]);
    assert.deepEqual(
      (await bench.aside()).map(({ reason, text, length, attributes }) => [
        ...[reason, text, length, attributes["batch.offset"]],
      ]),
      places,
    );
    const { channels } = await bench.store.outbox.standing();
    assert.ok((channels[0]?.quarantineBytes ?? 0) < 4 * KIB, "they take next to no room");
  }
});

test("[P38] two large messages of the same length are two", async () => {
  await using bench = await FileDoorwayBench.open({
    file: { maxMessages: 100, maxMessageBytes: 100 },
  });
  const [one, two] = ["x", "y"].map((text) => `${adt("L")}NTE|${text.repeat(200)}\r`);
  assert.deepEqual(await bench.take(`${one}${two}${one}`), committed(0, 3));
  const kept = (await bench.aside()).map(({ repeatCount }) => repeatCount);
  assert.deepEqual(kept, [1, 0]);
});

test("[P38] a small bad message does not keep the slices of its file", async () => {
  await using bench = await FileDoorwayBench.open(
    {},
    { channels: [{ name: "adt", quarantineMaxBytes: MIB }] },
  );
  const filler = `${adt("F")}OBX|1|ED|||${"x".repeat(3 * MIB)}\r`;
  const verdict = await bench.take(`${filler}${bad("BAD")}`, { sliceBytes: 64 * KIB });
  assert.deepEqual(verdict, committed(1, 1));
  const [aside] = await bench.aside();
  assert.equal(aside?.text, bad("BAD"));
});

for (const count of [1, 50]) {
  test(`[P38] of a file of which nothing but ${count} small bad messages is kept the slices go`, async () => {
    await using bench = await FileDoorwayBench.open();
    const file = Array.from({ length: count }, (_, id) => bad(`BAD${id}`, 5_000)).join("");
    assert.deepEqual(await bench.take(file, { sliceBytes: 4 * KIB }), committed(0, count));
    assert.equal((await bench.aside()).map(({ text }) => text).join(""), file);
    await until("the slices are gone", async () => {
      await bench.store.close();
      using store = new StoreFile(bench.store.stateDir);
      const left = store.uploadCount() + store.sliceCount();
      if (left > 0) await bench.reopen();
      return left === 0;
    });
  });
}

test("[P38] [E7] the slices of a file count once, however many large bad messages lie in them", async () => {
  await using bench = await FileDoorwayBench.open(
    {},
    { channels: [{ name: "adt", quarantineMaxBytes: 10 * MIB }] },
  );
  const pairs = Array.from({ length: 20 }, (_, id) => bad(`L${id}`, 100 * KIB) + bad(`S${id}`));
  const file = pairs.join("") + A;
  assert.deepEqual(await bench.take(file, { sliceBytes: 64 * KIB }), committed(1, 40));
  assert.equal((await bench.aside()).map(({ text }) => text).join(""), pairs.join(""));
});

test("[P38] [E7] where quarantine has no room nothing is stored, the channel stays open, and later all of it is", async () => {
  for (const fields of FORMS) {
    await using bench = await FileDoorwayBench.open(
      { duplicatePolicy: "off" },
      { channels: [{ name: "adt", quarantineMaxBytes: 20 * KIB }] },
    );
    const first = await bench.take(bad("FIRST", 10 * KIB));
    assert.deepEqual(first, committed(0, 1));
    const file = `${A}${bad("BAD", 10 * KIB)}${B}`;
    const mark = await bench.claim(file);
    const verdict = await bench.offer(file, { ...fields, mark });
    assert.equal(verdict.kind === "refused" && verdict.error.code, "QUARANTINE_FULL");
    assert.deepEqual(await bench.kept(), []);
    assert.equal(bench.gate.isOpen, true);
    assert.equal(bench.record.counters.value("quarantineFull"), 1);
    const [row] = (await bench.claims.open()).filter(({ id }) => id === mark.id);
    assert.equal(row?.state, "claimed");
    const [block] = await bench.store.outbox.quarantined(Number.MAX_SAFE_INTEGER, 1);
    await bench.store.outbox.discard([block?.id ?? 0]);
    assert.deepEqual(await bench.offer(file, { ...fields, mark }), committed(2, 1));
    assert.deepEqual(
      (await bench.kept()).map(({ text }) => text),
      [A, B],
    );
  }
});

test("[P38] [E2] what a channel does not allow is bad in a file, too", async () => {
  for (const fields of FORMS) {
    await using bench = await FileDoorwayBench.open({ allowedVersions: ["2.5"] });
    const other = message({ 10: "V", 12: "2.3" });
    assert.deepEqual(await bench.take(`${A}${other}`, fields), committed(1, 1));
    const [aside] = await bench.aside();
    assert.deepEqual([aside?.reason, aside?.text], ["notAllowed", other]);
    await using lax = await FileDoorwayBench.open({ allowEmptyControlId: true });
    assert.deepEqual(await lax.take(`${A}${message({ 10: "" })}`, fields), committed(2, 0));
  }
});

test("[P38] a bad message that an operator lets out goes with its place in the file", async () => {
  for (const fields of FORMS) {
    await using bench = await FileDoorwayBench.open();
    await bench.take(`${A}${bad("BAD", 100 * KIB)}${bad("BAD2")}`, fields);
    const rows = await bench.store.outbox.quarantined(Number.MAX_SAFE_INTEGER, 10);
    for (const { id } of rows.toReversed()) await bench.store.outbox.release(id);
    const [, first, second] = await bench.kept();
    assert.equal(first?.text, bad("BAD", 100 * KIB));
    assert.equal(second?.text, bad("BAD2"));
    assert.equal(first?.attributes["batch.offset"], String(A.length));
    assert.equal(first?.attributes["quarantine.reason"], "noMessageType");
  }
});

test("[P39] a fragment of any size is kept byte for byte", async () => {
  await using bench = await FileDoorwayBench.open();
  const fragments = [`%PDF ${"\0\xff".repeat(100 * KIB)}`, "tail"];
  const file = `${fragments[0]}\r${A}BTS\r${fragments[1]}`;
  assert.deepEqual(await bench.take(file, { sliceBytes: 10_000 }), committed(1, 2));
  const texts = (await bench.aside()).map(({ text }) => text);
  assert.ok(latin1(texts.join("")).equals(latin1(`${fragments[0]}\r${fragments[1]}`)));
  assert.equal(bench.record.counters.value("leftoverInFile"), 2);
});
