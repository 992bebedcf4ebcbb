/**
 * Which file of an image was which when it was recorded. A disk keeps the numbers of its files over a power cut;
 * an image is written anew, and has others: rows get the ones of the image, and the store the ones it knows.
 *
 * @module
 */
import { lstatSync, utimesSync } from "node:fs";
import { join } from "node:path";
import type { Claimed, ClaimRow, DroppedFile, FileClaims } from "#agent/ingest/file-drop/claims.ts";

export class Identities {
  readonly #toRecorded = new Map<bigint, bigint>();
  readonly #toImage = new Map<bigint, bigint>();

  /** @param inodes by path in the image: as they were when it was recorded */
  constructor(dir: string, inodes: ReadonlyMap<string, bigint>) {
    for (const [path, recorded] of inodes) {
      // Its number may have been given away while its end was not durable yet: no disk does that.
      if (path.includes("/.holdfast-probe-")) continue;
      const now = inodeOf(join(dir, path));
      this.#toRecorded.set(now, recorded);
      this.#toImage.set(recorded, now);
    }
  }

  /** @returns nothing for a file that the image was not written with */
  recorded(path: string): bigint | undefined {
    return this.#toRecorded.get(inodeOf(path));
  }

  /** Gives a file of the image the time that it had. */
  setTime(recorded: bigint, path: string, seconds: number): void {
    if (this.#toImage.has(recorded)) utimesSync(path, seconds, seconds);
  }

  claims(own: FileClaims): FileClaims {
    return {
      claim: async (claims) => {
        const asked = claims.map(({ claim, files }) => ({ claim, files: files.map(this.#kept) }));
        return (await own.claim(asked)).map((one): Claimed => {
          const { sameAs } = one;
          return { ...one, sameAs: sameAs === undefined ? undefined : this.#row(sameAs) };
        });
      },
      withdraw: (ids) => own.withdraw(ids),
      attempt: (id) => own.attempt(id),
      known: (keys, sinceMs) => own.known(keys, sinceMs),
      settle: (files) => own.settle(files),
      setAside: (files) => own.setAside(files),
      plan: (files) => own.plan(files),
      moved: (files) => own.moved(files),
      forget: (ids) => own.forget(ids),
      open: async () =>
        (await own.open()).map((row) => ({
          ...this.#row(row),
          sameAs: row.sameAs === undefined ? undefined : this.#row(row.sameAs),
        })),
      movedSince: async (sinceMs) => (await own.movedSince(sinceMs)).map(this.#row),
      left: async () => (await own.left()).map(this.#row),
      keptTargets: (beforeMs) => own.keptTargets(beforeMs),
      list: async (beforeId, count) => (await own.list(beforeId, count)).map(this.#row),
    };
  }

  readonly #kept = (file: DroppedFile): DroppedFile => {
    return { ...file, inode: this.#toRecorded.get(file.inode) ?? file.inode };
  };

  /** One that the image has lost is no file of it. */
  readonly #row = (row: ClaimRow): ClaimRow => {
    const files = row.files.map((file) => {
      return { ...file, inode: this.#toImage.get(file.inode) ?? -file.inode };
    });
    return { ...row, files };
  };
}

const inodeOf = (path: string): bigint => lstatSync(path, { bigint: true }).ino;
