/** Files that were claimed and left in place (04 P19): not to be read again while they are as they were. @module */
import { isSameState } from "./file-state.ts";
import type { ClaimedFiles, FilePart, FileState } from "./messages.ts";
import { type ByteName, byteNameOf } from "./names.ts";

interface Left {
  readonly claim: string;
  readonly part: FilePart;
  readonly state: FileState;
  poll: number;
}

/**
 * As many as there are files in the folder; each costs what its name and its state cost.
 *
 * A claim is over only when the name of its data is in a whole listing no more, or another file has it. That a file
 * cannot be looked at, has a second name for a moment, or is not tracked says nothing: its row would be forgotten, and
 * the file sent again.
 */
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
      for (const { name, part, size, modifiedNs, inode } of files) {
        const state = { size, modifiedNs, inode };
        this.#files.set(byteNameOf(name), { claim, part, state, poll: this.#poll });
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

  /** A name of the listing, whatever is under it. */
  see(name: ByteName): void {
    const left = this.#files.get(name);
    if (left !== undefined) left.poll = this.#poll;
  }

  /** Whether this file is one of them; one that has changed is none any more. */
  has(name: ByteName, state: FileState): boolean {
    const left = this.#files.get(name);
    if (left === undefined) return false;
    if (isSameState(left.state, state)) return true;
    this.#end(name, left);
    return false;
  }

  /**
   * After a listing.
   *
   * @param isWhole it had every file
   * @returns claims whose data has gone or changed. Each is named once
   */
  end(isWhole: boolean): readonly string[] {
    for (const [name, left] of this.#files) {
      if (isWhole && left.poll !== this.#poll) this.#end(name, left);
    }
    return this.#gone;
  }

  #end(name: ByteName, { claim, part }: Left): void {
    this.#files.delete(name);
    // What belongs to it may be touched or removed: the data is what was sent.
    if (part === "data") this.#gone.push(claim);
  }
}
