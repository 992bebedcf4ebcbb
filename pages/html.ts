/** HTML that cannot be broken by what it shows: whatever stands in a template is escaped, unless it is HTML itself. @module */

export class Html {
  readonly #text: string;

  /** @param text HTML that is ours; never anything that came from outside */
  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** `undefined` and lists without entries show nothing. */
export type Shown = Html | string | number | bigint | undefined | readonly Shown[];

/** Text and quoted attributes only: no value of a template may stand where a name or an address is expected. */
export function html(strings: TemplateStringsArray, ...values: readonly Shown[]): Html {
  let text = strings[0] ?? "";
  for (const [at, value] of values.entries()) text += `${shownOf(value)}${strings[at + 1] ?? ""}`;
  return new Html(text);
}

/** Text whose lines stay lines, for `<pre>`. */
export const inLines = (text: string): Html => new Html(text.split("\n").map(escaped).join("\n"));

function shownOf(value: Shown): string {
  if (value === undefined) return "";
  if (value instanceof Html) return value.toString();
  if (Array.isArray(value)) return value.map(shownOf).join("");
  return escaped(String(value));
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** As text or in a quoted attribute. What turns the direction of text, or is no character to see, is shown as `\ufffd`. */
export function escaped(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? "")
    .replaceAll(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, "\ufffd");
}
