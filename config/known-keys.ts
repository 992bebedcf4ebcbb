/**
 * Which keys a schema knows at a place of a document, and which of them a misspelled one is near.
 *
 * @module
 */
import type { z } from "zod";

type JsonSchema = z.core.JSONSchema.BaseSchema;

/**
 * @param schema the JSON Schema of the whole document
 * @param path keys and indices from its root
 * @returns every key that the schema names at `path`, of all alternatives where there are several
 */
export function knownKeysAt(schema: JsonSchema, path: readonly PropertyKey[]): string[] {
  let places: JsonSchema[] = alternatives(schema);
  for (const part of path) {
    places = places.flatMap((place) => childrenOf(place, part)).flatMap(alternatives);
  }
  return [...new Set(places.flatMap((place) => Object.keys(place.properties ?? {})))];
}

/**
 * @returns the entry of `known` that takes the fewest single-letter changes from `key`, if they are
 *   few enough to be a slip: at most two, or a third of its length
 */
export function nearest(key: string, known: readonly string[]): string | undefined {
  let best: { readonly name: string; readonly changes: number } | undefined;
  for (const name of known) {
    const changes = editDistance(key.toLowerCase(), name.toLowerCase());
    const most = Math.max(2, Math.floor(name.length / 3));
    if (changes <= most && (best === undefined || changes < best.changes)) best = { name, changes };
  }
  return best?.name;
}

function alternatives(schema: JsonSchema): JsonSchema[] {
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  return [schema, ...inner.filter(isSchema).flatMap(alternatives)];
}

function childrenOf(schema: JsonSchema, part: PropertyKey): JsonSchema[] {
  const items = Array.isArray(schema.items) ? schema.items : [schema.items];
  const named = schema.properties?.[String(part)];
  return [named, schema.additionalProperties, ...items].filter(isSchema);
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [above, letter] of [...from].entries()) {
    const next = [above + 1];
    for (let column = 1; column <= to.length; column++) {
      const swap = (row[column - 1] ?? 0) + (to[column - 1] === letter ? 0 : 1);
      next.push(Math.min(swap, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
