/**
 * Where the life cycle goes on when trust state is not what it was (07 2.12): from `trust/last-good`, never below the
 * marks, frozen. And how a person ends that. Pure.
 *
 * @module
 */
import { differenceOf } from "#config/difference.ts";
import type { LifeCycle, Offer } from "#config/life-cycle-state.ts";
import { parseTime } from "#documents/time.ts";
import type { Marks } from "../marks/marks.ts";
import type { InspectedLastGood } from "./last-good-bundle.ts";

/** As an offer that was committed. */
export function offerOf({ config, body }: InspectedLastGood): Offer {
  const { digest, document } = config;
  const { epoch, seq, base, offerExpires } = document;
  const offerExpiresMs = parseTime(offerExpires) ?? 0;
  return { digest, epoch, seq, base, offerExpiresMs, risk: differenceOf(undefined, body).risk };
}

/**
 * @param found what the store still says
 * @param lastGood absent where none runs
 */
export function recoveredLifeCycle(
  found: LifeCycle,
  floor: Marks,
  lastGood: InspectedLastGood | undefined,
): LifeCycle {
  const known = lastGood === undefined ? undefined : offerOf(lastGood);
  const seen = [
    { epoch: found.epoch, seqHigh: found.seqHigh },
    { epoch: floor.epoch, seqHigh: floor.seqHigh },
    ...(known === undefined ? [] : [{ epoch: known.epoch, seqHigh: known.seq }]),
    ...(lastGood?.trust ?? []).map(({ document }) => ({ epoch: document.configEpoch, seqHigh: 0 })),
  ];
  const { current: _, ...kept } = found;
  return {
    ...kept,
    ...highestOf(seen),
    // What was on its way was never seen to work.
    current: undefined,
    received: undefined,
    ...(known === undefined ? {} : { lastGood: known }),
    freeze: "trustState",
  };
}

export interface Height {
  readonly epoch: number;
  readonly seqHigh: number;
}

/** The highest of everything readable: sequence numbers count inside the highest epoch alone. */
export function highestOf(seen: readonly Height[]): Height {
  const epoch = Math.max(0, ...seen.map((one) => one.epoch));
  const inIt = seen.filter((one) => one.epoch === epoch).map(({ seqHigh }) => seqHigh);
  return { epoch, seqHigh: Math.max(0, ...inIt) };
}
