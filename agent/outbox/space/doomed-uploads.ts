/** Slices of large bodies that no row keeps any more go in steps: 256 MiB are two thousand of them (05 S11). @module */
import { UPLOAD_STEP_SLICES } from "../../limits.ts";
import { readUnlessCorrupt } from "../format/fault.ts";
import type { Chore } from "../writing/chores.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import { SLICES_MAX_COUNT } from "../writing/uploads.ts";

/** A stop has a budget: 128 MiB, some tenths of a second. */
const FINISH_STEPS = 64;
/** One small look-up. */
const LOOK_MS = 1_000;

export class DoomedUploads implements Chore {
  readonly name = "uploads";
  readonly #store: GroupCommit;
  /** Of the upload that is going: its slices from here on are gone, or cannot be deleted. */
  #at = { upload: 0, below: SLICES_MAX_COUNT };

  constructor(store: GroupCommit) {
    this.#store = store;
  }

  /** Before the store is closed: what is left at the next start would be swept while senders wait. */
  finish(): void {
    for (let steps = 0; steps < FINISH_STEPS && this.step() === 0; steps++);
  }

  step(): number {
    const { prepared } = this.#store;
    const upload = prepared.uploadDoomed.get() as number | undefined;
    if (upload === undefined) return LOOK_MS;
    const below = this.#at.upload === upload ? this.#at.below : SLICES_MAX_COUNT;
    // From its end: what is left stays an upload that only lacks slices, as one that still arrives.
    const ordinals = prepared.sliceLast.all(upload, below, UPLOAD_STEP_SLICES) as number[];
    // Pages that SQLite cannot follow cannot be given back either; nor may a transaction meet them.
    const going = ordinals.filter(
      (ordinal) => readUnlessCorrupt(() => prepared.sliceRead.get(upload, ordinal)) !== undefined,
    );
    this.#store.inTransaction(() => {
      for (const ordinal of going) prepared.sliceDeleteAt.run(upload, ordinal);
      if (ordinals.length < UPLOAD_STEP_SLICES) prepared.uploadDelete.run(upload);
    });
    this.#at = { upload, below: ordinals.at(-1) ?? 0 };
    return 0;
  }
}
