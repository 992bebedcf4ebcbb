/** What can be done in a folder, found by doing it with a file of our own. @module */
import { closeSync, fsyncSync, writeSync } from "node:fs";
import { systemChance } from "../host/clock.ts";
import { isWindows } from "../host/platform.ts";
import { doing, folderFault, stepFaultOf } from "./faults.ts";
import type { Folder } from "./folder.ts";
import type { FolderFinding, FolderRole } from "./messages.ts";
import { type ByteName, OWN_PREFIX } from "./names.ts";

const PROBE_MODE = 0o600;

export const PROBE_PREFIX: ByteName = `${OWN_PREFIX}probe-`;
export const probeName = (): ByteName =>
  `${PROBE_PREFIX}${Buffer.from(systemChance.bytes(6)).toString("hex")}`;

function makeProbe(folder: Folder, name: ByteName): void {
  const descriptor = folder.create(name, PROBE_MODE);
  if (descriptor === undefined) throw folderFault(folder.role, "create", { code: "EEXIST" });
  closeSync(descriptor);
}

/** How a file gets from one folder to the other by a rename. */
export type RenameFinding =
  | "kept"
  /** As another one: FAT on Windows numbers a file by the place of its name. */
  | "otherIdentity"
  | "otherFileSystem"
  /** None can be created, or it was taken at once: the folder test says why. */
  | "untried";

export function renameBetween(from: Folder, to: Folder): RenameFinding {
  const name = probeName();
  try {
    makeProbe(from, name);
  } catch (error) {
    stepFaultOf(error);
    return "untried";
  }
  let isThere = false;
  try {
    const before = from.look(name)?.ino;
    const renamed = from.rename(name, to, name);
    isThere = renamed === "done";
    if (!isThere) return renamed === "gone" ? "untried" : "otherFileSystem";
    return to.look(name)?.ino === before ? "kept" : "otherIdentity";
  } finally {
    (isThere ? to : from).remove(name);
  }
}

/** Whether files of ours can be linked. @returns yes, too, where none can be created: then nothing is known */
export function canLinkIn(folder: Folder): boolean {
  const name = probeName();
  try {
    makeProbe(folder, name);
    const linked = folder.link(name, folder, `${name}.link`);
    if (linked === "done") folder.remove(`${name}.link`);
    folder.remove(name);
    return linked === "done";
  } catch (error) {
    stepFaultOf(error);
    return true;
  }
}

type Step = FolderFinding["step"];

/**
 * The folder test (P3): each step by itself, those that are of no use after a failed one left out.
 *
 * @param open opens it, as a call does
 * @param isReadOnly nothing is ever written there
 */
export function testFolder(
  role: FolderRole,
  open: () => Folder,
  isReadOnly: boolean,
): FolderFinding[] {
  const found: FolderFinding[] = [];
  const step = (name: Step, act: () => void): boolean => {
    let sysCode: string | undefined;
    try {
      act();
    } catch (error) {
      sysCode = codeOfFault(error);
    }
    found.push({ folder: role, step: name, sysCode, warning: undefined });
    return sysCode === undefined;
  };
  let folder: Folder | undefined;
  step("exists", () => {
    folder = open();
  });
  if (folder === undefined) return found;
  if (isReadOnly) step("list", () => void [...take(folder, 1)]);
  else testWriting(folder, step);
  return found;
}

/** A folder that is another one now (P47), or may not be used (P60), is told like one that is not there. */
function codeOfFault(error: unknown): string {
  const { code } = error as { code?: unknown };
  if (code === "FOLDER_MOVED" || code === "FOLDER_DRIVE_LETTER") return code;
  return stepFaultOf(error).sysCode;
}

function* take(folder: Folder | undefined, count: number): Generator<ByteName> {
  if (folder === undefined) return;
  let taken = 0;
  for (const { name } of folder.list()) {
    if (taken++ >= count) return;
    yield name;
  }
}

function testWriting(folder: Folder, step: (name: Step, act: () => void) => boolean): void {
  const name = probeName();
  const renamed = `${name}.renamed`;
  let at = name;
  let descriptor: number | undefined;
  const isThere = step("create", () => {
    descriptor = folder.create(name, PROBE_MODE);
  });
  const file = descriptor;
  if (isThere && file !== undefined) {
    step("write", () => doing(folder.role, "write", () => writeSync(file, "holdfast")));
    step("flush", () => doing(folder.role, "flush", () => fsyncSync(file)));
    closeSync(file);
    if (step("rename", () => void folder.rename(name, folder, renamed))) at = renamed;
    step("flushFolder", () => folder.flush());
    step("read", () => {
      const opened = folder.openToRead(at);
      if (typeof opened === "string") throw folderFault(folder.role, "read", { code: opened });
      closeSync(opened);
    });
  }
  step("list", () => void [...take(folder, 1)]);
  if (isThere) step("delete", () => void folder.remove(at));
}

/**
 * P2: whether senders may write where only the agent should. Linux's bits say it of others, and of a group that
 * may write into the drop folder; access lists, on Windows too, are not read.
 */
export function isOpenToSenders(folder: Folder, drop: Folder): boolean {
  // There the bits say nothing: they are made up from one attribute of the file.
  if (isWindows) return false;
  const own = folder.status();
  const dropped = drop.status();
  const isShared = own.gid === dropped.gid && (dropped.mode & 0o020n) !== 0n;
  return (own.mode & 0o002n) !== 0n || ((own.mode & 0o020n) !== 0n && isShared);
}
