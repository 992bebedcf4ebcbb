/** What the console's pages are made of beside their HTML: read once, and served from memory to anybody. @module */
import { ownFile } from "#packaged/own-files.ts";
import { type Asset, CSS, commonAssets, JAVASCRIPT } from "#pages/common-assets.ts";

/** By path. */
export function consoleAssets(): ReadonlyMap<string, Asset> {
  const own = (name: string): Uint8Array => ownFile(new URL(`assets/${name}`, import.meta.url));
  return new Map<string, Asset>([
    ...commonAssets(),
    ["/console.css", { type: CSS, body: own("console.css") }],
    ["/console-live.js", { type: JAVASCRIPT, body: own("console-live.js") }],
    ["/waits.js", { type: JAVASCRIPT, body: own("waits.js") }],
  ]);
}
