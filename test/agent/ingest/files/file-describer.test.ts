import assert from "node:assert/strict";
import { test } from "node:test";
import { fileAttributes } from "#agent/ingest/file-drop/file-attributes.ts";
import { jsonSidecar } from "#agent/ingest/file-drop/sidecar.ts";
import { outgoingMessage } from "#agent/relay/outgoing-message.ts";
import { SliceReader } from "#agent/relay/slice-reader.ts";
import { encodeData } from "#protocol/data-frame.ts";
import { FileDoorwayBench } from "#test/support/file-doorway.ts";
import { adt, message } from "#test/support/messages.ts";

const CHARSETS: readonly (readonly [string, string, string, Record<string, string>])[] = [
  ["ASCII", "", "plain", {}],
  [
    "declared UTF-8",
    "UNICODE UTF-8",
    "\xc3\xbc",
    { "hl7.charset": "UNICODE UTF-8", "hl7.encoding": "utf-8" },
  ],
  ["declared 8859/1", "8859/1", "\xfc", { "hl7.charset": "8859/1", "hl7.encoding": "other" }],
  ["nothing declared", "", "\xfc", { "hl7.encoding": "other" }],
];
for (const [what, declared, text, own] of CHARSETS) {
  test(`[X1] [X3] [P37] a message in a file says what its bytes are: ${what}`, async () => {
    for (const sliceBytes of [undefined, 64]) {
      await using bench = await FileDoorwayBench.open();
      const file = adt("A") + message({ 10: "B", 18: declared }, `|${text}`);
      await bench.take(file, sliceBytes === undefined ? {} : { sliceBytes });
      const [, kept] = await bench.kept();
      const found = Object.entries(kept?.attributes ?? {}).filter(([name]) =>
        name.startsWith("hl7."),
      );
      assert.deepEqual(Object.fromEntries(found), own);
      assert.equal(
        bench.record.counters.value("charsetMismatch"),
        what === "nothing declared" ? 1 : 0,
      );
    }
  });
}

test("[P36] [P44] the most that a message of a file can have travels, after release and replay, too", async () => {
  await using bench = await FileDoorwayBench.open({ charset: "UNICODE UTF-8" });
  const sidecar = jsonSidecar(Buffer.from(JSON.stringify({ title: "x".repeat(3_950) })));
  assert.equal(sidecar.kind, "metadata");
  const attributes = fileAttributes({
    ...{ claim: "00c0ffee00c0ffee", content: "hl7", name: Buffer.alloc(255, 0xff) },
    ...{ modifiedNs: 1n, named: { a: "x".repeat(900) }, sidecar },
  });
  const controlId = "\xff".repeat(300);
  const header = (id: string, type: string): string =>
    `MSH|^~\\&|L|N|G|C|2025||${type}|${id}|P|2.5|123456789012345|||||${"\xe4".repeat(64)}\r`;
  const trailer = `BTS|9|${"\xe4".repeat(80)}\r`;
  const file = `BHS|^~\\&|\r${header(controlId, "ADT")}${header(`B${controlId}`, "")}${trailer}`;
  const verdict = await bench.take(file, { attributes, repeated: true });
  assert.deepEqual(verdict, { kind: "committed", stored: 1, repeats: 0, aside: 1 });
  const [block] = await bench.store.outbox.quarantined(Number.MAX_SAFE_INTEGER, 1);
  await bench.store.outbox.release(block?.id ?? 0);
  const { outbox } = bench.store;
  const range = { channel: 1, epoch: 1n, afterSeq: 0n, maxBytes: 1 << 20, maxCount: 10 };
  const { messages } = await outbox.read(range);
  assert.equal(messages.length, 2);
  const replayed = { "replay.epoch": "9".repeat(19), "replay.seq": "9".repeat(19) };
  for (const stored of messages) {
    const again = {
      ...replayed,
      "replay.receivedAt": new Date().toISOString(),
      ...JSON.parse(stored.attributes),
    };
    const worst = {
      ...stored,
      attributes: JSON.stringify(again),
      // Nothing that was let out of quarantine is a repeat.
      duplicate: stored === messages[0],
      replaces: { epoch: 2n ** 63n - 1n, seq: 2n ** 63n - 1n },
    };
    const reader = new SliceReader(outbox);
    const { meta, total } = outgoingMessage(reader, {
      ...{ epoch: 1n, message: worst, from: 0, onDamaged: () => undefined },
    });
    const frame = encodeData({
      ...{ type: "data", stream: 2, first: true, last: false, seq: 1n, offset: 0, total },
      ...{ meta, payload: new Uint8Array(1) },
    });
    assert.ok(frame.length > 6_000);
    assert.ok(Object.keys(meta.attributes ?? {}).length <= 16);
    assert.equal(meta.attributes?.["file.name"], attributes["file.name"]);
    assert.equal(meta.attributes?.["file.metadata"], attributes["file.metadata"]);
    assert.equal(meta.attributes?.["batch.countMismatch"], "1");
  }
});

test("[P36] what can be read from the message itself is left out first", async () => {
  await using bench = await FileDoorwayBench.open({ charset: "8859/1" });
  const names = ["file.name", "file.metadata", "file.modifiedAt", "file.claim"];
  const attributes = Object.fromEntries(names.map((name) => [name, "x"]));
  const own = message({ 10: "A", 18: "8859/1" }, "|\xfc");
  await bench.take(`BHS|^~\\&|\r${own}BTS|2\r`, { attributes, repeated: true });
  const [kept] = await bench.kept();
  assert.deepEqual(Object.keys(kept?.attributes ?? {}).toSorted(), [
    ...["batch.count", "batch.countMismatch", "batch.envelope", "batch.index", "batch.sha256"],
    ...[...names, "file.repeated"].toSorted(),
    "hl7.channelCharset",
  ]);
});
