/** Log lines in a file of their own, where there is no journal: as many and as large as are kept (09 2.1). @module */
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

const NAME = "holdfast.log";
const FILE_BYTES = 10_485_760;
/** The one that is written included. */
const FILES = 5;

/**
 * Written at once: the last line of a process that ends is the one that is needed.
 *
 * Full, it becomes `holdfast.1.log`, that one `holdfast.2.log`, and the oldest goes. What cannot be written is left out:
 * a log never stops a message.
 */
export class LogFile {
  readonly #folder: string;
  #fd: number | undefined;
  #bytes = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  write(line: string): void {
    try {
      const bytes = Buffer.from(line);
      if (this.#fd !== undefined && this.#bytes + bytes.length > FILE_BYTES) this.#turn();
      this.#fd ??= this.#open();
      this.#bytes += writeSync(this.#fd, bytes);
    } catch {
      // The next line tries again.
    }
  }

  #open(): number {
    mkdirSync(this.#folder, { recursive: true });
    const fd = openSync(join(this.#folder, NAME), "a", 0o600);
    this.#bytes = fstatSync(fd).size;
    return fd;
  }

  #turn(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    for (let index = FILES - 1; index >= 0; index--) {
      const from = this.#numbered(index);
      if (index === FILES - 1) rmSync(from, { force: true });
      else if (existsSync(from)) renameSync(from, this.#numbered(index + 1));
    }
  }

  #numbered(index: number): string {
    return join(this.#folder, index === 0 ? NAME : NAME.replace(".", `.${index}.`));
  }
}
