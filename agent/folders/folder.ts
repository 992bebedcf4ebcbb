/**
 * One open folder. Names are looked up in what was opened, not in what has been put under its path since: between
 * two calls a stranger may swap a folder for a link (04 attacks 2 to 4).
 *
 * Linux has paths by descriptor for that. Elsewhere the path is used again, and each subfolder is asked where it
 * really is: on Windows whoever may write can make a junction, and some mount points look like folders.
 *
 * @module
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { parse, resolve, sep, toNamespacedPath } from "node:path";
import { type Mount, mountById, mountTable } from "../host/mounts.ts";
import { hasDescriptorPaths, isHeld } from "../host/platform.ts";
import { codeIs, doing, folderFault } from "./faults.ts";
import type { FolderRole } from "./messages.ts";
import { type ByteName, byteNameFrom, textOf } from "./names.ts";
import type { Patience } from "./patience.ts";
import { isUnc } from "./share-kind.ts";

export type EntryKind = "file" | "folder" | "other";
export interface Entry {
  readonly name: ByteName;
  readonly kind: EntryKind;
}

/** Entries that one call of the system brings. */
const LIST_BATCH = 512;
const FOLDER_FLAGS =
  constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NONBLOCK ?? 0);
/** 04 P21. */
const READ_FLAGS =
  constants.O_RDONLY |
  (constants.O_NOFOLLOW ?? 0) |
  (constants.O_NONBLOCK ?? 0) |
  (constants.O_NOCTTY ?? 0);
const CREATE_FLAGS =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

export class Folder implements Disposable {
  readonly role: FolderRole;
  readonly #patience: Patience;
  readonly #descriptor: number | undefined;
  /** With the separator at its end. */
  readonly #before: Buffer;
  #location: ByteName | undefined;

  private constructor(role: FolderRole, patience: Patience, path: string | Buffer, flags: number) {
    this.role = role;
    this.#patience = patience;
    if (hasDescriptorPaths) {
      this.#descriptor = openSync(path, FOLDER_FLAGS | flags);
      this.#before = Buffer.from(`/proc/self/fd/${this.#descriptor}/`);
    } else {
      const status = flags === 0 ? statSync(path) : lstatSync(path);
      if (!status.isDirectory()) throw notFolder();
      const bytes = Buffer.from(path);
      // The root of a drive or of a share has it already.
      const isRoot = bytes.at(-1) === sep.charCodeAt(0);
      this.#before = isRoot ? bytes : Buffer.concat([bytes, Buffer.from(sep)]);
    }
  }

  /** Opens a configured folder; links on its path are followed, for an administrator made them. */
  static open(role: FolderRole, patience: Patience, path: string): Folder {
    return doing(
      role,
      "open",
      () => new Folder(role, patience, toNamespacedPath(resolve(path)), 0),
    );
  }

