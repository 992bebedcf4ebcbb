/** What the page is made of beside its HTML: read once, when the page is opened, and served from memory. @module */
import { ownFile } from "#packaged/own-files.ts";
import { type Asset, commonAssets, JAVASCRIPT } from "#pages/common-assets.ts";

/** By path. */
export function loadAssets(): ReadonlyMap<string, Asset> {
  const own = (name: string): Uint8Array => ownFile(new URL(`assets/${name}`, import.meta.url));
  return new Map<string, Asset>([
    ...commonAssets(),
    ["/live.js", { type: JAVASCRIPT, body: own("live.js") }],
    ["/day.js", { type: JAVASCRIPT, body: own("day.js") }],
  ]);
}
