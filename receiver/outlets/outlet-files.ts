/** The files that outlets name in `receiver.yaml`. @module */
import { readFileSync } from "node:fs";
import { foreignCode, identifierFrom, ReceiverError } from "../errors.ts";

interface NamedOutlet {
  readonly name: string;
}

/** @throws {ReceiverError} `OUTLET_FILE`, naming the outlet and the key */
export function textOf(outlet: NamedOutlet, key: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw fileError(outlet, key, error);
  }
}

/** @returns what is thrown for a file that cannot be read, or holds something else */
export function fileError({ name }: NamedOutlet, key: string, cause?: unknown): ReceiverError {
  const named = { outlet: identifierFrom(name), key: identifierFrom(key) };
  const error = cause === undefined ? {} : { error: foreignCode(cause) };
  return new ReceiverError("OUTLET_FILE", { cause, facts: { ...named, ...error } });
}
