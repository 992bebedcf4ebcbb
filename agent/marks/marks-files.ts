/**
 * `trust/marks-a` and `trust/marks-b`: the marks outside of the store, so that a store which was put back is recognised
 * (07 2.12).
 *
 * Written in turn, each flushed before the other is touched, so that a power cut spoils one of them at most. The counter
 * says which is newer. Two lines: the marks as JSON, and the device key's signature over `"holdfast-marks/1" ‖ LF ‖` the
 * first line, base64.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { flushFolder, makeFolder } from "../host/atomic-file.ts";
import { type Marks, marksFrom } from "./marks.ts";

/** The device key, wherever it is kept. */
export interface MarksKey {
  sign(bytes: Uint8Array): Uint8Array;
  verify(bytes: Uint8Array, signature: Uint8Array): boolean;
}

export type FoundMarks =
  | { readonly kind: "good"; readonly marks: Marks; readonly counter: number }
  /** There are files, and none of them is what this device has signed. */
  | { readonly kind: "damaged" }
  | { readonly kind: "absent" };

export const TRUST_FOLDER = "trust";
const FILES = ["marks-a", "marks-b"] as const;
const LABEL = "holdfast-marks/1\n";
/** Marks are a few hundred bytes. */
const FILE_MAX_BYTES = 65_536;

export class MarksFiles {
  /** What was there when they were opened. */
  readonly found: FoundMarks;
  readonly #folder: string;
  readonly #key: MarksKey;
  #counter: number;
  #last: Promise<void> = Promise.resolve();
  /** What the next write takes: whoever comes while one is under way shares the one behind it. */
  #next: { marks: Marks; done: Promise<void> } | undefined;

  private constructor(folder: string, key: MarksKey) {
    this.#folder = folder;
    this.#key = key;
    this.found = this.#read();
    this.#counter = this.found.kind === "good" ? this.found.counter : 0;
  }

  /** Reads them; the folder is made if it is not there. @throws the operating system's error, untranslated */
  static open(stateDir: string, key: MarksKey): MarksFiles {
    const folder = join(stateDir, TRUST_FOLDER);
    makeFolder(folder, 0o700);
    return new MarksFiles(folder, key);
  }

  /**
   * Writes marks into the older of the two.
   *
   * @returns when they, or newer ones, are flushed
   * @throws the operating system's error, untranslated; the other file is as it was
   */
  write(marks: Marks): Promise<void> {
    if (this.#next !== undefined) {
      this.#next.marks = marks;
      return this.#next.done;
    }
    const done = this.#last.then(() => {
      const waiting = this.#next?.marks ?? marks;
      this.#next = undefined;
      return this.#writeNow(waiting);
    });
    this.#next = { marks, done };
    this.#last = done.catch(() => {});
    return done;
  }

  async #writeNow(marks: Marks): Promise<void> {
    const counter = this.#counter + 1;
    const line = JSON.stringify({ counter, ...marks });
    const signature = this.#key.sign(Buffer.from(`${LABEL}${line}`));
    const file = join(this.#folder, FILES[counter % 2] ?? FILES[0]);
    const isNew = !existsSync(file);
    // In place, so that a failed attempt is tried again on the same file: the good one is the other.
    const handle = await open(file, "w", 0o600);
    try {
      await handle.writeFile(`${line}\n${Buffer.from(signature).toString("base64")}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (isNew) flushFolder(this.#folder);
    this.#counter = counter;
  }

  #read(): FoundMarks {
    let newest: Extract<FoundMarks, { kind: "good" }> | undefined;
    let isAny = false;
    for (const name of FILES) {
      const file = join(this.#folder, name);
      if (!existsSync(file)) continue;
      isAny = true;
      const one = readMarks(file, this.#key);
      if (one !== undefined && one.counter > (newest?.counter ?? 0)) newest = one;
    }
    return newest ?? { kind: isAny ? "damaged" : "absent" };
  }
}

function readMarks(file: string, key: MarksKey): Extract<FoundMarks, { kind: "good" }> | undefined {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > FILE_MAX_BYTES) return undefined;
    const [line = "", signature = ""] = bytes.toString("utf8").split("\n");
    const signed = Buffer.from(`${LABEL}${line}`);
    if (!key.verify(signed, Buffer.from(signature, "base64"))) return undefined;
    const { counter, ...found } = JSON.parse(line) as Record<string, unknown>;
    const marks = marksFrom(found);
    if (marks === undefined || !Number.isSafeInteger(counter)) return undefined;
    return { kind: "good", marks, counter: Number(counter) };
  } catch {
    // A file that cannot be read is one that says nothing; the other one may.
    return undefined;
  }
}
