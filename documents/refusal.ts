/**
 * Why a document is refused: the codes of 07 2.4, and the step that said no.
 *
 * A refusal is an expected outcome and therefore a value; the kernel throws nothing.
 *
 * @module
 */

/** Codes are public: audit entries, answers and tests name them. Never renamed or reused. */
export const REFUSAL_CODES = [
  "TOO_LARGE",
  "MALFORMED",
  "WRONG_TYPE",
  "SIGNATURES",
  "WRONG_RECIPIENT",
  "NOT_WAITING",
  "ROLLBACK",
  "BAD_TRUST",
  "POLICY",
  "FROZEN",
  "EPOCH",
  "ALREADY_APPLIED",
  "IN_PROGRESS",
  "BURNT",
  "FAST_FORWARD",
  "BASE_MISMATCH",
  "EXPIRED",
  "LIFETIME",
  "FUTURE",
  "VERSION",
  "SCHEMA",
  "PREFLIGHT",
  "AUDIT",
  "REPLAY",
  "BUSY",
  "OP_NOT_ALLOWED",
  "SUPPORT_OFF",
  "CONSENT",
  "RATE",
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

export interface Refused {
  readonly kind: "refused";
  readonly code: RefusalCode;
  /** The step of 07 2.4 that refused, such as `V8` or `VT3`. */
  readonly step: string;
  /**
   * What exactly was wrong, safe to print anywhere: at most 64 characters of `[A-Za-z0-9_.:-]`, so
   * that nothing of a document that nobody signed reaches a log.
   */
  readonly detail?: string;
}

const DETAIL_MAX_CHARACTERS = 64;

/** @param detail cut to what {@link Refused.detail} promises; other characters become `-` */
export function refused(code: RefusalCode, step: string, detail?: string): Refused {
  if (detail === undefined) return { kind: "refused", code, step };
  const safe = detail.replaceAll(/[^A-Za-z0-9_.:-]/g, "-").slice(0, DETAIL_MAX_CHARACTERS);
  return { kind: "refused", code, step, detail: safe };
}
