/** The executable forbids code that is made from strings (09 PK4), and better-sqlite3 makes some for rows as objects (08 2.4). */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";

test("[08 2.4] SQLite's pragmas are read as single values", () => {
  const found = globSync("{agent,receiver,packaged}/**/*.ts").flatMap((file) => {
    const text = readFileSync(file, "utf8");
    return [...text.matchAll(/\.pragma\([^;]*;/g)].map(([call]) => ({ file, call }));
  });
  assert.ok(found.length > 10);
  for (const { file, call } of found) assert.match(call, /simple: true/, `${file}: ${call}`);
});
