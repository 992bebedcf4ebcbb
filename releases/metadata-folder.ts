/**
 * W3: metadata that was believed, kept so that a power cut leaves the old or the new, whole.
 *
 * The library writes its files in place. It is given a copy of them, a generation of its own; once all of it is
 * believed, the copy is flushed and a pointer swapped.
 *
 * ```
 * current        g-K3f9aQ
 * g-K3f9aQ/      root.json timestamp.json snapshot.json targets.json
 * g-x81LmP/      what a run that failed, or was cut off, left: removed by the next one
 * ```
 *
 * @module
 */
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { createFile, flushFolder, makeFolder, replaceFile } from "#agent/host/atomic-file.ts";
import { inspectMetadata, ROLES, type RoleName } from "./inspect.ts";

const POINTER = "current";
const GENERATION = /^g-[A-Za-z0-9]{6}$/;

export class MetadataFolder {
  readonly #folder: string;

  /** @param folder made with mode 0700 if it is not there; nobody but the updater may write to it */
  constructor(folder: string) {
    this.#folder = folder;
    makeFolder(folder, 0o700);
  }

  /**
   * @param embedded the root that is compiled in
   * @returns path of a generation with `root.json` and perhaps more
   */
  begin(embedded: Uint8Array, { fromCache }: { readonly fromCache: boolean }): string {
    const current = this.#current();
    for (const name of readdirSync(this.#folder)) {
      const isLeft = name !== current && GENERATION.test(name);
      if (isLeft) rmSync(join(this.#folder, name), { recursive: true });
    }
    const work = mkdtempSync(join(this.#folder, "g-"));
    const cached = current === undefined ? undefined : join(this.#folder, current);
    // W3 Unreadable metadata: again from the root that is compiled in. Marks remember the rest (W4).
    if (fromCache && cached !== undefined && isAtLeast(cached, embedded)) {
      for (const role of ROLES) copyIfThere(cached, work, `${role}.json`);
    } else {
      createFile(join(work, "root.json"), embedded, 0o600);
    }
    return work;
  }

  /** Makes a generation the one that the next run starts from. */
  commit(work: string): void {
    // W3 Flush, then swap.
    for (const name of readdirSync(work)) flushFile(join(work, name));
    flushFolder(work);
    replaceFile(join(this.#folder, POINTER), work.slice(this.#folder.length + 1), 0o600);
  }

  discard(work: string): void {
    rmSync(work, { recursive: true, force: true });
  }

  #current(): string | undefined {
    try {
      const name = readFileSync(join(this.#folder, POINTER), "utf8");
      return GENERATION.test(name) && existsSync(join(this.#folder, name)) ? name : undefined;
    } catch {
      // None yet, or unreadable: the same, for marks lie elsewhere.
      return undefined;
    }
  }
}

/** @throws what the file system says; a file that was never written is undefined */
export function readRole(work: string, role: RoleName): Uint8Array | undefined {
  const path = join(work, `${role}.json`);
  return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined;
}

/** Whether a cached root can be read and is not older than the one that is compiled in, as after an upgrade. */
function isAtLeast(cached: string, embedded: Uint8Array): boolean {
  const bytes = readRole(cached, "root");
  const ours = inspectMetadata("root", embedded);
  const theirs = bytes === undefined ? undefined : inspectMetadata("root", bytes);
  if (ours.kind === "refused" || theirs === undefined || theirs.kind === "refused") return false;
  return theirs.version >= ours.version;
}

function copyIfThere(from: string, to: string, name: string): void {
  if (existsSync(join(from, name))) copyFileSync(join(from, name), join(to, name));
}

function flushFile(path: string): void {
  const descriptor = openSync(path, "r+");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
