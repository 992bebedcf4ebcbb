/** What the documents say of configuration is what the schema has. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { z } from "zod";
import { mllpListener } from "#config/mllp-listener.ts";

interface Property {
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Property>>;
}

const document = readFileSync("docs/mllp-listener.md", "utf8");
const schema = z.toJSONSchema(mllpListener, { io: "input", unrepresentable: "any" }) as Property;
const listener = schema.properties ?? {};
const keys = Object.entries({ ...listener, ...listener["tls"]?.properties });

for (const [key, { default: standard }] of keys) {
  test(`docs/mllp-listener.md has the key ${key} with its default`, () => {
    const rows = document.split("\n").filter((row) => row.startsWith("|"));
    const line = rows.find((row) => row.split("|")[1]?.includes(`\`${key}\``));
    assert.ok(line !== undefined, `${key} is not in a table`);
    if (standard === undefined) return;
    const [, , shown = ""] = line.split("|");
    const wanted = Array.isArray(standard) ? JSON.stringify(standard) : String(standard);
    assert.ok(shown.includes(`\`${wanted}\``), `${key}: ${shown} is not ${wanted}`);
  });
}
