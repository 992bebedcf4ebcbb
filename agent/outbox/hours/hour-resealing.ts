/** Hours outlive the key that their chains were sealed with (08 2.3): a stage of `Resealing`. @module */
import type { SealPlace } from "../../sealing/seal-place.ts";
import { readUnlessCorrupt } from "../format/fault.ts";
import type { Prepared } from "../writing/prepared.ts";
import { placeOf } from "./stretch-chains.ts";

export interface HourResealingParts {
  readonly prepared: Prepared;
  /** @returns `undefined`: a newer key seals it already, or it does not open and is lost either way */
  readonly again: (sealed: Uint8Array | undefined, place: SealPlace) => Uint8Array | undefined;
  /** Takes what the step at hand has to write. */
  readonly write: (write: () => void) => void;
}

/** A few milliseconds. */
const ROWS = 200;

/** @returns what gives whether there is more to do */
export function hourStage({ prepared, again, write }: HourResealingParts): () => boolean {
  let after = 0;
  return () => {
    type Row = [number, number, Uint8Array];
    const page = readUnlessCorrupt(() => prepared.stretchWalk.all(after, ROWS) as Row[]) ?? [];
    for (const [id, channel, sealed] of page) {
      const fresh = again(sealed, placeOf({ channel, id }));
      if (fresh !== undefined) write(() => prepared.stretchReseal.run(fresh, id));
    }
    after = page.at(-1)?.[0] ?? after;
    return page.length === ROWS;
  };
}
