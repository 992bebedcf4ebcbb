/** Bounds of releases, in bytes. @module */

/** A root with 16 keys and as many signatures is under 10 kB. */
export const ROOT_MAX_BYTES = 65_536;
export const TIMESTAMP_MAX_BYTES = 16_384;
export const SNAPSHOT_MAX_BYTES = 65_536;
export const TARGETS_MAX_BYTES = 262_144;
/** Larger than any package of 09 T-K01 by far. */
export const PACKAGE_MAX_BYTES = 268_435_456;
/** One rotation a week for five years: a longer walk than this has no honest reason. */
export const ROOT_WALK_MAX = 256;
