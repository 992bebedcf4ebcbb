/**
 * Where commands print.
 *
 * @module
 */

/** Standard output; `print` waits until the line is taken, and is false once nobody reads. */
export interface Output {
  print(line: string): Promise<boolean>;
}
