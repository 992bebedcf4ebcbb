/**
 * Whether the folders of all channels are apart: what the agent writes must never be read as a drop, and no two
 * channels may work in one folder (04 P2).
 *
 * By their names alone, before anything is touched; links are the folder test's business (P3, P47).
 *
 * @module
 */
import { dirname, isAbsolute, relative, sep } from "node:path";

export interface UsedFolder {
  /** Where it stands, or would stand, in the file: index of the channel, and its key. */
  readonly channel: number;
  readonly key: string;
  /** It does not stand there. */
  readonly isDefault?: boolean;
  /** Absolute. */
  readonly path: string;
  readonly use: "drop" | "written";
  /** Of a drop folder: its subfolders are drops, too. */
  readonly recursive: boolean;
}

export interface FolderClash {
  readonly channel: number;
  readonly key: string;
  readonly message: string;
}

/**
 * The first clash of each folder with one before it, or with the state folder.
 *
 * @param stateDir absent where it is not known: a document is written on another machine
 */
export function folderClashes(folders: readonly UsedFolder[], stateDir?: string): FolderClash[] {
  const state = { channel: -1, key: "stateDir", use: "written", recursive: false } as const;
  const fixed: UsedFolder[] = stateDir === undefined ? [] : [{ ...state, path: stateDir }];
  const near = new Neighbours();
  for (const folder of fixed) near.add(folder);
  return folders.flatMap((folder) => {
    const messages = near.of(folder).map((other) => clash(folder, other));
    near.add(folder);
    const message = messages.find((one) => one !== undefined);
    return message === undefined ? [] : [{ channel: folder.channel, key: folder.key, message }];
  });
}

/** Folders by where they lie: a thousand channels have four thousand, and most have nothing to do with each other. */
class Neighbours {
  readonly #at = new Map<string, UsedFolder[]>();
  readonly #below = new Map<string, UsedFolder[]>();
  readonly #order = new Map<UsedFolder, number>();

  add(folder: UsedFolder): void {
    const [own = "", ...above] = waysUp(folder.path);
    this.#order.set(folder, this.#order.size);
    this.#put(this.#at, own, folder);
    for (const path of above) this.#put(this.#below, path, folder);
  }

  /** Those before it that it lies in, that lie in it, or are the same, in their order. */
  of({ path }: UsedFolder): readonly UsedFolder[] {
    const ways = waysUp(path);
    const found = ways.flatMap((one) => this.#at.get(one) ?? []);
    found.push(...(this.#below.get(ways[0] ?? "") ?? []));
    return found.sort((a, b) => (this.#order.get(a) ?? 0) - (this.#order.get(b) ?? 0));
  }

  #put(map: Map<string, UsedFolder[]>, path: string, folder: UsedFolder): void {
    const there = map.get(path);
    if (there === undefined) map.set(path, [folder]);
    else there.push(folder);
  }
}

/** A path and every folder above it. */
function waysUp(path: string): string[] {
  const ways = [comparable(path)];
  for (let at = ways[0] ?? ""; dirname(at) !== at; at = dirname(at)) ways.push(dirname(at));
  return ways;
}

function clash(one: UsedFolder, other: UsedFolder): string | undefined {
  const own = placeOf(one);
  const named =
    other.channel === -1
      ? "stateDir"
      : `${other.key} of channels[${other.channel}]${placeOf(other)}`;
  if (isInside(one.path, other.path) && isInside(other.path, one.path)) {
    return `${own} is the same folder as ${named}: give each its own`.trimStart();
  }
  const isDrop = one.use === "drop" || other.use === "drop";
  if (!isDrop) return undefined;
  const bad = wouldBeRead(one, other) || wouldBeRead(other, one);
  return bad
    ? `${own} and ${named} lie in one another: what is written there would be read as a drop`.trimStart()
    : undefined;
}

/** Whoever wrote the file has not written this. */
const placeOf = ({ isDefault = false, path }: UsedFolder): string =>
  isDefault ? ` (by default ${path})` : "";

/** Whether what is written to, or below, one folder may turn up in the drop folder. */
function wouldBeRead(drop: UsedFolder, written: UsedFolder): boolean {
  if (drop.use !== "drop") return false;
  if (written.use === "drop") return drop.recursive && isInside(written.path, drop.path);
  return isInside(drop.path, written.path) || (drop.recursive && isInside(written.path, drop.path));
}

/** Whether `path` is `folder` or lies below it. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(comparable(folder), comparable(path));
  // Between two drives, or two shares, there is none.
  return way === "" || !(way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way));
}

/** Windows does not tell case apart. */
const comparable = (path: string): string => (sep === "\\" ? path.toLowerCase() : path);
