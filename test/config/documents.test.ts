/** What the documents say of configuration is what the schema has. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { z } from "zod";
import { fileDrop } from "#config/file-drop.ts";
import { mllpListener } from "#config/mllp-listener.ts";

interface Property {
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Property>>;
}

const keysOf = (schema: z.ZodType): [string, Property][] => {
  const { properties = {} } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
  }) as Property;
  return Object.entries({ ...properties, ...properties["tls"]?.properties });
};

const DOCUMENTS: readonly (readonly [string, z.ZodType])[] = [
  ["docs/mllp-listener.md", mllpListener],
  ["docs/file-drop.md", fileDrop],
];

for (const [file, schema] of DOCUMENTS) {
  const document = readFileSync(file, "utf8");
  for (const [key, { default: standard }] of keysOf(schema)) {
    test(`${file} has the key ${key} with its default`, () => {
      const rows = document.split("\n").filter((row) => row.startsWith("|"));
      const found = rows.filter((row) => row.split("|")[1]?.includes(`\`${key}\``));
      assert.ok(found.length <= 1, `${key} is there twice`);
      const [line] = found;
      assert.ok(line !== undefined, `${key} is not in a table`);
      if (standard === undefined) return;
      const [, , shown = ""] = line.split("|");
      const wanted = Array.isArray(standard) ? JSON.stringify(standard) : String(standard);
      assert.ok(shown.includes(`\`${wanted}\``), `${key}: ${shown} is not ${wanted}`);
    });
  }
}
