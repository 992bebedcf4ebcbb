/** Where add-ons lie when a person runs the executable as it was downloaded: in a folder of theirs alone (09 PK9). @module */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, parse, resolve, sep } from "node:path";

/** Set by a person whose home does not let programs run (`noexec`). */
const FOLDER_VARIABLE = "HOLDFAST_LIB_DIR";
const OTHERS_MAY_WRITE = 0o022;
const STICKY = 0o1000;
const ROOT_UID = 0;

/**
 * Writes a file unless it is there; who loads it verifies it.
 *
 * @returns its path
 * @throws {Error} of a system call, or if the folder is a link's or another's
 */
export function placeLoose(name: string, bytes: () => Uint8Array): string {
  const folder = looseFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  refuseUnlessPrivate(folder);
  const file = join(folder, name);
  if (existsSync(file)) return file;
  const temporary = `${file}.${randomBytes(8).toString("hex")}`;
  const fd = openSync(temporary, "wx", 0o600);
  try {
    const content = bytes();
    for (let at = 0; at < content.length; ) at += writeSync(fd, content, at);
    fsyncSync(fd);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  // Another process may have been faster: its file is the same, or is refused.
  renameSync(temporary, file);
  return file;
}

function looseFolder(): string {
  const { env, platform } = process;
  const named = env[FOLDER_VARIABLE];
  const cache = platform === "win32" ? env["LOCALAPPDATA"] : env["XDG_CACHE_HOME"];
  const home =
    platform === "win32" ? join(homedir(), "AppData", "Local") : join(homedir(), ".cache");
  const folder =
    named ??
    (platform === "win32"
      ? join(cache ?? home, "Holdfast", "lib")
      : join(cache ?? home, "holdfast", "lib"));
  if (!isAbsolute(folder)) throw new Error("not an absolute path");
  return resolve(folder);
}

/** Whoever may write there, or exchange a folder above it, could have the process run their code. */
function refuseUnlessPrivate(folder: string): void {
  const { root } = parse(folder);
  let path = root;
  const parts = folder.slice(root.length).split(sep);
  const own = process.getuid?.();
  for (const part of parts) {
    path = join(path, part);
    const found = lstatSync(path);
    if (found.isSymbolicLink()) throw new Error("a link is in its path");
    if (own === undefined) continue;
    const isOurs = found.uid === own || (found.uid === ROOT_UID && path !== folder);
    const othersWrite = (found.mode & OTHERS_MAY_WRITE) !== 0;
    // As `/tmp`: others may write there, and not touch what is ours.
    const isSticky = (found.mode & STICKY) !== 0 && path !== folder;
    if (!isOurs || (othersWrite && !isSticky)) throw new Error("not private");
  }
}
