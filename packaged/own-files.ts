/** Files that a program brings along: beside its source, or inside the packaged executable (09 1.3). @module */
import { readFileSync } from "node:fs";
import { getAsset, isSea } from "node:sea";

/** @param at such as `new URL("assets/page.css", import.meta.url)`; inside the executable, its path is a name */
export function ownFile(at: URL): Uint8Array {
  return isSea() ? asset(at.pathname.slice(1)) : readFileSync(at);
}

/** @param path of a file in a dependency, such as `uplot/dist/uPlot.min.css` */
export function packageFile(path: string): Uint8Array {
  if (isSea()) return asset(`node_modules/${path}`);
  // Not for a start of the executable, which has no packages.
  const { createRequire } = process.getBuiltinModule("node:module");
  return readFileSync(createRequire(import.meta.url).resolve(path));
}

const asset = (name: string): Uint8Array => new Uint8Array(getAsset(name));
