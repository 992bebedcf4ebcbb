import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { z } from "zod";
import { DocumentError, loadDocument, parseDocument } from "#config/document.ts";

const SCHEMA = z.strictObject({
  stateDir: z.string().min(1),
  receiver: z.strictObject({ url: z.string(), proxy: z.string().optional() }).optional(),
  level: z.number().int().default(3),
  channels: z
    .array(
      z.discriminatedUnion("kind", [
        z.strictObject({ kind: z.literal("mllp"), port: z.number().int().min(1).max(65_535) }),
        z.strictObject({ kind: z.literal("file"), folder: z.string() }),
      ]),
    )
    .default([]),
});

const problemsOf = (text: string): string[] => {
  try {
    parseDocument(text, "local.yaml", SCHEMA);
    return [];
  } catch (error) {
    assert.ok(error instanceof DocumentError, String(error));
    assert.equal(error.file, "local.yaml");
    return error.problems.map((p) => `${p.line}:${p.column} ${p.message}`);
  }
};

describe("document", () => {
  test("gives back what the schema made of the text, with defaults", () => {
    assert.deepEqual(parseDocument("stateDir: /var/x\n", "local.yaml", SCHEMA), {
      stateDir: "/var/x",
      level: 3,
      channels: [],
    });
  });

  test("[01] names the nearest known key for an unknown one, with line and column", () => {
    assert.deepEqual(problemsOf("stateDir: a\nrecevier:\n  url: b\n"), [
      "2:1 unknown key 'recevier', did you mean 'receiver'?",
    ]);
    assert.deepEqual(problemsOf("stateDir: a\nreceiver:\n  url: b\n  Proxi: c\n"), [
      "4:3 unknown key 'Proxi', did you mean 'proxy'?",
    ]);
    assert.deepEqual(problemsOf("stateDir: a\nchannels:\n  - kind: file\n    foldr: c\n"), [
      "3:5 'channels.0.folder' is missing",
      "4:5 unknown key 'foldr', did you mean 'folder'?",
    ]);
    assert.deepEqual(problemsOf("stateDir: a\nzzzzzzzzz: 1\n"), ["2:1 unknown key 'zzzzzzzzz'"]);
  });

  test("reports every problem, in the order of the file", () => {
    assert.deepEqual(problemsOf("level: x\nchannels:\n  - {kind: mllp, port: 70000}\n"), [
      "1:1 'stateDir' is missing",
      "1:1 'level' Invalid input: expected number, received string",
      "3:18 'channels.0.port' Too big: expected number to be <=65535",
    ]);
  });

  const REFUSED = [
    {
      name: "a repeated key",
      text: "stateDir: a\nstateDir: b\n",
      at: "2:1 the key 'stateDir' is there twice, first in line 1",
    },
    {
      name: "a repeated key, deeper",
      text: "stateDir: a\nreceiver:\n  url: b\n  proxy: c\n  url: d\n",
      at: "5:3 the key 'url' is there twice, first in line 3",
    },
    {
      name: "a repeated key in braces",
      text: "stateDir: a\nreceiver: { url: b, url: c }\n",
      at: "2:21 the key 'url' is there twice, first in line 2",
    },
    { name: "a tab as indentation", text: "receiver:\n\turl: b\n", at: "2:1 " },
    { name: "a second document", text: "stateDir: a\n---\nstateDir: b\n", at: "2:1 " },
    { name: "an alias", text: "stateDir: &a x\nreceiver: { url: *a }\n", at: "2:18 aliases" },
    { name: "an anchor", text: "stateDir: &a x\n", at: "1:14 anchors are not allowed" },
    { name: "a tag", text: "stateDir: !env HOME\n", at: "1:11 Unresolved tag" },
    { name: "a merge key", text: "stateDir: a\n<<: { level: 1 }\n", at: "2:1 unknown key '<<'" },
    { name: "a key that is a number", text: "stateDir: a\n1: b\n", at: "2:1 a key must be text" },
    {
      name: "a key that is a list",
      text: "stateDir: a\n? [x]\n: b\n",
      at: "2:3 a key must be text",
    },
    { name: "__proto__", text: "stateDir: a\n__proto__: { x: 1 }\n", at: "2:1 unknown key" },
    { name: "an unclosed quote", text: 'stateDir: "a\n', at: "2:1 " },
    { name: "an empty text", text: "", at: "1:1 it is empty: no setting is in it" },
    { name: "comments alone", text: "# later\n", at: "1:1 it is empty: no setting is in it" },
    { name: "the mark of a document alone", text: "---\n", at: "1:1 it is empty" },
    { name: "a list", text: "- a\n", at: "1:1 Invalid input: expected object" },
    {
      name: "deep nesting",
      text: `stateDir: ${"[".repeat(10_000)}`,
      at: "nested too deeply",
    },
  ];
  for (const { name, text, at } of REFUSED) {
    test(`refuses ${name}, with a position`, () => {
      const problems = problemsOf(text);
      assert.ok(
        problems.some((problem) => problem.includes(at)),
        problems.join("\n"),
      );
    });
  }

  test("refuses a thousand-fold alias bomb without unfolding it", () => {
    const levels = Array.from({ length: 30 }, (_, i) => `l${i}: &l${i} [*l${i - 1}, *l${i - 1}]`);
    const started = performance.now();
    assert.ok(problemsOf(`l: &l-1 x\n${levels.join("\n")}\n`).length > 0);
    assert.ok(performance.now() - started < 2_000);
  });

  test("says which file cannot be read, is too large, or is not text", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "a.yaml");
    const load = () => loadDocument(file, SCHEMA);

    assert.throws(load, {
      name: "DocumentError",
      message: /a\.yaml:1:1: there is no such file \(ENOENT\)/,
    });
    writeFileSync(file, Buffer.from([0x73, 0xff, 0xfe]));
    assert.throws(load, { name: "DocumentError", message: /not UTF-8/ });
    writeFileSync(file, Buffer.alloc(1_048_577, "#"));
    assert.throws(load, { name: "DocumentError", message: /larger than 1048576/ });
    writeFileSync(file, "stateDir: a\n");
    assert.equal(load().stateDir, "a");
  });

  test("never quotes a value", () => {
    const secret = "hunter2";
    for (const text of [`stateDir: a\nlevel: ${secret}\n`, `stateDir: [${secret}]\n`]) {
      assert.doesNotMatch(problemsOf(text).join("\n"), /hunter2/);
    }
  });
});
