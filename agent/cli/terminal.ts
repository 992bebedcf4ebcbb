/** How commands speak: facts to standard output, as lines or JSON. @module */

/** Prints facts: as one line of JSON, or as lines for a person. */
export function printFacts(json: boolean, facts: unknown, lines: () => readonly string[]): void {
  console.log(json ? terminalSafe(JSON.stringify(facts)) : lines().join("\n"));
}

/** The same JSON, with what a terminal might obey escaped: JSON itself escapes C0 alone. */
export function terminalSafe(json: string): string {
  return json.replace(/[\u007f-\u009f\u2028\u2029\p{Cf}]/gu, (character) =>
    [...Buffer.from(character, "utf16le").swap16().toString("hex").matchAll(/.{4}/g)]
      .map(([unit]) => `\\u${unit}`)
      .join(""),
  );
}

/** Columns of equal width, two spaces apart. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** Bytes for people: `1.5 MB`. */
export function readableBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}

/**
 * A message's text for a terminal: a segment a line, printable characters as they are, all others as
 * `\\u{…}`: what a peer sent never drives a terminal.
 */
export function escapedLines(text: string): string[] {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => line.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => unicodeEscape(character)));
}

const unicodeEscape = (character: string): string =>
  `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** Control characters and bytes above ASCII as `\xNN`: what a peer sent never drives a terminal. */
export function escaped(text: string): string {
  const shown = [...text].map((character) => {
    const code = character.codePointAt(0) ?? 0;
    return code >= 0x20 && code < 0x7f ? character : `\\x${code.toString(16).padStart(2, "0")}`;
  });
  return shown.join("");
}
