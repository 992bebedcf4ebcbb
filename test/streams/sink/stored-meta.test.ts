import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type StoredMeta, storedMetaFrom, storedMetaText } from "#streams/sink/stored-meta.ts";

/** From here on V8 takes some keys with escapes for others (nodejs/node issue 63785). */
JSON.parse('{"a":1,"\\\\":1}');

const AWKWARD = ["\\", '"', "\n", "\u0001", "a\\b", 'q"', "x\ty", "n", "__proto__", "a", "\u2028"];

test("[TP8] [RI6] attributes are read as they were written, whatever their names and whatever was read before", () => {
  const name = fc.oneof(fc.constantFrom(...AWKWARD), fc.string({ unit: "binary", maxLength: 4 }));
  const pairs = fc.uniqueArray(fc.tuple(name, fc.string({ maxLength: 3 })), {
    maxLength: 16,
    selector: ([key]) => key,
  });
  fc.assert(
    fc.property(pairs, fc.boolean(), (entries, isTyped) => {
      const attributes = Object.fromEntries(entries);
      const meta: StoredMeta = { ...(isTyped ? { mediaType: "text/plain" } : {}), attributes };
      const read = storedMetaFrom(storedMetaText(meta));
      assert.deepEqual(Object.entries(read.attributes ?? {}), Object.entries(attributes));
      assert.equal(read.mediaType, meta.mediaType);
    }),
    { numRuns: 2_000 },
  );
});

test("[TP8] what needs no escape is kept as an object, as it was before", () => {
  const meta = { source: "10.0.0.1", attributes: { "hl7.controlId": 'M"1', "file.name": "a\\b" } };
  assert.equal(storedMetaText(meta), JSON.stringify(meta));
  assert.deepEqual(storedMetaFrom(JSON.stringify(meta)), meta);
  assert.deepEqual(storedMetaFrom("{}"), {});
});
