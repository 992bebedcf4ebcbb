/** The text of an XML file, by its byte order mark, its first bytes or what it declares (XML 1.0, appendix F). @module */

/** What a person has to mend, and where. */
export interface Refused {
  readonly kind: "refused";
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** For people; quotes nothing of the file. */
  readonly message: string;
}

/** Declared names, in lower case, and how they are decoded. Mirth itself writes UTF-8. */
const DECLARED: Readonly<Record<string, string>> = {
  "utf-8": "utf-8",
  utf8: "utf-8",
  "us-ascii": "utf-8",
  "iso-8859-1": "windows-1252",
  "windows-1252": "windows-1252",
};

/** @returns the text without its byte order mark */
export function textOf(
  bytes: Uint8Array,
): { readonly kind: "text"; readonly text: string } | Refused {
  const encoding = encodingOf(bytes);
  if (encoding === undefined) {
    return refusedAt(
      1,
      1,
      "the file declares a character set that is not read here: save it as UTF-8",
    );
  }
  try {
    return { kind: "text", text: new TextDecoder(encoding, { fatal: true }).decode(bytes) };
  } catch {
    // Where it begins to be something else.
    const text = new TextDecoder(encoding).decode(bytes);
    const before = text.slice(0, text.indexOf("\ufffd")).split("\n");
    const message = `the file is no ${encoding} text: was it saved by another program since it was exported?`;
    return refusedAt(before.length, (before.at(-1) ?? "").length + 1, message);
  }
}

export const refusedAt = (line: number, column: number, message: string): Refused => ({
  kind: "refused",
  ...{ line, column, message },
});

function encodingOf(bytes: Uint8Array): string | undefined {
  const [first = 0, second = 0] = bytes;
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  // Without a mark, `<` tells.
  if (first === 0x3c && second === 0) return "utf-16le";
  if (first === 0 && second === 0x3c) return "utf-16be";
  if (first === 0xef && second === 0xbb) return "utf-8";
  const begin = Buffer.from(bytes.subarray(0, 200)).toString("latin1");
  const [, declared = "utf-8"] = /^<\?xml[^>]*?encoding\s*=\s*["']([\w.-]+)["']/.exec(begin) ?? [];
  return DECLARED[declared.toLowerCase()];
}
