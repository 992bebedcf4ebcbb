/**
 * Where a passphrase comes from: a file, or a person at a terminal who does not see it. Never an argument or
 * the environment, which other accounts can read.
 *
 * @module
 */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { readSecret } from "./files.ts";
import { SignError, signError } from "./sign-error.ts";

/** @param file of mode 0600, whose first line it is; absent: the terminal is asked */
export async function askPassphrase(question: string, file: string | undefined): Promise<string> {
  if (file !== undefined) {
    const [line = ""] = Buffer.from(readSecret(file)).toString("utf8").split(/\r?\n/, 1);
    return line;
  }
  if (!process.stdin.isTTY) throw new SignError("PASSPHRASE_MISSING", question);
  // With a terminal of its own readline echoes to its output, which is nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // Asked only now: until here the terminal echoes, and Ctrl-C ends the program without a word.
  process.stderr.write(`${question}: `);
  const interrupted = new AbortController();
  terminal.once("SIGINT", () => interrupted.abort());
  try {
    return await terminal.question("", { signal: interrupted.signal });
  } catch (cause) {
    throw signError("PASSPHRASE_MISSING", "nobody answered", cause);
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
}
