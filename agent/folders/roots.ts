/**
 * The folders of one channel: opened anew for each call, and each time checked to be what they were when the channel was
 * opened (04 P47): an unmounted share looks like an idle folder.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Mount } from "../host/mounts.ts";
import { refuseNetworkDrives } from "./drive-letters.ts";
import { codeIs, folderMoved } from "./faults.ts";
import { Folder } from "./folder.ts";
import type { FolderRole, RecordedFolder } from "./messages.ts";
import { type ByteName, parentOf } from "./names.ts";
import type { Patience } from "./patience.ts";

export interface RootPath {
  readonly role: FolderRole;
  readonly path: string;
}

type Recorded = RecordedFolder;

/** What one call works with; whatever it opened is closed with it. */
export class Visit implements Disposable {
  readonly #roots: ReadonlyMap<FolderRole, Recorded>;
  readonly #patience: Patience;
  readonly #open = new Map<string, Folder>();
  readonly #changed = new Set<Folder>();

  constructor(roots: ReadonlyMap<FolderRole, Recorded>, patience: Patience) {
    this.#roots = roots;
    this.#patience = patience;
    patience.begin();
  }

  /** @throws {AgentError} `FOLDER_MOVED` if it is no longer the folder it was; `FOLDER_FAILED` */
  root(role: FolderRole): Folder {
    const known = this.#open.get(`${role}:`);
    if (known !== undefined) return known;
    const recorded = this.#roots.get(role);
    if (recorded === undefined) throw folderMoved(role, "path");
    const folder = openRecorded(recorded, this.#patience);
    this.#open.set(`${role}:`, folder);
    return folder;
  }

  /** A folder below a root. @returns nothing if it is not there, or a link is on the way */
  below(role: FolderRole, path: ByteName): Folder | undefined {
    if (path === "") return this.root(role);
    const key = `${role}:${path}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const found = this.below(role, parentOf(path))?.sub(path.slice(path.lastIndexOf("/") + 1));
    if (found !== undefined) this.#open.set(key, found);
    return found;
  }

  /** The same, made if need be. */
  made(role: FolderRole, path: ByteName, mode: number): Folder {
    const known = path === "" ? this.root(role) : this.#open.get(`${role}:${path}`);
    if (known !== undefined) return known;
    const parent = this.made(role, parentOf(path), mode);
    const made = parent.make(path.slice(path.lastIndexOf("/") + 1), mode);
    this.#open.set(`${role}:${path}`, made);
    return made;
  }

  /** Names in it have changed: `flush` makes that durable, once for all that happens before. */
  changed(folder: Folder): void {
    this.#changed.add(folder);
  }

  flush(): void {
    for (const folder of this.#changed) folder.flush();
    this.#changed.clear();
  }

  [Symbol.dispose](): void {
    for (const folder of this.#open.values()) folder[Symbol.dispose]();
    this.#open.clear();
  }
}

function openRecorded(recorded: Recorded, patience: Patience): Folder {
  const { role, path } = recorded;
  const folder = openAgain(role, path, patience);
  const { point, root, type, source } = folder.mount();
  const was = recorded.mount;
  const isMount =
    point === was.point && root === was.root && type === was.type && source === was.source;
  const isPath = folder.location() === recorded.location;
  if (isMount && isPath) return folder;
  folder[Symbol.dispose]();
  throw folderMoved(role, isMount ? "path" : "mount");
}

function openAgain(role: FolderRole, path: string, patience: Patience): Folder {
  try {
    return Folder.open(role, patience, path);
  } catch (error) {
    const code = (error as { facts?: { sysCode?: unknown } }).facts?.sysCode;
    if (codeIs({ code }, "ENOENT", "ENOTDIR", "ELOOP")) throw folderMoved(role, "path");
    throw error;
  }
}

export class Roots {
  readonly #recorded = new Map<FolderRole, Recorded>();
  readonly #patience: Patience;
  readonly #sentinel: string | undefined;

  /**
   * Records where the folders are.
   *
   * @param before where they were for a worker before this one; those must still be there
   * @throws {AgentError} `FOLDER_FAILED`, `FOLDER_DRIVE_LETTER`; `FOLDER_MOVED`, also without its sentinel
   */
  constructor(
    paths: readonly RootPath[],
    sentinelFile: string | undefined,
    patience: Patience,
    before: readonly RecordedFolder[] = [],
  ) {
    if (before.length === 0) refuseNetworkDrives(paths);
    this.#patience = patience;
    const [first] = paths;
    this.#sentinel =
      sentinelFile === undefined || first === undefined
        ? undefined
        : resolve(first.path, sentinelFile);
    for (const { role, path } of paths) {
      const known = before.find((one) => one.role === role && one.path === path);
      using folder =
        known === undefined ? Folder.open(role, patience, path) : openRecorded(known, patience);
      const { point, root, type, source } = folder.mount();
      const found = { location: folder.location(), mount: { point, root, type, source } };
      this.#recorded.set(role, { role, path, ...found });
      this.checkSentinel(role);
    }
  }

  /** P47: it must be there if it is configured; a link to it is one. */
  checkSentinel(role: FolderRole): void {
    if (this.#sentinel !== undefined && !existsSync(this.#sentinel))
      throw folderMoved(role, "sentinel");
  }

  get recorded(): readonly RecordedFolder[] {
    return [...this.#recorded.values()];
  }

  locationOf(role: FolderRole): ByteName {
    return this.#recorded.get(role)?.location ?? "";
  }

  mountOf(role: FolderRole): Mount | undefined {
    return this.#recorded.get(role)?.mount;
  }

  /** For one call. */
  visit(): Visit {
    return new Visit(this.#recorded, this.#patience);
  }
}
