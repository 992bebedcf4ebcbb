/** Where a line of the packaged executable comes from in the source; made when it is built. @module */
import { getAsset, isSea } from "node:sea";

export interface PlaceTable {
  /** From the root of the project, such as `agent/main.ts`. */
  readonly paths: readonly string[];
  /** From a line on, counted from 0: the index of its path (-1: none of ours), and the line there, from 0. */
  readonly runs: readonly (readonly [line: number, path: number, sourceLine: number])[];
}

/** @param line from 1 @returns its line from 1; `undefined` for code of others */
export function placeIn(
  { paths, runs }: PlaceTable,
  line: number,
): { readonly path: string; readonly line: number } | undefined {
  const run = runs.findLast(([from]) => from <= line - 1);
  const path = run === undefined ? undefined : paths[run[1]];
  if (run === undefined || path === undefined) return undefined;
  return { path, line: run[2] + (line - 1 - run[0]) + 1 };
}

/** That of this thread; `undefined` where the program runs from source. */
export function ownPlaces(): PlaceTable | undefined {
  if (!isSea()) return undefined;
  // Not at each start: only a fault asks for them.
  const { isMainThread, threadName } = process.getBuiltinModule("node:worker_threads");
  const { gunzipSync } = process.getBuiltinModule("node:zlib");
  const name = isMainThread ? "main" : threadName;
  try {
    return JSON.parse(gunzipSync(new Uint8Array(getAsset(`${name}.places`))).toString());
  } catch {
    // Whoever asks is telling of another fault: that one must be told.
    return undefined;
  }
}
