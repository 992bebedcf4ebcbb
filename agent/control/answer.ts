/**
 * What an answer may be made of: numbers, yes or no, and checked identifiers. The compiler refuses a plain string, so
 * that nothing that somebody else wrote leaves by accident (08 5.3: what is not listed does not exist).
 *
 * @module
 */
import { type Identifier, identifierFrom } from "../errors.ts";

export type AnswerFact = number | boolean | null | Identifier;
export type Answer = AnswerFact | readonly Answer[] | { readonly [name: string]: Answer };

/** What an operation gives. */
export type Answered =
  | { readonly kind: "facts"; readonly answer: Answer }
  /** Text of its own form (08 5.1), which leaves sealed. */
  | { readonly kind: "bundle"; readonly plain: Uint8Array };

/** RFC 3339 with milliseconds, which an identifier can hold. */
export const timeFact = (ms: number): Identifier => identifierFrom(new Date(ms).toISOString());

export const optionalTime = (ms: number | undefined): AnswerFact =>
  ms === undefined ? null : timeFact(ms);

/** A time that a part of ours has written. */
export const writtenTime = (iso: string | undefined): AnswerFact =>
  iso === undefined ? null : timeFact(Date.parse(iso));

/** Of 63 bits: as text where a number could not hold it. */
export const bigFact = (value: bigint): AnswerFact => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : identifierFrom(String(value));
};

/** Names of channels are the hospital's own words: those that are no identifiers are not shown (03: `name`). */
export const nameFact = (name: string): Identifier =>
  /^\$?[A-Za-z0-9_.:-]{1,64}$/.test(name) ? identifierFrom(name) : identifierFrom("unprintable");

export const optional = <T extends AnswerFact>(value: T | undefined): AnswerFact => value ?? null;
