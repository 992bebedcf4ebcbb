/** Files that were claimed and left in place (04 P19): not to be read again while they are as they were. @module */
import { isSameState } from "./file-state.ts";
import type { ClaimedFiles, FileState } from "./messages.ts";
import { type ByteName, byteNameOf } from "./names.ts";

interface Left {
  readonly claim: string;
  readonly state: FileState;
  poll: number;
}

/** As many as there are files in the folder; each costs what its name and its state cost. */
export class LeftFiles {
  readonly #files = new Map<ByteName, Left>();
  #gone: string[] = [];
  #poll = 0;

  get count(): number {
    return this.#files.size;
  }

  /** Claims that have been made in place, now or before. */
  add(claims: readonly ClaimedFiles[]): void {
    for (const { claim, files } of claims) {
      for (const { name, size, modifiedNs, inode } of files) {
        const state = { size, modifiedNs, inode };
        this.#files.set(byteNameOf(name), { claim, state, poll: this.#poll });
      }
    }
  }

  /** They are withdrawn, or moved after all. */
  remove({ claim, files }: ClaimedFiles): void {
    for (const { name } of files) {
      const key = byteNameOf(name);
      if (this.#files.get(key)?.claim === claim) this.#files.delete(key);
    }
  }

  begin(): void {
    this.#poll += 1;
    this.#gone = [];
  }

  /** Whether this file is one of them; one that has changed is none any more. */
  has(name: ByteName, state: FileState): boolean {
    const left = this.#files.get(name);
    if (left === undefined) return false;
    if (isSameState(left.state, state)) {
      left.poll = this.#poll;
      return true;
    }
    this.#files.delete(name);
    this.#gone.push(left.claim);
    return false;
  }

  /** After a listing: claims of which a file has gone or changed. Each is named once. */
  end(): readonly string[] {
    for (const [name, left] of this.#files) {
      if (left.poll === this.#poll) continue;
      this.#files.delete(name);
      this.#gone.push(left.claim);
    }
    return [...new Set(this.#gone)];
  }
}
