/** Which line of which source each line of a bundle is: all that is told of a fault that no part expected (08 PL3). @module */
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";
import type { PlaceTable } from "#packaged/own-places.ts";
import { ROOT } from "./root.ts";

/** @param bundle with its source map beside it; lines of dependencies are left out */
export function placesOf(bundle: string): PlaceTable {
  const map = new SourceMap(JSON.parse(readFileSync(`${bundle}.map`, "utf8")));
  const lines = readFileSync(bundle, "utf8").split("\n").length;
  const paths: string[] = [];
  const runs: [number, number, number][] = [];
  let [lastPath, lastDistance] = [-1, 0];
  for (let line = 0; line < lines; line++) {
    // The last column: an entry before the line's own code belongs to the line above.
    const entry = map.findEntry(line, Number.MAX_SAFE_INTEGER);
    const isThisLine = "generatedLine" in entry && entry.generatedLine === line;
    const path = isThisLine ? ownPath(bundle, entry.originalSource) : undefined;
    if (!isThisLine || path === undefined) {
      if (lastPath !== -1) runs.push([line, -1, 0]);
      lastPath = -1;
      continue;
    }
    const index = paths.includes(path) ? paths.indexOf(path) : paths.push(path) - 1;
    const distance = entry.originalLine - line;
    if (index !== lastPath || distance !== lastDistance)
      runs.push([line, index, entry.originalLine]);
    [lastPath, lastDistance] = [index, distance];
  }
  return { paths, runs };
}

export const packedPlaces = (table: PlaceTable): Uint8Array => gzipSync(JSON.stringify(table));

function ownPath(bundle: string, source: string): string | undefined {
  const path = relative(ROOT, join(dirname(bundle), source)).replaceAll(sep, "/");
  return path.includes("node_modules/") ? undefined : path;
}
