import assert from "node:assert/strict";
import { test } from "node:test";
import { type FileFacts, fileAttributes } from "#agent/ingest/file-drop/file-attributes.ts";
import { jsonSidecar } from "#agent/ingest/file-drop/sidecar.ts";

const NS = 1_000_000n;

function attributes(fields: Partial<FileFacts> = {}): Readonly<Record<string, string>> {
  return fileAttributes({
    ...{ claim: "00c0ffee00c0ffee", content: "hl7", name: Buffer.from("x.hl7") },
    ...{ modifiedNs: 1_735_732_800_123n * NS + 999n, named: {}, sidecar: undefined },
    ...fields,
  });
}

function sidecar(fields: object): NonNullable<FileFacts["sidecar"]> {
  const read = jsonSidecar(Buffer.from(JSON.stringify(fields)));
  assert.equal(read.kind, "metadata");
  return read;
}

test("[P34] [P43] a file's name, time and claim travel with its messages", () => {
  assert.deepEqual(attributes(), {
    "file.name": "x.hl7",
    "file.modifiedAt": "2025-01-01T12:00:00.123Z",
    "file.claim": "00c0ffee00c0ffee",
  });
});

test("[P34] [P-A18] the name that travels is the one that is shown", () => {
  const name = Buffer.from([0x77, 0x2f, 0xff, 0x0a, ...Buffer.from("\u202e.hl7")]);
  assert.equal(attributes({ name })["file.name"], "w/\\xff\\x0a\\u{202e}.hl7");
});

test("[P43] [P44] what the name and the side-car say is one JSON object", () => {
  const named = { mrn: "0001", name: "M\u00fcller" };
  const both = attributes({ named, sidecar: sidecar({ title: "x" }) });
  assert.deepEqual(JSON.parse(both["file.metadata"] ?? ""), {
    name: named,
    sidecar: { title: "x" },
  });
  assert.match(both["file.metadata"] ?? "", /^[ -~]+$/);
  const one = attributes({ named });
  assert.deepEqual(JSON.parse(one["file.metadata"] ?? ""), { name: named });
  const other = attributes({ sidecar: sidecar({ title: "x" }) });
  assert.deepEqual(JSON.parse(other["file.metadata"] ?? ""), { sidecar: { title: "x" } });
});

test("[P43] groups that do not fit are left out", () => {
  const named = { a: "x".repeat(255), long: "\u6f22".repeat(250), b: "y" };
  const { "file.metadata": metadata = "" } = attributes({ named });
  assert.deepEqual(JSON.parse(metadata), { name: { a: named.a, b: "y" } });
});

const MEDIA_TYPES: readonly (readonly [string, string | undefined])[] = [
  ["x.pdf", "application/pdf"],
  ["X.PDF", "application/pdf"],
  ["x.hl7.Tiff", "image/tiff"],
  ["x", undefined],
  ["pdf", undefined],
  ["x.pdf.bin", undefined],
  ["x.constructor", undefined],
  ["x.toString", undefined],
];
for (const [name, mediaType] of MEDIA_TYPES) {
  test(`[P42] the media type of a binary file comes from its name: ${name}`, () => {
    const found = attributes({ content: "binary", name: Buffer.from(name) });
    assert.equal(found["file.type"], "file");
    assert.equal(found["file.mediaType"], mediaType);
  });
}

test("[P42] the side-car says better than the name; an HL7 file has no media type", () => {
  const fields = { name: Buffer.from("x.pdf"), sidecar: sidecar({ mediaType: "image/png" }) };
  assert.equal(attributes({ ...fields, content: "binary" })["file.mediaType"], "image/png");
  assert.equal(attributes(fields)["file.mediaType"], undefined);
});

for (const [what, ms] of [
  ["1601", -11_644_473_600_000n],
  ["2107", 4_354_819_198_000n],
] as const) {
  test(`[P-A28] a time in ${what} is one like any other`, () => {
    assert.ok(attributes({ modifiedNs: ms * NS })["file.modifiedAt"]?.startsWith(what));
  });
}

test("[P-A28] a time that no calendar has is left out", () => {
  for (const modifiedNs of [2n ** 63n * 1_000n, -(2n ** 70n)]) {
    assert.equal(attributes({ modifiedNs })["file.modifiedAt"], undefined);
  }
});

test("[P36] [P43] the longest name, groups and side-car leave room for an envelope on the wire", () => {
  const title = "x".repeat(4_000 - '{"sidecar":{"title":""}}'.length - 22 - 127);
  const found = attributes({
    ...{ content: "binary", name: Buffer.alloc(255, 0xff) },
    ...{ named: { a: "x".repeat(600), b: "y".repeat(300) } },
    sidecar: sidecar({ title, mediaType: `${"a".repeat(63)}/${"b".repeat(63)}` }),
  });
  const bytes = Object.entries(found).flat().join("").length + 6 * Object.keys(found).length;
  assert.ok(bytes > 5_900 && bytes < 6_500, `${bytes} bytes`);
});
