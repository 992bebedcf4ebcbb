/** The two chain values of a stretch, sealed into one envelope: 32 bytes each, nothing where one is not known. @module */
import type { SealPlace } from "../../sealing/seal-place.ts";
import type { Sealer } from "../../sealing/sealer.ts";

export interface Chains {
  readonly before: Uint8Array | null;
  readonly after: Uint8Array | null;
}

interface StretchPlace {
  readonly channel: number;
  readonly id: number;
}

const HASH_BYTES = 32;

export const placeOf = ({ channel, id }: StretchPlace): SealPlace => ({
  ...{ column: "stretch.chains", channel, row: id },
});

/** Both or none: half of it compares nothing. */
export function sealChains(
  sealer: Sealer,
  place: StretchPlace,
  { before, after }: Chains,
): Uint8Array {
  const parts = before === null || after === null ? [] : [before, after];
  return sealer.seal(parts, placeOf(place));
}

/** @returns `undefined` if it does not open */
export function openChains(
  sealer: Sealer,
  place: StretchPlace,
  sealed: Uint8Array,
): Chains | undefined {
  const plain = sealer.open(sealed, placeOf(place));
  if (plain === undefined) return undefined;
  if (plain.length !== 2 * HASH_BYTES) return { before: null, after: null };
  const both = new Uint8Array(plain);
  return { before: both.subarray(0, HASH_BYTES), after: both.subarray(HASH_BYTES) };
}
