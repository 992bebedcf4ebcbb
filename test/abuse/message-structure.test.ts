/** 08 5.3, D06, D07: how a message is built may be shown, and nothing of what it says, whatever it is. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { structureAnswer } from "#agent/control/operations/structure.ts";
import { redacted } from "#agent/control/redacted-configuration.ts";
import { Tokens } from "#agent/control/tokens.ts";
import { systemChance } from "#agent/host/clock.ts";
import { bucketOf, shapeOf } from "#agent/ingest/hl7/message-shape.ts";
import { hitsIn, needlesOf } from "./canaries.ts";

const CANARY = "MUSTERMANN-4711";
const message = (...segments: readonly string[]): Uint8Array =>
  Buffer.from(segments.join("\r"), "latin1");
const HEADER = `MSH|^~\\&|${CANARY}|${CANARY}|${CANARY}|${CANARY}|20260101|${CANARY}|ADT^A01^ADT_A01|${CANARY}|P|2.5.1`;

function shown(bytes: Uint8Array): string {
  const facts = { shape: shapeOf(bytes), length: bytes.length, looked: bytes.length };
  const controlId = Buffer.from(CANARY);
  return JSON.stringify(structureAnswer({ ...facts, controlId }, new Tokens(systemChance)));
}

describe("the structure of a message", () => {
  test("[08 5.3] names of the lists, field counts and buckets of lengths", () => {
    const shape = shapeOf(message(HEADER, "PID|1||12345678|123456789||", "ZAB|x", "OBX|||"));
    const { code, event, structure, version, segmentCount } = shape;
    assert.deepEqual([code, event, structure, version], ["ADT", "A01", "ADT_A01", "2.5.1"]);
    assert.deepEqual(
      shape.segments.map(({ id, fieldCount }) => `${id} ${fieldCount}`),
      ["MSH 11", "PID 6", "ZAB 1", "OBX 3"],
    );
    assert.deepEqual(shape.segments[1]?.lengths, ["1-8", "0", "1-8", "9-32", "0", "0"]);
    assert.equal(segmentCount, 4);
    const buckets = [0, 1, 8, 9, 32, 33, 128, 129, 1e9].map(bucketOf);
    assert.deepEqual(buckets, [
      ...["0", "1-8", "1-8", "9-32", "9-32", "33-128", "33-128", "129-", "129-"],
    ]);
  });

  test("[D06] a name where a segment, a type or a version should be is not shown", () => {
    const hostile = [
      message(HEADER.replace("ADT^A01^ADT_A01", "ANN^EVA^ANN_EVA").replace("2.5.1", "EVA")),
      message(HEADER, "EVA|x", "ANN", "eva|x", "Zoe|x", "ZOE-EVA|x", `${CANARY}|x`),
      message(`MSH${CANARY}`),
      message(CANARY),
      message(HEADER.replaceAll("|", CANARY[0] ?? "M")),
      message(`MSH|${CANARY}`, CANARY),
      Buffer.from(HEADER, "utf16le"),
    ];
    for (const bytes of hostile) {
      const text = shown(bytes);
      for (const name of ["EVA", "ANN", "eva", "Zoe", CANARY, "MUSTER", "4711"]) {
        assert.ok(!text.includes(name), `${name} in ${text}`);
      }
    }
  });

  test("[D07] whatever bytes there are, nothing is thrown, and nothing but words of the lists leaves", () => {
    const WORD =
      /^(?:[0-9a-f]{12}|[A-Z][A-Z0-9]{2}(?:_[A-Z]\d\d)?|[A-Z]\d\d|2\.[0-9.D]+|0|1-8|9-32|33-128|129-)$/;
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .constantFrom("MSH|^~\\&|", "\r", "|", "PID|", "^", "\n", "Z")
        .map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
        JSON.parse(shown(Buffer.concat(parts)), (_, value: unknown) => {
          if (typeof value === "string") assert.match(value, WORD);
          return value;
        });
      }),
      { numRuns: 500 },
    );
  });

  test("[I-8] a message of a million segments has an answer of two thousand", () => {
    const many = Buffer.concat([Buffer.from(`${HEADER}\r`), Buffer.alloc(4_000_000, "OBX\r")]);
    const shape = shapeOf(many);
    assert.deepEqual([shape.segments.length, shape.segmentCount], [2_000, 1_000_001]);
  });
});

describe("tokens and redaction", () => {
  test("[08 5.3] a value has one token inside an answer, and another one in the next", () => {
    const [first, second] = [new Tokens(systemChance), new Tokens(systemChance)];
    assert.match(first.of("10.1.2.3"), /^[0-9a-f]{12}$/);
    assert.equal(first.of("10.1.2.3"), first.of("10.1.2.3"));
    assert.notEqual(first.of("10.1.2.3"), second.of("10.1.2.3"));
  });

  test("[08 4.4] of a configuration numbers and words of the schema leave; every other text is a token, keys with odd names are nothing", () => {
    const tokens = new Tokens(systemChance);
    const shown = redacted(
      {
        name: "adt",
        kind: "mllp-listener",
        host: CANARY,
        port: 2575,
        allow: [CANARY, "10.0.0.0/8"],
        tls: { key: `/etc/${CANARY}.key`, allowedSubjects: [CANARY] },
        [CANARY]: "auto",
      },
      tokens,
    );
    assert.deepEqual(shown, {
      ...{ name: "adt", kind: "mllp-listener", host: tokens.of(CANARY), port: 2575 },
      allow: [tokens.of(CANARY), tokens.of("10.0.0.0/8")],
      tls: { key: tokens.of(`/etc/${CANARY}.key`), allowedSubjects: [tokens.of(CANARY)] },
    });
    const text = Buffer.from(JSON.stringify(shown));
    assert.deepEqual(hitsIn("the configuration", text, needlesOf(CANARY)), []);
  });
});
