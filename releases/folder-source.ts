/** Metadata in a folder that somebody else wrote: on a stick, beside a package. @module */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { ReleaseRefused, refused } from "./refusal.ts";
import type { ReleaseSource } from "./source.ts";

/** No link is followed, and a FIFO does not make us wait. Windows has neither flag. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

export class FolderSource implements ReleaseSource {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async metadata(name: string, maxBytes: number): Promise<Uint8Array | undefined> {
    const handle = await openOrNone(join(this.#folder, name));
    if (handle === undefined) return undefined;
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new ReleaseRefused(refused("MALFORMED", "W1", name));
      // One byte more than allowed says that it is too long, however long it is.
      const buffer = new Uint8Array(Math.min(stat.size, maxBytes) + 1);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
      return buffer.slice(0, bytesRead);
    } finally {
      await handle.close();
    }
  }
}

async function openOrNone(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, FLAGS);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") return undefined;
    throw error;
  }
}
