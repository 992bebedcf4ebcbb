/** JSON that is ASCII: what travels with a message is kept one byte a character. @module */

/** Reads back as `value`, by any reader of JSON. */
export const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
