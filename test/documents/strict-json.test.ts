import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JSON_MAX_DEPTH } from "#documents/limits.ts";
import { readStrictJson } from "#documents/strict-json.ts";

const read = (text: string) => readStrictJson(new TextEncoder().encode(text));

function brokenBy(reading: ReturnType<typeof read>): string {
  return reading.kind === "broken" ? `${reading.step} ${reading.detail}` : "nothing";
}

const nested = (depth: number): string => `${'{"a":'.repeat(depth - 1)}{}${"}".repeat(depth - 1)}`;
const nestedArrays = (depth: number): string =>
  `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;

const BROKEN: readonly (readonly [name: string, text: string, by: string])[] = [
  ["a key twice", '{"a":1,"a":2}', "V3 duplicate-key"],
  ["a key twice with equal values", '{"a":1,"a":1}', "V3 duplicate-key"],
  ["a key twice, once escaped", '{"a":1,"\\u0061":1}', "V3 escaped-key"],
  ["a key with an escape", '{"a":1,"\\"":1}', "V3 escaped-key"],
  ["the empty key twice", '{"":1,"":1}', "V3 duplicate-key"],
  ["a key twice deep inside", '{"x":[[{"b":{"a":1,"c":[{}],"a":2}}]]}', "V3 duplicate-key"],
  ["a key twice around an object", '{"a":{"b":1},"a":1}', "V3 duplicate-key"],
  ["__proto__", '{"__proto__":1}', "V3 proto-key"],
  ["__proto__ escaped", '{"x":{"\\u005f_proto__":{"y":1}}}', "V3 escaped-key"],
  ["a lone high surrogate", '{"a":"\\ud800"}', "V3 lone-surrogate"],
  ["a lone low surrogate", '{"a":["\\udc00x"]}', "V3 lone-surrogate"],
  ["a lone surrogate as key", '{"\\ud800":1}', "V3 escaped-key"],
  ["surrogates the wrong way round", '{"a":"\\udc00\\ud800"}', "V3 lone-surrogate"],
  ["1e400", '{"a":1e400}', "V3 number-out-of-range"],
  ["-1e400", '{"a":[-1e400]}', "V3 number-out-of-range"],
  ["2^53", '{"a":9007199254740992}', "V3 number-out-of-range"],
  ["1e300", '{"a":1e300}', "V3 number-out-of-range"],
  ["33 levels", nested(JSON_MAX_DEPTH + 1), "V3 too-deep"],
  ["33 levels of arrays", nestedArrays(JSON_MAX_DEPTH + 1), "V3 too-deep"],
  ["depth 10,000", nested(10_000), "V3 too-deep"],
  ["a million open brackets", "[".repeat(1_000_000), "V3 too-deep"],
  ["an array at the root", "[]", "V3 no-object"],
  ["null at the root", "null", "V3 no-object"],
  ["a string at the root", '"a"', "V3 no-object"],
  ["nothing", "", "V3 not-json"],
  ["two documents", "{}{}", "V3 not-json"],
  ["a comment", "{/* */}", "V3 not-json"],
  ["a trailing comma", '{"a":1,}', "V3 not-json"],
  ["single quotes", "{'a':1}", "V3 not-json"],
  ["NaN", '{"a":NaN}', "V3 not-json"],
  ["a leading zero", '{"a":01}', "V3 not-json"],
  ["a control character in a string", '{"a":"\u0001"}', "V3 not-json"],
  ["a string that does not end", '{"a":"', "V3 not-json"],
  ["a string that ends in a backslash", '{"a":"\\', "V3 not-json"],
  ["brackets that do not match", '{"a":[}]', "V3 not-json"],
  ["a byte order mark", "\uFEFF{}", "V2 byte-order-mark"],
];

for (const [name, text, by] of BROKEN) {
  test(`[V2, V3] ${name} is refused`, () => assert.equal(brokenBy(read(text)), by));
}

const BAD_UTF8: readonly (readonly [name: string, hex: string])[] = [
  ["a byte that begins nothing", "ff"],
  ["a sequence cut short", "e282"],
  ["an overlong slash", "c0af"],
  ["a surrogate", "eda080"],
  ["a code point past the last", "f4908080"],
];
for (const [name, hex] of BAD_UTF8) {
  test(`[V2] ${name} is no UTF-8`, () => {
    const bytes = Buffer.concat([
      Buffer.from('{"a":"'),
      Buffer.from(hex, "hex"),
      Buffer.from('"}'),
    ]);
    assert.equal(brokenBy(readStrictJson(bytes)), "V2 not-utf-8");
  });
}

test("[V2] UTF-16 is refused", () => {
  assert.equal(brokenBy(readStrictJson(Buffer.from('\uFEFF{"a":1}', "utf16le"))), "V2 not-utf-8");
});

const TAKEN: readonly (readonly [name: string, text: string])[] = [
  ["an empty object", "{}"],
  ["blanks of all kinds", ' \t\r\n{ "a" : [ ] } \n'],
  ["the same key in different objects", '{"a":{"a":[{"a":1},{"a":2}]},"b":{"a":1}}'],
  ["a key whose name is also a value", '{"a":"b","b":"a","c":["a","a"]}'],
  ["marks inside strings", '{"a":"{\\"a\\":[,]}","b":"\\\\","c":"\\\\\\""}'],
  ["a pair of surrogates", '{"😀":"\\ud83d\\ude00"}'],
  ["numbers at their ends", '{"a":[9007199254740991,-9007199254740991,1.5e-300,-0,0.1,1E2]}'],
  ["keys of Object.prototype", '{"constructor":1,"toString":2,"hasOwnProperty":3,"prototype":4}'],
  ["32 levels", nested(JSON_MAX_DEPTH)],
  ["32 levels of arrays", nestedArrays(JSON_MAX_DEPTH)],
];
for (const [name, text] of TAKEN) {
  test(`[V3] ${name}: taken as JSON.parse takes it`, () => {
    const reading = read(text);
    assert.deepEqual(reading, { kind: "object", value: JSON.parse(text) });
  });
}

test("[V3] what JSON.stringify wrote is read back, any value of JSON", () => {
  const json = fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue({ maxDepth: 6 }));
  fc.assert(
    fc.property(json, (value) => {
      const text = JSON.stringify(value);
      fc.pre(text.isWellFormed() && isExact(value));
      assert.deepEqual(read(text), { kind: "object", value: JSON.parse(text) });
    }),
  );
});

/** Numbers below 2^53, and keys that JSON writes as they are. */
function isExact(value: unknown): boolean {
  if (typeof value === "number") return Math.abs(value) < 2 ** 53;
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(
    ([key, inner]) => key !== "__proto__" && JSON.stringify(key) === `"${key}"` && isExact(inner),
  );
}

test("[V3] a key that V8 would read as another one is refused", () => {
  JSON.parse('{"a":1,"\\\\":1}');
  assert.equal(brokenBy(read('{"a":1,"\\u0062":1}')), "V3 escaped-key");
});

test("[V3] what is taken has no key twice, whatever was written", () => {
  // Few names, so that repeats are common.
  const key = fc.constantFrom('"a"', '"b"', '":"', '"{"', '""');
  const { tree } = fc.letrec<{ tree: string; object: string }>((tie) => ({
    tree: fc.oneof({ maxDepth: 4 }, fc.constantFrom("1", '"a"'), tie("object")),
    object: fc
      .array(fc.tuple(key, tie("tree")), { maxLength: 4 })
      .map((members) => `{${members.map(([name, value]) => `${name}: ${value}`).join(",")}}`),
  }));
  let taken = 0;
  fc.assert(
    fc.property(tree, (text) => {
      const reading = read(text);
      // Each member has been written with one blank; of a repeated key `JSON.parse` keeps one.
      const written = text.split(": ").length - 1;
      const isWhole = text.startsWith("{") && keyCount(JSON.parse(text)) === written;
      assert.equal(reading.kind, isWhole ? "object" : "broken", text);
      taken += isWhole ? 1 : 0;
    }),
    { numRuns: 2_000 },
  );
  assert.ok(taken > 100, `${taken} of 2000 were taken`);
});

function keyCount(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, inner) => sum + 1 + keyCount(inner), 0);
}
