/** Whether the key files of a store open, for whoever only looks. @module */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../errors.ts";
import { INDEX_KEY_EPOCH, unwrapKey } from "./key-file.ts";
import { type Kek, keyEpochOfName } from "./key-ring.ts";

export interface CheckedKeys {
  readonly opened: number;
  /** Wrapped by a KEK that was not given: their epochs, lowest first. */
  readonly otherKek: readonly number[];
  /** Altered, of another store, or no key file: their epochs, lowest first. */
  readonly damaged: readonly number[];
  /** `index.key` is there. */
  readonly hasIndex: boolean;
}

/**
 * Reads every key file, and changes nothing. One that is deleted meanwhile counts as not there.
 *
 * @param storeId 16 bytes
 * @throws the operating system's error, untranslated
 */
export function checkKeyFiles(folder: string, kek: Kek, storeId: Uint8Array): CheckedKeys {
  const keks = kek.previous === undefined ? [kek.current] : [kek.current, kek.previous];
  const found: { readonly epoch: number; readonly outcome: string }[] = [];
  for (const name of readdirSync(folder)) {
    const epoch = keyEpochOfName(name);
    const file = epoch === undefined ? undefined : readIfThere(join(folder, name));
    if (epoch === undefined || file === undefined) continue;
    found.push({ epoch, outcome: unwrapKey(file, epoch, keks, storeId).outcome });
  }
  const of = (outcome: string): number[] =>
    found
      .filter((one) => one.outcome === outcome)
      .map(({ epoch }) => epoch)
      .sort((a, b) => a - b);
  return {
    opened: of("opened").length,
    otherKek: of("otherKek"),
    damaged: of("damaged"),
    hasIndex: found.some(({ epoch }) => epoch === INDEX_KEY_EPOCH),
  };
}

function readIfThere(file: string): Uint8Array | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
