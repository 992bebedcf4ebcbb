/** Native code that is not loaded, as an error of the catalogue. @module */
import type { AddOnError } from "#packaged/add-ons.ts";
import { AgentError, codeOf, identifierFrom } from "../errors.ts";

export const addOnFault = (error: AddOnError): AgentError =>
  new AgentError(error.code, { addOn: identifierFrom(error.addOn), sysCode: codeOf(error.cause) });
