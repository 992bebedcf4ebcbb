/** Every bound of a signed document, with its unit and where the number is from (07 2.2, 2.4, 2.13). @module */

/** V1, bytes. A config document of 1 MB is 1.4 MB in base64; looked at before anything is parsed. */
export const ENVELOPE_MAX_BYTES = 2 * 1_048_576;
/** V3, levels of objects and arrays. */
export const JSON_MAX_DEPTH = 32;
/** V6. */
export const SIGNATURES_MAX_COUNT = 16;
/** 2.13, bytes. */
export const BUNDLE_MAX_BYTES = 5 * 1_048_576;
/** Documents of the chain in one bundle: as many as an agent keeps, and more than fit if each has its size. */
export const BUNDLE_TRUST_MAX_COUNT = 2_048;
/** Approvals in one bundle: more voices no hospital has. */
export const BUNDLE_APPROVALS_MAX_COUNT = 64;
/** VC4: how far one document may take the sequence; a stolen key cannot use it up. */
export const SEQ_MAX_STEP = 10_000;

/** 2.4, 2.5: how far clocks may differ. */
export const CLOCK_TOLERANCE_MS = 10 * 60_000;
/** VC6. Offers meant for USB live as long (2.13). */
export const OFFER_MAX_LIFETIME_MS = 90 * 86_400_000;
/** 2.2: a head that lives longer would hide a newer configuration for longer. */
export const HEAD_MAX_LIFETIME_MS = 7 * 86_400_000;
/** VM2. */
export const COMMAND_MAX_LIFETIME_MS = 15 * 60_000;
