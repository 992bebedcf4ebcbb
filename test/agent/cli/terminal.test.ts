import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { explain } from "#agent/cli/explain.ts";
import { escaped, escapedLines, terminalSafe } from "#agent/cli/terminal.ts";
import { DocumentError } from "#config/document.ts";
import { loadLocalConfig } from "#config/local.ts";

/** CSI and OSC of C1, DEL, a right-to-left override, a tag character beyond the first plane. */
const HOSTILE = "a\u009bb\u009dc\u007fd\u202ee\u{e0041}f\u001b[31m";

test("[PL6] what a peer sent drives no terminal, as lines or as JSON, and JSON stays what it was", () => {
  const json = terminalSafe(JSON.stringify({ content: HOSTILE }));
  assert.match(json, /^[\x20-\x7e]*$/);
  assert.deepEqual(JSON.parse(json), { content: HOSTILE });
  for (const line of [...escapedLines(HOSTILE), escaped(HOSTILE)]) {
    assert.match(line, /^[\x20-\x7e]*$/);
  }
});

test("a configuration that is not there is explained with --config and init, an empty one with what it is", (t) => {
  const said = t.mock.method(console, "error", () => {});
  const folder = mkdtempSync(join(tmpdir(), "holdfast-terminal-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "local.yaml");
  const words = (): string => {
    said.mock.resetCalls();
    try {
      loadLocalConfig(file);
    } catch (error) {
      assert.equal(explain(error), 78);
    }
    return said.mock.calls.map(({ arguments: [line] }) => line).join("\n");
  };
  assert.match(words(), /there is no such file.*\n.*--config FILE.*holdfast init/);
  writeFileSync(file, "");
  assert.match(words(), /:1:1: it is empty.*\n {2}Correct the file/);
});

test("a wrong configuration is explained with a page for whatever kind the channel is", (t) => {
  const said = t.mock.method(console, "error", () => {});
  assert.equal(explain(new DocumentError("local.yaml", [])), 78);
  assert.match(String(said.mock.calls.at(-1)?.arguments[0]), /docs\/KIND\.md/);
  for (const kind of ["mllp-listener", "mllp-sender", "file-drop", "folder"]) {
    assert.ok(existsSync(`docs/${kind}.md`), kind);
  }
});
