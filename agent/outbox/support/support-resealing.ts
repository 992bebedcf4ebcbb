/** What left outlives the key that it was sealed with (08 2.3, 5.4): stages of `Resealing`. @module */
import type { SealPlace } from "../../sealing/seal-place.ts";
import { readUnlessCorrupt } from "../format/fault.ts";
import type { Prepared } from "../writing/prepared.ts";
import { headPlace, slicePlace } from "./support-rows.ts";

export interface SupportResealingParts {
  readonly prepared: Prepared;
  /** @returns `undefined`: a newer key seals it already, or it does not open and is lost either way */
  readonly again: (sealed: Uint8Array | undefined, place: SealPlace) => Uint8Array | undefined;
  /** Takes what the step at hand has to write. */
  readonly write: (write: () => void) => void;
}

const HEADS = 100;
/** About a MiB. */
const SLICES = 8;

/** @returns what gives whether there is more to do, for heads and for slices */
export function supportStages(parts: SupportResealingParts): (() => boolean)[] {
  return [headStage(parts), sliceStage(parts)];
}

function headStage({ prepared, again, write }: SupportResealingParts): () => boolean {
  let after = 0;
  return () => {
    type Row = [number, Uint8Array, number, number, number, Uint8Array | null];
    const page = readUnlessCorrupt(() => prepared.supportAfter.all(after, HEADS) as Row[]) ?? [];
    for (const [id, , , , , head] of page) {
      after = id;
      const fresh = again(head ?? undefined, headPlace(id));
      if (fresh !== undefined) write(() => prepared.supportHeadReseal.run(fresh, id));
    }
    return page.length === HEADS;
  };
}

function sliceStage({ prepared, again, write }: SupportResealingParts): () => boolean {
  let after: readonly [copy: number, part: number, ordinal: number] = [0, -1, -1];
  return () => {
    const rows = prepared.supportSliceAfter.all(...after, SLICES) as [number, number, number][];
    for (const row of rows) {
      after = row;
      const sealed = readUnlessCorrupt(() => prepared.supportSliceAt.get(...row));
      const fresh = again(sealed as Uint8Array | undefined, slicePlace(...row));
      if (fresh !== undefined) write(() => prepared.supportSliceReseal.run(fresh, ...row));
    }
    return rows.length === SLICES;
  };
}
