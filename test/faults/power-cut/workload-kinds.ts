/** What the recorder, the workload and the judge of the power cuts agree on. @module */

export const CHANNELS = ["adt", "lab"] as const;

/** `pruning`: the receiver settles at once and nothing is retained, so that bodies go while others come. */
export const WORKLOADS = ["mixed", "small", "pruning"] as const;
export type WorkloadKind = (typeof WORKLOADS)[number];

/** Environment of the judge: the file with the KEK, which is not in the image. */
export const KEK_FILE = "CRASH_KEK_FILE";
