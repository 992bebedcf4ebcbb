/**
 * A copy of the tree in which defects can be planted: the live tree is never touched, for other tests run
 * on it at the same time. Its files are links, for writing two thousand of them takes a second or two of a processor: a
 * defect comes as another file in the place of the link, and nothing may write into what lies there.
 *
 * @module
 */
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const NO_LINK = new Set(["EXDEV", "EPERM", "EMLINK"]);
const NOT_COPIED = new Set([".git", ".demo", "build", "dist", "node_modules"]);

/** One change of a defect. */
export interface Edit {
  /** From the root of the tree. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly search: string;
  readonly replacement: string;
}

export class PlantedCopy implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "holdfast-planted-"));

  /** @param edits planted for as long as the copy lives @throws {Error} if one does not fit exactly once */
  constructor(edits: readonly Edit[] = []) {
    linkTree(ROOT, this.root);
    symlinkSync(join(ROOT, "node_modules"), join(this.root, "node_modules"));
    try {
      this.plant(edits);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Plants one defect.
   *
   * @returns takes it out again when disposed
   * @throws {Error} if a search text is not found exactly once; nothing is changed then
   */
  plant(edits: readonly Edit[]): Disposable {
    const files = new Map<string, { readonly before: string; after: string }>();
    for (const { file, search, replacement } of edits) {
      const path = join(this.root, file);
      const known = files.get(path);
      const text = known?.after ?? readFileSync(path, "utf8");
      const [head, tail, ...more] = text.split(search);
      if (head === undefined || tail === undefined || more.length > 0) {
        const count = text.split(search).length - 1;
        throw new Error(`${file} holds ${count} times, not once: ${search}`);
      }
      files.set(path, { before: known?.before ?? text, after: head + replacement + tail });
    }
    for (const [path, { after }] of files) replaceFile(path, after);
    return {
      [Symbol.dispose]: () => {
        for (const [path, { before }] of files) replaceFile(path, before);
      },
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** @param to exists, and is empty */
function linkTree(from: string, to: string): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (NOT_COPIED.has(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      mkdirSync(target);
      linkTree(source, target);
    } else {
      linkFile(source, target);
    }
  }
}

/** A copy where the folder for temporary files lies on another disk, or the tree is somebody else's. */
function linkFile(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch (error) {
    if (!NO_LINK.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    copyFileSync(source, target);
  }
}

function replaceFile(path: string, text: string): void {
  const { mode } = statSync(path);
  rmSync(path);
  writeFileSync(path, text, { mode });
}
