/** Names that a person chose, as far as they may be printed (08 PL2). @module */
import { type Identifier, identifierFrom } from "../errors.ts";

/** @returns `text`, or that it cannot be shown */
export function printable(text: string): Identifier {
  return identifierFrom(/^[A-Za-z0-9_.:-]{1,64}$/.test(text) ? text : "NOT_PRINTABLE");
}
