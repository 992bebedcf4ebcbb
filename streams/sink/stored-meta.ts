/**
 * What is kept of a message's metadata, as text: written here, and read by nobody else.
 *
 * Names of attributes are whatever the other end chose. V8 takes some keys with escapes for others
 * (`documents/strict-json.ts`), so that two attributes could become one: where a name needs an escape, attributes are
 * kept as a list of pairs, whose texts are values.
 *
 * @module
 */

/** Beside hash and times. */
export interface StoredMeta {
  readonly mediaType?: string;
  readonly source?: string;
  readonly traceparent?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** JSON. */
export function storedMetaText(meta: StoredMeta): string {
  const { attributes, ...rest } = meta;
  if (attributes === undefined || Object.keys(attributes).every(isPlain)) {
    return JSON.stringify(meta);
  }
  return JSON.stringify({ ...rest, attributes: Object.entries(attributes) });
}

/** @param text what {@link storedMetaText} made */
export function storedMetaFrom(text: string): StoredMeta {
  const { attributes, ...rest } = JSON.parse(text) as Omit<StoredMeta, "attributes"> & {
    readonly attributes?: StoredMeta["attributes"] | readonly (readonly [string, string])[];
  };
  if (attributes === undefined) return rest;
  return { ...rest, attributes: isPairs(attributes) ? Object.fromEntries(attributes) : attributes };
}

const isPlain = (name: string): boolean => JSON.stringify(name) === `"${name}"`;

const isPairs = (value: unknown): value is readonly (readonly [string, string])[] =>
  Array.isArray(value);
