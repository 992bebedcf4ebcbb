/** A body that goes to the store in slices while it arrives (03 F7, 05 S11). @module */
import { createHash } from "node:crypto";
import { FRAGMENT_KEPT_BYTES } from "../limits.ts";
import type { Outbox } from "../outbox/outbox.ts";

export class LargeBody {
  readonly #outbox: Outbox;
  readonly upload: number;
  readonly #digest = createHash("sha256");
  /** The beginning, copied: the header is read from it after the slices were handed over. */
  #head: Uint8Array = new Uint8Array(0);
  #ordinal = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
    this.upload = outbox.newUpload();
  }

  get head(): Uint8Array {
    return this.#head;
  }

  /** @param slice handed over: its memory is gone afterwards */
  add(slice: Uint8Array<ArrayBuffer>): void {
    if (this.#ordinal === 0) this.#head = slice.slice(0, FRAGMENT_KEPT_BYTES);
    this.#digest.update(slice);
    this.#outbox.stage(this.upload, this.#ordinal, slice);
    this.#ordinal += 1;
  }

  /** Adds the rest and closes the digest. @returns SHA-256 over the whole body */
  finish(rest: Uint8Array): Uint8Array {
    if (rest.length > 0) this.add(new Uint8Array(rest));
    return this.#digest.digest();
  }

  /** Takes the slices back: the block turned out too large to keep. */
  discard(): void {
    this.#outbox.unstage(this.upload);
  }
}
