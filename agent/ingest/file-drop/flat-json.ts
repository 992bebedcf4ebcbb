/**
 * JSON objects of texts, strictly (RFC 8259): no number, no list, no key twice.
 *
 * `JSON.parse` would take the last of two equal keys, where somebody else's reader takes the first, and
 * descend as deep as it is told to. Here the caller says where an object may stand, so nothing is deeper than
 * its own code, and what is read is given to it key by key.
 *
 * @module
 */

export type FlatJsonFault =
  /** No JSON object, or something other than texts in it. */
  | "notTexts"
  | "repeatedKey"
  /** A control character other than TAB, LF and CR, or half a character. */
  | "unprintable";

const SPACE = /[ \t\r\n]*/y;
const TOKEN = /[{}:,]|"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const UNPRINTABLE = /[^\P{Cc}\t\r\n]/u;

export class FlatJson {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Whether nothing but white space follows. */
  get isAtEnd(): boolean {
    this.#match(SPACE);
    return this.#at === this.#text.length;
  }

  /**
   * Reads one object.
   *
   * @param member reads the value that stands under `key`
   * @returns why it is none, or what `member` found wrong
   */
  object<Fault>(member: (key: string) => Fault | undefined): Fault | FlatJsonFault | undefined {
    const seen = new Set<string>();
    let token = this.#next();
    if (token !== "{") return "notTexts";
    token = this.#next();
    if (token === "}") return undefined;
    for (;;) {
      const key = textIn(token);
      if (key === undefined || this.#next() !== ":") return "notTexts";
      if (seen.has(key)) return "repeatedKey";
      seen.add(key);
      const fault = member(key);
      if (fault !== undefined) return fault;
      token = this.#next();
      if (token === "}") return undefined;
      if (token !== ",") return "notTexts";
      token = this.#next();
    }
  }

  /** Reads one text into `found` under `key`. @returns why it is none */
  text(key: string, found: Map<string, string>): FlatJsonFault | undefined {
    const text = textIn(this.#next());
    if (text === undefined) return "notTexts";
    if (UNPRINTABLE.test(text) || !text.isWellFormed()) return "unprintable";
    found.set(key, text);
    return undefined;
  }

  #next(): string | undefined {
    this.#match(SPACE);
    return this.#match(TOKEN);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }
}

const textIn = (token: string | undefined): string | undefined =>
  token?.startsWith('"') === true ? (JSON.parse(token) as string) : undefined;
