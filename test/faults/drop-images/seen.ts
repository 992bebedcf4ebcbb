/** Where the files of an image are, by what they were when they were dropped. @module */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { ClaimRow } from "#agent/ingest/file-drop/claims.ts";
import type { Identities } from "./identities.ts";
import { CHANNELS, type Channel, UNITS } from "./plan.ts";

export const PARTS = ["in", "work", "archive", "error"] as const;
export type Part = (typeof PARTS)[number];

/** One name of a file in the image. */
export interface SeenFile {
  readonly channel: Channel;
  readonly part: Part;
  readonly path: string;
  /** Relative to its part. */
  readonly name: string;
}

/** A name of a file that a sender has dropped. */
export interface DroppedName extends SeenFile {
  readonly recorded: bigint;
  /** Of the unit, and of the file in it. */
  readonly index: number;
  readonly at: number;
}

export class Seen {
  readonly #dir: string;
  readonly #identities: Identities;
  /** By recorded inode. */
  readonly #units = new Map<bigint, { readonly index: number; readonly at: number }>();
  readonly #dropped = new Set<number>();
  /** What may be there, and has no number yet. */
  #next: { readonly index: number; readonly at: number } | undefined;

  constructor(dir: string, marks: readonly string[], identities: Identities) {
    this.#dir = dir;
    this.#identities = identities;
    for (const mark of marks) {
      const [kind, index, at, inode] = mark.split(" ");
      const file = { index: Number(index), at: Number(at) };
      if (kind === "BEGIN") this.#next = file;
      if (kind === "FILE") this.#units.set(BigInt(inode ?? 0), file);
      if (kind === "FILE") this.#next = undefined;
      if (kind === "DROPPED") this.#dropped.add(file.index);
    }
  }

  /** Whether it is the file of which the power cut came between its creation and its mark, or what has become of that. */
  isNext({ channel, name }: SeenFile): boolean {
    const unit = this.#next === undefined ? undefined : UNITS[this.#next.index];
    const wanted = unit?.files[this.#next?.at ?? 0]?.name ?? "";
    return channel === unit?.channel && basename(name).startsWith(stemOf(wanted));
  }

  /** Units that have begun to be written. */
  get begun(): ReadonlySet<number> {
    return new Set([...this.#units.values()].map(({ index }) => index));
  }

  /** Units that a power cut must not have touched: flushed by their sender, or decided by the agent. */
  bound(rows: readonly ClaimRow[]): ReadonlySet<number> {
    const decided = rows.filter(({ state }) => state !== "claimed");
    return new Set([...this.#dropped, ...decided.flatMap((row) => this.unitOf(row) ?? [])]);
  }

  /** The unit whose data file a row is about. */
  unitOf({ files: [data] }: ClaimRow): number | undefined {
    return this.#units.get(data?.inode ?? 0n)?.index;
  }

  /** Every name in the folders, now. */
  names(): readonly SeenFile[] {
    return CHANNELS.flatMap((channel) =>
      PARTS.flatMap((part) => {
        const folder = join(this.#dir, channel, part);
        if (!existsSync(folder)) return [];
        return readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((entry) => !entry.isDirectory())
          .map((entry) => {
            const path = join(entry.parentPath, entry.name);
            return { channel, part, path, name: path.slice(folder.length + 1) };
          });
      }),
    );
  }

  /** Those of files that senders have dropped. */
  files(): readonly DroppedName[] {
    return this.names().flatMap((name) => {
      const recorded = this.#identities.recorded(name.path);
      const unit = recorded === undefined ? undefined : this.#units.get(recorded);
      return recorded === undefined || unit === undefined ? [] : [{ ...name, recorded, ...unit }];
    });
  }
}

export const stemOf = (name: string): string => name.slice(0, name.indexOf("."));

/** Whether a file holds what its sender wrote. */
export const isWhole = ({ index, at, path }: DroppedName): boolean =>
  UNITS[index]?.files[at]?.bytes.equals(readFileSync(path)) === true;

/** How reasons call it. */
export const titleOf = (index: number): string => {
  const unit = UNITS[index];
  return `${unit?.channel}/${unit?.files[0]?.name} (wave ${unit?.wave}, ${unit?.manner})`;
};
