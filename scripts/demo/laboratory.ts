/** A laboratory that puts files into a folder: written under a temporary name, then renamed, as good ones do. @module */
import { readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DemoMessage, demoMessage } from "./messages.ts";

const MESSAGES_A_FILE = 10;

export class Laboratory {
  readonly name = "L";
  /** Everything that was put into the folder, in the order of the files. */
  readonly acknowledged: DemoMessage[] = [];
  readonly #folder: string;
  #files = 0;

  /** @param folder the drop folder of the agent */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Puts so many batch files there, ten messages each. */
  drop(count: number): void {
    for (const last = this.#files + count; this.#files < last; this.#files++) {
      const messages = Array.from({ length: MESSAGES_A_FILE }, (_, n) =>
        demoMessage(this.name, this.#files * MESSAGES_A_FILE + n),
      );
      const name = `results-${String(this.#files).padStart(4, "0")}.hl7`;
      const parts = [
        Buffer.from("FHS|^~\\&|LAB|NORDKLINIK\rBHS|^~\\&|LAB|NORDKLINIK\r"),
        ...messages.map(({ bytes }) => bytes),
        Buffer.from(`BTS|${messages.length}\rFTS|1\r`),
      ];
      const path = join(this.#folder, name);
      writeFileSync(`${path}.tmp`, Buffer.concat(parts));
      renameSync(`${path}.tmp`, path);
      this.acknowledged.push(...messages);
    }
  }

  /** Files that still lie in the folder. */
  get waiting(): number {
    return readdirSync(this.#folder).length;
  }
}
