/** For programs inside the machine of the shares: a file that a Windows program on another machine has open. @module */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

const HOLDER = join(import.meta.dirname, "vm/smb-holder.py");

/** Of the CIFS share; opened through SMB in the server's network, so that it goes on while the wire is cut. */
export class OpenElsewhere implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /**
   * Opens the file for writing, and creates it where it is missing.
   *
   * @param others what it lets others do meanwhile: read, write, delete and rename
   */
  static async open(name: string, others: "" | "r" | "rw" | "rwd"): Promise<OpenElsewhere> {
    const args = ["--net=/run/netns/server", "/usr/bin/python3", HOLDER, name, others];
    const child = spawn("nsenter", args, { stdio: ["pipe", "pipe", "inherit"] });
    const held = new OpenElsewhere(child);
    await held.#hears("open");
    return held;
  }

  /** @param text without line ends. Returns when the server has it */
  async write(offset: number, text: string): Promise<void> {
    this.#child.stdin.write(`${offset} ${text}\n`);
    await this.#hears("written");
  }

  /** Closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.stdin.end();
    await exited;
  }

  async #hears(word: string): Promise<void> {
    const { value } = await this.#lines.next();
    if (value !== word) throw new Error(`the Windows program did not say ${word}`);
  }
}
