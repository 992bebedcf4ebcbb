/**
 * Copies of what was sent, in a folder a day (04 P58).
 *
 * A copy is made before the file gets its final name: where it cannot be kept, nothing has been published.
 *
 * @module
 */
import { closeSync, fsyncSync } from "node:fs";
import { NAMES_TRIED_MAX_COUNT } from "../limits.ts";
import { doing, folderFault } from "./faults.ts";
import { isNamed, isSameContent, writeAll } from "./outlet-content.ts";
import { isRemoved, TemporaryFiles } from "./outlet-leftovers.ts";
import type { OutletFile, OutletSettings } from "./outlet-messages.ts";
import { nameAfterCollision } from "./outlet-names.ts";
import type { Visit } from "./roots.ts";

export interface SentCopy {
  append(bytes: Uint8Array): void;
  /** Flushed, under this name or one like it in the folder of its day. */
  keep(visit: Visit, name: string): void;
  close(): void;
  drop(visit: Visit): void;
}

export class SentCopies {
  readonly #settings: OutletSettings;
  readonly #temporary: TemporaryFiles;
  readonly #touched: (step: string) => void;

  constructor(settings: OutletSettings, touched: (step: string) => void) {
    const { channel, tempSuffix, fileMode } = settings;
    this.#settings = settings;
    this.#temporary = new TemporaryFiles(channel, tempSuffix, fileMode);
    this.#touched = touched;
  }

  sweep(visit: Visit): number {
    return this.#temporary.sweep(visit.root("sent"), () => this.#touched("list"));
  }

  begin(visit: Visit, file: OutletFile): SentCopy {
    const made = this.#temporary.create(visit.root("sent"), file.key);
    this.#touched("createCopy");
    let isOpen = true;
    const close = (): void => {
      if (isOpen) closeSync(made.descriptor);
      isOpen = false;
    };
    return {
      close,
      append: (bytes) => doing("sent", "write", () => writeAll(made.descriptor, bytes)),
      keep: (during, name) => {
        doing("sent", "flush", () => fsyncSync(made.descriptor));
        close();
        this.#name(during, made.name, name, file);
        isRemoved(during.root("sent"), made.name);
        this.#touched("keepCopy");
      },
      drop: (during) => {
        close();
        isRemoved(during.root("sent"), made.name);
      },
    };
  }

  #name(visit: Visit, temporary: string, name: string, file: OutletFile): void {
    const [year = "", month = "", day = ""] = dayOf(file.sentAtMs);
    const folder = visit.made("sent", `${year}/${month}/${day}`, this.#settings.folderMode);
    const compared = (): void => this.#touched("compare");
    for (let attempt = 0; attempt < NAMES_TRIED_MAX_COUNT; attempt++) {
      const target = attempt === 0 ? name : nameAfterCollision(name, attempt, file);
      const isKept =
        isNamed(visit.root("sent"), temporary, folder, target) ||
        // By a try that did not come further.
        isSameContent(folder, target, file, compared);
      if (isKept) {
        folder.flush();
        return;
      }
    }
    throw folderFault("sent", "publish", { code: "EEXIST" });
  }
}

/** `yyyy`, `mm`, `dd`, UTC. */
const dayOf = (atMs: number): string[] => new Date(atMs).toISOString().slice(0, 10).split("-");
