/** Whatever an export says: what is printed loads, stays within its comments, and never holds a secret. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { variable } from "#agent/mirth/name-patterns.ts";
import { yamlLines } from "#agent/mirth/yaml-lines.ts";
import {
  connector,
  LISTENER,
  loaded,
  mirthChannel,
  READER,
  SENDER,
  translated,
  WRITER,
} from "#test/support/mirth-exports.ts";

/** What XML may hold (XML 1.0, Char), with what YAML, terminals and paths make much of. */
const xmlText = fc
  .string({ unit: "binary", maxLength: 40 })
  .map((text) => text.replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, ""));
const text = fc.oneof(
  xmlText,
  fc.constantFrom("", "true", "false", "null", "0", "-1", "1e9", "65536", "99999999999999999999"),
  fc.constantFrom("# x", "- a: b", "a\n- name: evil", '"', "'", "\\", ": ", "\u0085x", "\u2028x"),
  fc.constantFrom("/srv/in", "/srv/in/", "\\\\s\\in", "C:\\in", "/", "//", "..", "*.hl7", "\ufeff"),
  fc.constantFrom(
    "127.0.0.1",
    "::1",
    "::",
    "fe80::1%eth0",
    "10.1.2.3",
    "localhost",
    "ris.example.",
  ),
  fc.constantFrom(
    variable("x"),
    "$x",
    "MOVE",
    "DELETE",
    "FILE",
    "SMB",
    "UTF-8",
    "None",
    "AA",
    "CA",
  ),
  fc.integer().map(String),
);
const NAMES = /<(\w+)>[^<]*<\/\1>/g;
const SECRET = /password|username/i;

/** Any of the settings that a connector of this kind has. */
const settingsOf = ({ properties }: { readonly properties: string }) => {
  const names = [...properties.matchAll(NAMES)].map(([, name = ""]) => name);
  const plain = names.filter((name) => !SECRET.test(name));
  return fc.uniqueArray(fc.tuple(fc.constantFrom(...plain), text), {
    maxLength: 6,
    selector: ([name]) => name,
  });
};

const channel = fc
  .record({
    name: text,
    source: fc
      .constantFrom(LISTENER, READER)
      .chain((kind) =>
        settingsOf(kind).map((settings) =>
          connector(kind, "sourceConnector", Object.fromEntries(settings)),
        ),
      ),
    destinations: fc.array(
      fc
        .tuple(fc.constantFrom(SENDER, WRITER), text)
        .chain(([kind, name]) =>
          settingsOf(kind).map((settings) =>
            connector(kind, `d${name}`, Object.fromEntries(settings)),
          ),
        ),
      { maxLength: 3 },
    ),
  })
  .map((parts) => mirthChannel(parts));

test("import-mirth: whatever is printed loads, and is nothing but comments and channels", () => {
  fc.assert(
    fc.property(fc.array(channel, { minLength: 1, maxLength: 4 }), (channels) => {
      const translation = translated(`<list>${channels.join("\n")}</list>`);
      const running = translation.entries.filter(
        ({ keys, notRun }) => keys && notRun === undefined,
      );
      assert.deepEqual(
        loaded(translation).map(({ name }) => name),
        running.map(({ keys }) => keys?.get("name")),
      );
      const lines = yamlLines(translation).join("\n");
      assert.doesNotMatch(lines, /s3cret/);
      for (const line of lines.split(/\r\n|[\n\r\u0085\u2028\u2029]/)) {
        assert.match(line, /^(?:|channels:| *#.*| {2}- name: .*| {4}[A-Za-z]+: .*)$/u);
        assert.doesNotMatch(line, /\p{Cc}|\p{Cf}/u);
      }
    }),
    { numRuns: 300 },
  );
});
