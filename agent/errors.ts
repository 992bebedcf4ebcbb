/** A fault from the closed catalogue, and the facts that may stand beside it. @module */
import { CATALOGUE } from "./error-catalogue.ts";
import type { CatalogueRow, Disposition, ExitCode } from "./exit-codes.ts";
import type { Facts, Identifier } from "./fact-names.ts";

export type { Facts, Identifier } from "./fact-names.ts";

export type ErrorCode = keyof typeof CATALOGUE;

/**
 * Marks a string as safe to print.
 *
 * @param text at most 64 characters, each a letter, a digit or one of `_.:-`; a `$` may stand before them, as in
 *   the names of reserved channels (06 TP35)
 * @returns `text`, unchanged
 * @throws {RangeError} if `text` is anything else; the error does not quote `text`
 */
export function identifierFrom(text: string): Identifier {
  if (!/^\$?[A-Za-z0-9_.:-]{1,64}$/.test(text)) {
    throw new RangeError(`Cannot print a ${text.length}-character string as an identifier`);
  }
  return text as Identifier;
}

/**
 * A control id as a fact, where it may be shown (08 PL4): at most 64 characters of `[A-Za-z0-9._-]`.
 *
 * @param controlId MSH-10 as sent
 * @returns no fact for any other one: it could be a name
 */
export function controlIdFact(controlId: Uint8Array | undefined): { controlId?: Identifier } {
  if (controlId === undefined || controlId.length === 0 || controlId.length > 64) return {};
  const text = String.fromCharCode(...controlId);
  return /^[A-Za-z0-9._-]+$/.test(text) ? { controlId: text as Identifier } : {};
}

/** A foreign error's code (`EADDRINUSE`, `SQLITE_FULL`), or `unknown`; its text is never used (08 PL3). */
export function codeOf(error: unknown): Identifier {
  const code = (error as { code?: unknown } | null)?.code;
  const safe = typeof code === "string" && /^[A-Za-z0-9_.:-]{1,64}$/.test(code);
  return identifierFrom(safe ? code : "unknown");
}

/** A fault from the catalogue. Expected outcomes are return values, never this. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly code: ErrorCode;
  readonly facts: Facts;

  constructor(code: ErrorCode, facts: Facts, options?: ErrorOptions) {
    super(`${code}: ${CATALOGUE[code].summary}`, options);
    this.code = code;
    this.facts = facts;
  }

  get disposition(): Disposition {
    return CATALOGUE[this.code].disposition;
  }

  get exit(): ExitCode {
    return CATALOGUE[this.code].exit;
  }

  get summary(): string {
    return CATALOGUE[this.code].summary;
  }

  get remedy(): string {
    return CATALOGUE[this.code].remedy;
  }
}

/** Every code with its texts, in listing order: for the documentation and for tests. */
export const ERROR_CATALOGUE: Readonly<Record<ErrorCode, CatalogueRow>> = CATALOGUE;
