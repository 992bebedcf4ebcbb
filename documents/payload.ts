/** Bytes → document: strict JSON, then the schema of its type (07 V9). @module */
import type { DocumentType } from "./document-types.ts";
import { type Refused, refused } from "./refusal.ts";
import { type DocumentOf, SCHEMAS } from "./schemas.ts";
import { readStrictJson } from "./strict-json.ts";

export interface Parsed<T> {
  readonly kind: "parsed";
  readonly document: T;
}

/**
 * Reads a payload without asking who signed it: for one that was verified a moment ago, or before it was
 * stored.
 *
 * @returns never throws
 */
export function parsePayload<T extends DocumentType>(
  type: T,
  payload: Uint8Array,
): Parsed<DocumentOf[T]> | Refused {
  const json = readStrictJson(payload);
  if (json.kind === "broken") return refused("MALFORMED", "V9", json.detail);
  const result = SCHEMAS[type].safeParse(json.value);
  if (!result.success) return refused("MALFORMED", "V9", pathOf(result.error.issues[0]));
  return { kind: "parsed", document: result.data };
}

/** Where it is wrong; an unknown field is named itself. */
function pathOf(issue: { path: PropertyKey[]; keys?: unknown } | undefined): string {
  const unknown = Array.isArray(issue?.keys) ? issue.keys.slice(0, 1) : [];
  return [...(issue?.path ?? []), ...unknown].map(String).join(".");
}
