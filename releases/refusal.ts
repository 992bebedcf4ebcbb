/**
 * Why a release is refused, and by which of the numbered checks of 07 section 3.
 *
 * A refusal is an expected outcome and therefore a value. {@link ReleaseRefused} carries one through the library
 * that walks the metadata, and goes no further than `refresh.ts`.
 *
 * @module
 */

/** Codes are public. Never renamed or reused. */
export const RELEASE_CODES = [
  /** The chain of signatures, versions and hashes is broken: what the library itself refuses. */
  "CHAIN",
  "MALFORMED",
  "TOO_LARGE",
  "METADATA_MISSING",
  "KEYS",
  "DELEGATION",
  "EXPIRED",
  "CLOCK_SUSPECT",
  "OLDER",
  "TARGET_UNKNOWN",
  "CUSTOM",
  "MIN_FROM",
  "GOING_BACK",
  "CONTENT",
  "SBOM",
  "SIGNATURE",
  "STAGING",
] as const;
export type ReleaseCode = (typeof RELEASE_CODES)[number];

/** The check that said no; `TUF` is the library. */
export type Step = "TUF" | `W${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13}`;

export interface Refused {
  readonly kind: "refused";
  readonly code: ReleaseCode;
  readonly step: Step;
  /** Safe to print anywhere: at most 64 characters of `[A-Za-z0-9_.:-]`. */
  readonly detail?: string;
}

const DETAIL_MAX_CHARACTERS = 64;

/** @param detail cut to what {@link Refused.detail} promises; other characters become `-` */
export function refused(code: ReleaseCode, step: Step, detail?: string): Refused {
  if (detail === undefined) return { kind: "refused", code, step };
  const safe = detail.replaceAll(/[^A-Za-z0-9_.:-]/g, "-").slice(0, DETAIL_MAX_CHARACTERS);
  return { kind: "refused", code, step, detail: safe };
}

/** A refusal on its way out of a callback. */
export class ReleaseRefused extends Error {
  override readonly name = "ReleaseRefused";
  readonly refusal: Refused;

  constructor(refusal: Refused) {
    super(`${refusal.code} at ${refusal.step}`);
    this.refusal = refusal;
  }
}
