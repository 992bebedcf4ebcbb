/**
 * Where commands print.
 *
 * @module
 */

/** Standard output; `print` waits until the text is taken, and is false once nobody reads. */
export interface Output {
  /** @param end [a line feed] what follows the text; empty where the line goes on */
  print(text: string, end?: "\n" | ""): Promise<boolean>;
}
