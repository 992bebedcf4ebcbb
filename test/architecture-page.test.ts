/** ARCHITECTURE.md against the tree, and against itself: merges leave rows behind that contradict each other. @module */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { test } from "node:test";

const document = readFileSync("ARCHITECTURE.md", "utf8");

test("no part has two rows in the import table, no package two in that of dependencies", () => {
  for (const [from, to] of [
    ["| part |", "## 4."],
    ["| package |", "## 10."],
  ] as const) {
    const table = document.slice(document.indexOf(from), document.indexOf(to));
    const cells = [...table.matchAll(/^\| ([^|]*`[^|]*) \|/gm)].map(([, cell = ""]) => cell);
    const named = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, one]) => one));
    assert.ok(named.length > 5, from);
    const twice = named.filter((one, index) => named.indexOf(one) !== index);
    assert.deepEqual(twice, [], from);
  }
});

test("ARCHITECTURE.md maps every folder that exists, and no other", () => {
  const map = document.slice(document.indexOf("## 3."), document.indexOf("## 4."));
  const mapped = [...map.matchAll(/^ *- `([^`]+)`/gm)].map(([, folder = ""]) => folder);
  for (const folder of mapped) assert.ok(existsSync(folder), `${folder} does not exist`);
  const top = globSync("*/").map((folder) => folder.replace(/\/$/, ""));
  const folders = [...top, ...globSync("agent/*/").map((folder) => folder.replace(/\/$/, ""))];
  const generated = ["node_modules", "build", "dist", "agent"];
  for (const folder of folders.filter((name) => !generated.includes(name))) {
    if (globSync(`${folder}/**/*.*`).length === 0) continue;
    assert.ok(mapped.includes(folder), `${folder} is not in the code map`);
  }
});

test("every test and source that the documents name exists, and no line numbers are cited", () => {
  for (const name of ["ARCHITECTURE.md", "README.md", "SECURITY.md", ...globSync("docs/*.md")]) {
    const text = readFileSync(name, "utf8");
    for (const [, path = ""] of text.matchAll(
      /`((?:test|agent|receiver|protocol|certs|config|documents|releases)\/[\w./-]+)`/g,
    )) {
      const file = path.replace(/\.(?:settle)$/, "");
      assert.ok(existsSync(file) || existsSync(`${file}.ts`), `${name} names ${path}`);
    }
    assert.doesNotMatch(text, /\.ts:\d+/, name);
  }
});
