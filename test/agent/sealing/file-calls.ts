/**
 * What the program asks of the file system, in order, and its death at any one of these calls: that call
 * and every later one fails, as they would never happen; of a write that it dies at half is done.
 *
 * @module
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";

const NAMES = [
  "openSync",
  "writeFileSync",
  "fsyncSync",
  "closeSync",
  "renameSync",
  "rmSync",
  "mkdirSync",
] as const;
/** Nothing on disk depends on it, and a descriptor that stays open would be a leak of the test. */
const HARMLESS = "closeSync";

export interface Observed {
  /** `rename 1.key.new`, `fsync 1.key.new`; of a folder its own name. */
  readonly calls: readonly string[];
  /** False: `act` came to its end before the call to die at. */
  readonly killed: boolean;
}

type Call = (...args: never[]) => unknown;
type Functions = Record<(typeof NAMES)[number], Call>;

/**
 * Runs `act` and writes down its calls.
 *
 * @param dieAt index of the call that does not happen any more, harmless ones not counted
 */
export function observe(act: () => void, dieAt = Number.POSITIVE_INFINITY): Observed {
  const functions = fs as unknown as Functions;
  const real = Object.fromEntries(NAMES.map((name) => [name, functions[name]])) as Functions;
  const opened = new Map<unknown, string>();
  const calls: string[] = [];
  let killed = false;
  for (const name of NAMES) {
    functions[name] = (...args: never[]) => {
      const [target] = args as unknown[];
      const file =
        typeof target === "number" ? (opened.get(target) ?? "") : basename(String(target));
      if (name !== HARMLESS) {
        calls.push(`${name.replace(/(?:File)?Sync$/, "")} ${file}`);
        if (calls.length > dieAt) {
          if (calls.length === dieAt + 1 && name === "writeFileSync") half(real, args as unknown[]);
          killed = true;
          throw new Error("the program is dead");
        }
      }
      const result = real[name](...args);
      if (name === "openSync") opened.set(result, file);
      return result;
    };
  }
  syncBuiltinESMExports();
  try {
    act();
  } catch (error) {
    // What the program would say of its own death is no result.
    if (!killed) throw error;
  } finally {
    Object.assign(functions, real);
    syncBuiltinESMExports();
  }
  return { calls, killed };
}

function half({ writeFileSync }: Functions, [descriptor, content]: readonly unknown[]): void {
  const bytes = Buffer.from(content as Uint8Array);
  const write = writeFileSync as unknown as typeof fs.writeFileSync;
  write(descriptor as number, bytes.subarray(0, bytes.length / 2));
}
