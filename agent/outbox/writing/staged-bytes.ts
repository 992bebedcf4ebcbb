/** Slices on their way to the writer: how much waits, of all uploads and of each (05 S8). @module */

/** Bytes of one upload: what one order brought, or one commit finished. */
export interface Staged {
  readonly upload: number;
  readonly bytes: number;
}

export class StagedBytes {
  readonly #byUpload = new Map<number, number>();
  /** Uploads whose body has not ended yet, and whether the store refused a slice of it. */
  readonly #arriving = new Map<number, boolean>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  of(upload: number): number {
    return this.#byUpload.get(upload) ?? 0;
  }

  add({ upload, bytes }: Staged): void {
    this.#total += bytes;
    this.#byUpload.set(upload, this.of(upload) + bytes);
  }

  /** A body begins to arrive. */
  begin(upload: number): void {
    this.#arriving.set(upload, false);
  }

  /** An entry names it now, or none ever will. */
  end(upload: number): void {
    this.#arriving.delete(upload);
  }

  /** One of its slices was refused: while it arrives, nobody must name it any more. */
  lose(upload: number): void {
    if (this.#arriving.has(upload)) this.#arriving.set(upload, true);
  }

  isLost(upload: number): boolean {
    return this.#arriving.get(upload) === true;
  }

  /** They were committed, or refused. */
  done(finished: readonly Staged[]): void {
    for (const { upload, bytes } of finished) {
      this.#total -= bytes;
      const left = this.of(upload) - bytes;
      if (left > 0) this.#byUpload.set(upload, left);
      else this.#byUpload.delete(upload);
    }
  }
}
