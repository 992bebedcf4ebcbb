/** Which names count (04 P6): `*` any bytes, `?` one character, without case. @module */
import { type ByteName, baseOf, OWN_PREFIX, textOf } from "./names.ts";

/** Only of text outside ASCII is the character set looked at: most names are none. */
const plain = (name: ByteName): string =>
  (/^[\x20-\x7e]*$/.test(name) ? name : textOf(name)).toLowerCase();

export class Patterns {
  readonly #ignored: readonly string[];
  readonly #included: readonly string[];

  constructor(ignored: readonly string[], included: readonly string[]) {
    this.#ignored = ignored.map((pattern) => pattern.toLowerCase());
    this.#included = included.map((pattern) => pattern.toLowerCase());
  }

  /**
   * How the last component of a name is meant. `temporary`: by a pattern with a wildcard, so that it should
   * become something else one day; `never`: such as `Thumbs.db`, and what is ours.
   */
  kindOf(name: ByteName): "taken" | "temporary" | "never" {
    const base = baseOf(name);
    if (base.startsWith(OWN_PREFIX)) return "never";
    const text = plain(base);
    let kind: "taken" | "temporary" | "never" = "taken";
    for (const pattern of this.#ignored) {
      if (!isMatch(pattern, text)) continue;
      if (!/[*?]/.test(pattern)) return "never";
      kind = "temporary";
    }
    return kind;
  }

  /** Data only: a control file or a side-car belongs to its data. */
  includes(name: ByteName): boolean {
    const text = plain(baseOf(name));
    return this.#included.some((pattern) => isMatch(pattern, text));
  }
}

/** Goes back to the last `*` alone, so that the work is at most the product of both lengths. */
export function isMatch(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let starAt = 0;
  let index = 0;
  while (at < text.length) {
    const wanted = pattern[index];
    if (wanted === "*") {
      star = index++;
      starAt = at;
    } else if (wanted !== undefined && (wanted === "?" || wanted === text[at])) {
      index += 1;
      at += 1;
    } else if (star >= 0) {
      index = star + 1;
      at = ++starAt;
    } else {
      return false;
    }
  }
  while (pattern[index] === "*") index += 1;
  return index === pattern.length;
}
