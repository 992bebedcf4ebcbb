/** What the packaged executable is made of, for whoever installs it (09 2.1). @module */
import { getAsset, isSea } from "node:sea";
import { ADD_ON_NAMES, addOnFileName } from "./add-ons.ts";

export interface OwnProgram {
  /** The executable that runs. */
  readonly file: string;
  /** Its native code, by the name of the file that it looks for. */
  readonly addOns: ReadonlyMap<string, () => Uint8Array>;
}

/** @returns `undefined` where it runs from source */
export function ownProgram(): OwnProgram | undefined {
  if (!isSea()) return undefined;
  const addOns = ADD_ON_NAMES.map(
    (name) =>
      [addOnFileName(name), () => new Uint8Array(getAsset(`add-ons/${name}.node`))] as const,
  );
  return { file: process.execPath, addOns: new Map(addOns) };
}