  /** A folder in it. @returns nothing if it is not there, or is a link or a file */
  sub(name: ByteName): Folder | undefined {
    try {
      const path = this.path(name);
      const sub = new Folder(this.role, this.#patience, path, constants.O_NOFOLLOW ?? 1);
      return sub.#descriptor !== undefined || sub.#isIn(this, name) ? sub : undefined;
    } catch (error) {
      if (codeIs(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
      throw folderFault(this.role, "open", error);
    }
  }

  /** Where it really is, all links resolved. */
  location(): ByteName {
    this.#location ??= doing(this.role, "locate", () => {
      if (this.#descriptor === undefined) {
        return byteNameFrom(realpathSync.native(this.#before.toString("utf8")));
      }
      return readlinkSync(`/proc/self/fd/${this.#descriptor}`, { encoding: "buffer" }).toString(
        "latin1",
      );
    });
    return this.#location;
  }

  #isIn(parent: Folder, name: ByteName): boolean {
    const wanted = joinedPath(parent.location(), name);
    return textOf(this.location()).toLowerCase() === textOf(wanted).toLowerCase();
  }

  /** What is mounted there; elsewhere than on Linux the share, or the volume by its letter and its number. */
  mount(): Mount {
    const elsewhere = { type: "", source: "", point: "", root: "" };
    if (this.#descriptor === undefined) {
      const { root } = parse(this.location());
      return { ...elsewhere, source: isUnc(root) ? root : `${root} ${this.#volume}` };
    }
    const info = readFileSync(`/proc/self/fdinfo/${this.#descriptor}`, "latin1");
    const [, id] = /^mnt_id:\s*(\d+)/m.exec(info) ?? [];
    return mountById(mountTable(), Number(id)) ?? elsewhere;
  }

  /** Its serial number, of which some calls of Windows tell 32 bits and others 64. */
  get #volume(): bigint {
    return BigInt.asUintN(32, this.status().dev);
  }

  /** Its own status. */
  status(): BigIntStats {
    return doing(this.role, "look", () => {
      const bigint = { bigint: true } as const;
      if (this.#descriptor !== undefined) return fstatSync(this.#descriptor, bigint);
      return statSync(this.#before, bigint);
    });
  }

  /** For calls of the system that this class does not make. @param name one component */
  path(name: ByteName): Buffer {
    return Buffer.concat([this.#before, Buffer.from(name, "latin1")]);
  }

  /** The status of an entry itself, no link followed. @returns nothing if there is none */
  look(name: ByteName): BigIntStats | undefined {
    return doing(this.role, "look", () => {
      return lstatSync(this.path(name), { bigint: true, throwIfNoEntry: false });
    });
  }

  /** Every entry once; not while one of its folders is listed with this method too deep. */
  *list(): Generator<Entry> {
    const path = this.#descriptor === undefined ? this.#before : this.#before.subarray(0, -1);
    const folder = doing(this.role, "list", () =>
      // The types know text alone; with bytes, names are bytes.
      opendirSync(path, { encoding: "buffer" as BufferEncoding, bufferSize: LIST_BATCH }),
    );
    try {
      for (;;) {
        const entry = doing(this.role, "list", () => folder.readSync());
        if (entry === null) return;
        const kind = entry.isFile() ? "file" : entry.isDirectory() ? "folder" : "other";
        yield { name: Buffer.from(entry.name as unknown as Uint8Array).toString("latin1"), kind };
      }
    } finally {
      folder.closeSync();
    }
  }

  /** 04 P21: no link followed, no waiting for a pipe. What it is must be asked of the descriptor. @returns a system code */
  openToRead(name: ByteName): number | "ENOENT" | "ELOOP" | "ENXIO" {
    try {
      return this.#patience.with(() => openSync(this.path(name), READ_FLAGS));
    } catch (error) {
      for (const code of ["ENOENT", "ELOOP", "ENXIO"] as const)
        if (codeIs(error, code)) return code;
      throw folderFault(this.role, "read", error);
    }
  }

  /** A new file. @returns its descriptor, or nothing if there is something under that name */
  create(name: ByteName, mode: number): number | undefined {
    try {
      const descriptor = openSync(this.path(name), CREATE_FLAGS, mode);
      setMode(descriptor, mode);
      return descriptor;
    } catch (error) {
      if (codeIs(error, "EEXIST")) return undefined;
      throw folderFault(this.role, "create", error);
    }
  }

  /** A second name, if that is free. `refused`: the file system has no links, or not of this file for this account. */
  link(
    name: ByteName,
    to: Folder,
    toName: ByteName,
  ): "done" | "exists" | "otherFileSystem" | "refused" {
    try {
      linkSync(this.path(name), to.path(toName));
      return "done";
    } catch (error) {
      if (codeIs(error, "EEXIST")) return "exists";
      if (codeIs(error, "EXDEV")) return "otherFileSystem";
      // EPERM also by fs.protected_hardlinks: of what others own, and we may not write.
      if (codeIs(error, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EISDIR"))
        return "refused";
      throw folderFault(to.role, "link", error);
    }
  }

  /** Replaces what is under `toName`. @returns whether it was there to be renamed */
  rename(name: ByteName, to: Folder, toName: ByteName): "done" | "gone" | "otherFileSystem" {
    try {
      this.#patience.with(() => renameSync(this.path(name), to.path(toName)));
      return "done";
    } catch (error) {
      if (codeIs(error, "ENOENT")) return "gone";
      if (codeIs(error, "EXDEV")) return "otherFileSystem";
      throw folderFault(this.role, "rename", error);
    }
  }

  /** @returns whether it was there */
  remove(name: ByteName): boolean {
    try {
      this.#patience.with(() => unlinkSync(this.path(name)));
      return true;
    } catch (error) {
      if (codeIs(error, "ENOENT")) return false;
      throw folderFault(this.role, "delete", error);
    }
  }

  /** @returns the folder of that name, made if need be */
  make(name: ByteName, mode: number): Folder {
    const isNew = doing(this.role, "makeFolder", () => {
      try {
        mkdirSync(this.path(name), mode);
        return true;
      } catch (error) {
        if (codeIs(error, "EEXIST")) return false;
        throw error;
      }
    });
    const made = this.sub(name);
    if (made === undefined) throw folderFault(this.role, "makeFolder", { code: "ENOTDIR" });
    if (isNew) {
      if (made.#descriptor !== undefined) setMode(made.#descriptor, mode);
      this.flush();
    }
    return made;
  }

  /** @returns whether it was empty, and is gone */
  removeSub(name: ByteName): boolean {
    try {
      rmdirSync(this.path(name));
      return true;
    } catch (error) {
      if (codeIs(error, "ENOTEMPTY", "EEXIST", "ENOENT", "ENOTDIR")) return false;
      if (codeIs(error, "EPERM", "EACCES", "EBUSY")) return false;
      throw folderFault(this.role, "delete", error);
    }
  }

  /** 04 P10: known on Windows alone. What is not there is not held. */
  isHeld(name: ByteName): boolean {
    try {
      return isHeld(this.path(name));
    } catch (error) {
      // The next step finds that it is gone.
      if (codeIs(error, "ENOENT")) return false;
      throw folderFault(this.role, "holdTest", error);
    }
  }

  /** Makes names in it durable. Windows has no such call, and some shares refuse it. */
  flush(): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return;
    try {
      fsyncSync(descriptor);
    } catch (error) {
      if (!codeIs(error, "EINVAL", "ENOTSUP", "EOPNOTSUPP"))
        throw folderFault(this.role, "flush", error);
    }
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
  }
}

const notFolder = (): Error => Object.assign(new Error("It is no folder"), { code: "ENOTDIR" });

/** The root of a drive ends in the separator. */
const joinedPath = (folder: ByteName, name: ByteName): ByteName =>
  folder.endsWith(sep) ? `${folder}${name}` : `${folder}${sep}${name}`;

/**
 * Whatever the mask of the process or the source had (04 P33). Only an owner may: a file that was renamed stays its
 * sender's, and what cannot be changed there does not hold it up; it lies in a folder that is ours.
 */
export function setMode(descriptor: number, mode: number): void {
  try {
    fchmodSync(descriptor, mode);
  } catch (error) {
    if (!codeIs(error, "EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "EROFS", "EINVAL")) throw error;
  }
}
