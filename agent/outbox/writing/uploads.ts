/**
 * The slices of large bodies: staged while a body arrives, kept by the rows that name them.
 *
 * One upload may hold the messages of a whole batch (03 F12), so it counts the rows that keep it and
 * goes with the last of them.
 *
 * @module
 */
import { AgentError } from "../../errors.ts";
import { UPLOAD_STEP_SLICES } from "../../limits.ts";
import { SEAL_OVERHEAD_BYTES } from "../../sealing/sealer.ts";
import type { Prepared } from "./prepared.ts";

interface Named {
  readonly totalBytes: number;
  uses: number;
}

/** More than any body has slices. */
export const SLICES_MAX_COUNT = 2 ** 31;

/** In place of the total: the upload was completed and counted before. */
export const COMPLETE_UPLOAD = -1;

export class Uploads {
  readonly #prepared: Prepared;
  /** What the entries of the open transaction name. */
  readonly #named = new Map<number, Named>();

  constructor(prepared: Prepared) {
    this.#prepared = prepared;
  }

  /** An entry of this transaction names the upload, whether or not a row will keep it. */
  name(upload: number, totalBytes: number): void {
    if (upload === 0 || totalBytes === COMPLETE_UPLOAD || this.#named.has(upload)) return;
    this.#named.set(upload, { totalBytes, uses: 0 });
  }

  /** A row keeps it. */
  use(upload: number): void {
    const named = this.#named.get(upload);
    if (named !== undefined) named.uses += 1;
  }

  /**
   * Marks what is kept as complete and forgets the rest (a repeat's slices were staged before anybody
   * could know). Slices have no ticket of their own: one that a full disk refused shows only here, and
   * no message may be acknowledged without it. The whole group is refused, for a message behind it on
   * the same connection must not come before its resend.
   *
   * @throws {AgentError} `STORE_FULL` if a slice is missing
   */
  flush(): void {
    for (const [upload, { totalBytes, uses }] of this.#named) {
      if (uses === 0) this.drop(upload);
      else this.#complete(upload, totalBytes, uses);
    }
    this.#named.clear();
  }

  rollback(): void {
    this.#named.clear();
  }

  /** One row less keeps it; perhaps one of this transaction, which is not counted in the store yet. */
  release(upload: number): void {
    const named = this.#named.get(upload);
    if (named !== undefined) {
      named.uses -= 1;
      return;
    }
    const uses = this.#prepared.uploadUses.get(upload) as number | undefined;
    // Between commits, for a page of it may be damaged: that must not refuse what is done here.
    if (uses === undefined || uses <= 1) this.#prepared.uploadDoom.run(upload);
    else this.#prepared.uploadRelease.run(upload);
  }

  /** One row more keeps a complete upload. */
  retain(upload: number): void {
    this.#prepared.uploadRetain.run(upload);
  }

  /** Takes back what was stored of a body that no row keeps; of a large one between commits, in steps. */
  drop(upload: number): void {
    const last = (this.#prepared.sliceLast.get(upload, SLICES_MAX_COUNT, 1) as number) ?? 0;
    if (last >= UPLOAD_STEP_SLICES) this.#prepared.uploadDoom.run(upload);
    else this.dropWhole(upload);
  }

  /** The same at once, whatever its size: before messages are taken. */
  dropWhole(upload: number): void {
    this.#prepared.sliceDelete.run(upload);
    this.#prepared.uploadDelete.run(upload);
  }

  #complete(upload: number, totalBytes: number, uses: number): void {
    const [count, next, bytes] = this.#prepared.sliceTotals.get(upload) as [number, number, number];
    if (count !== next || bytes - count * SEAL_OVERHEAD_BYTES !== totalBytes) {
      throw new AgentError("STORE_FULL", { slices: true });
    }
    this.#prepared.uploadComplete.run(uses, upload);
  }
}
