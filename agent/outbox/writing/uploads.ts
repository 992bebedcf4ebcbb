/**
 * The slices of large bodies: staged while a body arrives, kept by the rows that name them.
 *
 * One upload may hold the messages of a whole batch (03 F12), so it counts the rows that keep it and
 * goes with the last of them. Until it is complete its arrival is one use more: that of a file whose messages are
 * stored in steps (04 P24) ends with the last step.
 *
 * @module
 */
import { AgentError } from "../../errors.ts";
import { UPLOAD_STEP_SLICES } from "../../limits.ts";
import { SEAL_OVERHEAD_BYTES } from "../../sealing/sealer.ts";
import type { Prepared } from "./prepared.ts";

interface Named {
  readonly totalBytes: number;
  /** More entries will name it, in other transactions. */
  readonly goesOn: boolean;
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

  /**
   * An entry of this transaction names the upload, whether or not a row will keep it.
   *
   * @param goesOn others will in other transactions
   */
  name(upload: number, totalBytes: number, goesOn = false): void {
    if (upload === 0 || totalBytes === COMPLETE_UPLOAD || this.#named.has(upload)) return;
    this.#named.set(upload, { totalBytes, goesOn, uses: 0 });
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
    for (const [upload, named] of this.#named) this.#end(upload, named);
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

  /** Nothing more will name it: without a row that keeps it it goes, a large one between commits, in steps. */
  drop(upload: number): void {
    if (this.#endArrival(upload)) return;
    const last = (this.#prepared.sliceLast.get(upload, SLICES_MAX_COUNT, 1) as number) ?? 0;
    if (last >= UPLOAD_STEP_SLICES) this.#prepared.uploadDoom.run(upload);
    else this.#delete(upload);
  }

  /** The same at once, whatever its size: before messages are taken. */
  dropWhole(upload: number): void {
    if (!this.#endArrival(upload)) this.#delete(upload);
  }

  #delete(upload: number): void {
    this.#prepared.sliceDelete.run(upload);
    this.#prepared.uploadDelete.run(upload);
  }

  /** Rows of earlier transactions that keep it, and whether it is complete. */
  #standing(upload: number): { readonly rows: number; readonly isComplete: boolean } {
    const row = this.#prepared.uploadStanding.get(upload) as [number, number] | undefined;
    const [complete, uses] = row ?? [0, 0];
    const isComplete = complete === 1;
    // One that is to go has no use at all.
    return { rows: isComplete ? uses : Math.max(0, uses - 1), isComplete };
  }

  /** @returns whether rows keep it */
  #endArrival(upload: number): boolean {
    const { rows, isComplete } = this.#standing(upload);
    if (rows > 0 && !isComplete) this.#prepared.uploadComplete.run(rows, upload);
    return rows > 0;
  }

  #end(upload: number, { totalBytes, goesOn, uses }: Named): void {
    const before = this.#standing(upload).rows;
    const rows = before + uses;
    if (rows === 0 && !goesOn) {
      if (before > 0) this.#prepared.uploadDoom.run(upload);
      else this.drop(upload);
      return;
    }
    // The slices that rows keep already were counted with the first of them.
    if (before === 0) this.#refuseUnlessWhole(upload, totalBytes);
    if (goesOn) this.#prepared.uploadGoesOn.run(rows + 1, upload);
    else this.#prepared.uploadComplete.run(rows, upload);
  }

  #refuseUnlessWhole(upload: number, totalBytes: number): void {
    const [count, next, bytes] = this.#prepared.sliceTotals.get(upload) as [number, number, number];
    if (count !== next || bytes - count * SEAL_OVERHEAD_BYTES !== totalBytes) {
      throw new AgentError("STORE_FULL", { slices: true });
    }
  }
}
