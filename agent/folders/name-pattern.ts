/**
 * What a name says by a configured expression (04 P43). A name can be made for an expression to run for
 * years: it has a tenth of a second.
 *
 * @module
 */
import { createContext, Script } from "node:vm";
import { NAME_PATTERN_LIMIT_MS, NAME_PATTERN_MAX_BYTES } from "../limits.ts";
import { type ByteName, textOf } from "./names.ts";

export class NamePattern {
  readonly #match: (text: string) => Readonly<Record<string, string>>;

  /** @throws SyntaxError if it is no regular expression */
  constructor(pattern: string) {
    new RegExp(pattern, "u");
    const context = createContext({ pattern, text: "" });
    // Only a script can be interrupted; it gives back text, for its objects are not ours.
    new Script("const expression = new RegExp(pattern, 'u')").runInContext(context);
    const script = new Script("JSON.stringify(expression.exec(text)?.groups ?? {})");
    this.#match = (text) => {
      context["text"] = text;
      const found: unknown = script.runInContext(context, { timeout: NAME_PATTERN_LIMIT_MS });
      return JSON.parse(String(found));
    };
  }

  /**
   * @param name relative to the drop folder; one that is longer than 255 bytes matches nothing
   * @returns the named groups that matched, or nothing if it took too long
   */
  namedIn(name: ByteName): Readonly<Record<string, string>> | undefined {
    if (name.length > NAME_PATTERN_MAX_BYTES) return {};
    try {
      return this.#match(textOf(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT")
        return undefined;
      throw error;
    }
  }
}
