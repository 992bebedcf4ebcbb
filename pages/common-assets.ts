/** What every page of ours is made of beside its HTML: read once and served from memory. @module */
import { ownFile, packageFile } from "#packaged/own-files.ts";
import type { Tone } from "./tone.ts";

export interface Asset {
  readonly type: string;
  readonly body: Uint8Array;
}

export const CSS = "text/css; charset=utf-8";
export const JAVASCRIPT = "text/javascript; charset=utf-8";

const TONES = {
  ...{ good: "#1a7f4b", notice: "#4a6580", warning: "#b76e00", critical: "#c62828" },
} as const satisfies Record<Tone, string>;

/** By path. */
export function commonAssets(): ReadonlyMap<string, Asset> {
  const own = (name: string): Uint8Array => ownFile(new URL(`assets/${name}`, import.meta.url));
  return new Map<string, Asset>([
    ["/colors.css", { type: CSS, body: own("colors.css") }],
    ["/page.css", { type: CSS, body: own("page.css") }],
    ["/become.js", { type: JAVASCRIPT, body: own("become.js") }],
    ["/charts.css", { type: CSS, body: packageFile("uplot/dist/uPlot.min.css") }],
    ["/charts.js", { type: JAVASCRIPT, body: packageFile("uplot/dist/uPlot.iife.min.js") }],
    ...Object.entries(TONES).map(
      ([tone, color]) =>
        [`/icon-${tone}.svg`, { type: "image/svg+xml", body: icon(color) }] as const,
    ),
  ]);
}

/** A disc in the colour of the first line: seen in a row of tabs. */
const icon = (color: string): Uint8Array =>
  new TextEncoder().encode(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${color}"/></svg>`,
  );
