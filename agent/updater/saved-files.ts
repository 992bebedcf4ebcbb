/**
 * The files of the program that runs, kept while another one is installed over them.
 *
 * They are kept as further names of the same files, where the file system can: whoever installs replaces files and never
 * writes into them, and going back then needs no room on a disk that may be full.
 *
 * @module
 */
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf } from "../errors.ts";
import { flushFolder, makeFolder } from "../host/atomic-file.ts";

export interface SavedFiles {
  /** Where they are kept; nobody but root may write there. */
  readonly folder: string;
  /** Absolute paths of files; what is absent is not kept. */
  readonly files: readonly string[];
}

/** Whole when it returns: what was kept before stays until then. */
export function saveFiles({ folder, files }: SavedFiles): void {
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  makeFolder(fresh, 0o700);
  for (const file of files.filter((one) => existsSync(one))) keep(file, join(fresh, file));
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  flushFolder(dirname(folder));
}

/** Idempotent. Each file is the one or the other, whole, whenever this is cut off. */
export function restoreFiles(folder: string): void {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  for (const name of names) {
    const kept = join(folder, name);
    if (!statSync(kept).isFile()) continue;
    const file = join("/", name);
    const temporary = join(dirname(file), `.${basename(file)}.before`);
    rmSync(temporary, { force: true });
    keep(kept, temporary);
    renameSync(temporary, file);
    flushFolder(dirname(file));
  }
}

function keep(from: string, to: string): void {
  makeFolder(dirname(to), 0o700);
  try {
    linkSync(from, to);
  } catch (error) {
    // Another file system, or one without links.
    if (!["EXDEV", "EPERM", "EMLINK", "ENOTSUP"].includes(codeOf(error))) throw error;
    copyFileSync(from, to, constants.COPYFILE_EXCL);
    chmodSync(to, statSync(from).mode & 0o777);
    flush(to);
  }
  flushFolder(dirname(to));
}

function flush(file: string): void {
  const descriptor = openSync(file, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
