/** What goes wrong in a run, and how often: drawn from its seed. @module */
import { MESSAGE_LIMIT_DEFAULT_BYTES } from "#receiver/limits.ts";
import type { SeededChance } from "./seeded-chance.ts";

/** Probabilities, but for the sizes and times that say so. */
export interface Faults {
  /** That a connection breaks at one of its first frames. */
  cuts: number;
  /** That a break is noticed by silence alone, at one end or both. */
  silentCuts: number;
  lostDials: number;
  /** That a store call is answered BUSY, and of the agent's store that a write fails. */
  busy: number;
  /** For a while nothing is stored at all: the disk is full, or the database away. */
  isStoreAway: boolean;
  /** That a call is carried out twice, because what became of the first is not known. */
  twice: number;
  /** What a store call may take, in ms. */
  slowStoreMs: number;
  /** What a node takes: a node that is set up wrongly refuses for good. */
  messageLimitBytes: number;
}

export function drawFaults(chance: SeededChance): Faults {
  const sometimes = (probability: number, value: number): number =>
    chance.happens(probability) ? value * chance.unit() : 0;
  return {
    cuts: sometimes(0.8, 1),
    silentCuts: sometimes(0.3, 0.5),
    lostDials: sometimes(0.3, 0.4),
    busy: sometimes(0.25, 0.3),
    isStoreAway: false,
    twice: sometimes(0.25, 0.5),
    slowStoreMs: chance.pick([5, 50, 2_000]),
    messageLimitBytes: MESSAGE_LIMIT_DEFAULT_BYTES,
  };
}

/** Nothing more goes wrong. */
export function calm(faults: Faults): void {
  Object.assign(faults, {
    ...{
      cuts: 0,
      silentCuts: 0,
      lostDials: 0,
      busy: 0,
      isStoreAway: false,
      twice: 0,
      slowStoreMs: 5,
    },
    messageLimitBytes: MESSAGE_LIMIT_DEFAULT_BYTES,
  });
}
